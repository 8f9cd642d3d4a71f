// What is not code although it lies in the project's folder: the home, declared artifacts, what
// .dstackignore names, and folders that mark themselves as an environment or a cache. Internal to
// source/.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/source/ignore.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

inline constexpr const char* ignore_file = ".dstackignore";
/// A folder with one of these is a Python environment, or a cache that any program may make again.
inline constexpr std::array<std::string_view, 2> folder_markers = {"pyvenv.cfg", "CACHEDIR.TAG"};

bool is_folder_marker(std::string_view name);
/// The text of the file `name` in a folder below `root` ("" is the root itself), which no link on
/// the way leads to; nothing where there is none.
std::optional<std::string> read_rule_file(int root, const std::string& folder, const char* name);

class Exclusions {
 public:
  /// `root` is an open descriptor of `project`, which must outlive this.
  Exclusions(int root,
             const Path& project,
             const Path& home,
             const std::vector<std::string>& artifacts);

  /// Reads the file of rules of a folder ("" is the root), where there is one. Folders before those
  /// below them.
  void read_rules(const std::string& folder);
  bool is_home(std::string_view path) const;
  bool is_artifact(std::string_view path) const;
  /// What the rules say of the path and of the folders that it is in.
  bool ignores(const std::string& path);
  bool ignores_folder(const std::string& path);
  /// What they say of the path alone.
  bool matches(std::string_view path, PathType type) const;
  /// Whether a folder has one of the markers; the root's own are not looked at.
  bool is_marked(const std::string& folder) const;

 private:
  int root_;
  std::vector<std::string> never_;
  std::vector<PathPattern> artifacts_;
  IgnoreRules rules_;
};

}  // namespace dstack::source
