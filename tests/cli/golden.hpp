// A golden file: the files of a project, a command, and its exact output. The
// format is described in tests/cli/wrong/README.md.
#pragma once

#include "dstack/base/file.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::test {

struct GoldenSection {
  std::string name;
  bool escaped = false;
  std::string text;  ///< as it stands in the golden file

  /// The bytes that it means.
  std::string bytes() const;
};

class Golden {
 public:
  static Golden parse(std::string_view text);
  std::string render() const;

  /// The files of the project, and of the home where the name begins with `$DSTACK_HOME/`.
  std::vector<const GoldenSection*> files() const;
  /// The text of a section of ours; nothing where there is none.
  std::optional<std::string> find(std::string_view name) const;
  /// Replaces a section's text, or adds the section at the end.
  void set(std::string_view name, std::string text);

 private:
  std::string introduction_;
  std::vector<GoldenSection> sections_;
};

/// `\xNN`, `\n`, `\r`, `\t`, `\\`, a backslash before the end of a line (no line end), and
/// `\{TEXT*COUNT}`, which repeats TEXT.
std::string unescape(std::string_view text);

}  // namespace dstack::test
