// What the documentation shows, for tests that do what it says.
#pragma once

#include "support/sandbox.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::test {

/// A file of the project, by its path from the project's root.
inline std::string source(const std::string& path) {
  const auto text = read_file(Path(DSTACK_SOURCE_DIR) / path);
  INFO(path);
  REQUIRE(text);
  return *text;
}

/// The fenced blocks of a language in a text in Markdown, in order.
inline std::vector<std::string> blocks(const std::string& text, const std::string& language) {
  std::vector<std::string> all;
  const std::string fence = "```" + language + "\n";
  for (std::size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    all.push_back(text.substr(at, text.find("```", at) - at));
  }
  return all;
}

/// Writes the files that a page shows into the box's project: the blocks whose first line is a
/// comment with the file's name.
inline void write_files_of(const std::string& page, const Sandbox& box) {
  std::size_t written = 0;
  const std::string text = source(page);
  for (const char* language : {"yaml", "python", "text"})
    for (const std::string& block : blocks(text, language)) {
      if (!block.starts_with("# "))
        continue;
      const std::size_t body = block.find('\n') + 1;
      box.file(block.substr(2, body - 3), block.substr(body));
      ++written;
    }
  REQUIRE(written > 0);
}

}  // namespace dstack::test
