// The rules of .dstackignore files, in the syntax and with the meaning of .gitignore: the last rule
// that matches decides, those of a folder further down before those above it, and nothing below an
// excluded folder comes back. Done here and not by Git, because it also holds for tracked files and
// where there is no Git; there the rules of .gitignore are such rules, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dstack::source {

enum class PathType { file, folder };

class IgnoreRules {
 public:
  /// The text of the file in `folder` ("" is the root). Folders before those below them.
  void add(const std::string& folder, std::string_view text);

  bool empty() const { return files_.empty(); }

  /// What the rules say of this path alone, its folders left aside.
  bool matches(std::string_view path, PathType type) const;
  /// Whether the file, or a folder that it is in, is ignored.
  bool ignores(const std::string& path);
  /// The same for a folder.
  bool ignores_folder(const std::string& path);

 private:
  /// What is between two slashes; "**" is any number of folders.
  struct Segment {
    explicit Segment(std::string_view text);
    bool matches(std::string_view name) const;

    std::string text;
    bool is_literal;  ///< most are; asking fnmatch() costs far more than comparing
  };

  using Names = std::vector<std::string_view>;  ///< of the folders of a path, and its own

  struct Rule {
    std::vector<Segment> segments;
    bool is_negated = false;
    bool is_for_folders = false;
    bool is_anchored = false;  ///< else it is about the name, at any depth
  };

  struct File {
    std::string prefix;  ///< "" or "folder/"
    std::vector<Rule> rules;
  };

  static std::optional<Rule> parse(std::string_view line);
  static bool matches(const Rule& rule, const Names& path, PathType type);
  static bool match_segments(const std::vector<Segment>& pattern, const Names& path);

  std::vector<File> files_;
  std::unordered_map<std::string, bool> folders_;  ///< what ignores_folder() found
};

}  // namespace dstack::source
