// What the files of a project say about its Python: `.python-version`, as pyenv and uv read it, and
// the specifiers of `requires-python`. Works on text alone.
#pragma once

#include "dstack/python/version.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

/// PEP 440 specifiers for releases: `>=3.9,<3.13`, `==3.11.*`, `~=3.10`.
class VersionRange {
 public:
  /// Nothing when it is anything else. What follows a release (`rc1`) is not looked at.
  static std::optional<VersionRange> parse(std::string_view text);

  /// `version` is complete.
  bool allows(const Version& version) const;
  /// The least minor version that it may allow, such as 3.9; nothing without such a bound.
  std::optional<Version> least() const;

 private:
  struct Clause {
    std::string sign;
    Version version;
    bool any_end = false;  ///< `.*`
  };

  static bool holds(const Clause& clause, const Version& version);

  std::vector<Clause> clauses_;
};

/// The first entry of a `.python-version`.
struct VersionFileEntry {
  enum class Kind {
    version,         ///< `3.11`, `cpython-3.11.4`
    range,           ///< `>=3.11`
    implementation,  ///< another one than CPython: `pypy3.10-7.3.12`
    unknown,         ///< a name of pyenv's: `system`, `my-environment`
  };

  Kind kind = Kind::unknown;
  std::string written;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::string version;  ///< "3.11.4"; of a range its specifiers
};

/// Nothing when there are only comments.
std::optional<VersionFileEntry> read_version_file(std::string_view bytes);

}  // namespace dstack::python
