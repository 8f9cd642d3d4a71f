// Paths that a user may write as patterns: `*.csv`, `out/**/*.pt`. No disk is looked at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dstack {

/// Whether a path has characters that a pattern gives a meaning to: `*`, `?` or `[`.
bool is_pattern(std::string_view path);

/// Whether a name of the path has a `[` without its `]`, which matches nothing but itself.
bool has_open_bracket(std::string_view path);

/// A normal relative path. `*`, `?` and `[…]` match within one name, names that begin with a dot
/// included; `**` as a whole name matches any number of folders, also none. A path without such
/// characters matches itself, and so does one with them: a file may be called `a[1]`.
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern);

  const std::string& text() const { return text_; }

  bool matches(std::string_view path) const;
  /// Whether it matches the path or a folder above it.
  bool covers(std::string_view path) const;

  /// The folders before the first name that is more than itself: "out" of `out/**/*.pt`, "" of
  /// `*.csv`.
  const std::string& fixed_part() const { return fixed_; }

  /// Whether something below `folder`, which is no match itself, may match.
  bool may_match_below(std::string_view folder) const;
  /// Whether it matches every path there is: `*`, `**`, `**/*`.
  bool matches_all() const;

 private:
  using Names = std::vector<std::string_view>;

  bool matches(const Names& path) const;
  bool matches_name(std::size_t at, std::string_view name) const;

  std::string text_;
  std::string fixed_;
  std::vector<std::string> names_;  ///< without repeated `**`
};

/// Whether one of the patterns covers the path.
bool is_covered(std::string_view path, const std::vector<PathPattern>& patterns);

std::vector<PathPattern> make_patterns(const std::vector<std::string>& paths);

}  // namespace dstack
