// Which libraries of projects the user trusts, each by the SHA-256 of its content: a project that
// was fetched from somewhere must not run code before its user has agreed to it. Kept in one small
// JSON file of the home: the library's real path, and the hash.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/sha256.hpp"

#include <map>
#include <string>

namespace dstack::provider {

class TrustedLibraries {
 public:
  /// A file that is not there trusts nothing. One that others could replace is an error.
  static Result<TrustedLibraries> load(const Path& file);

  enum class Verdict {
    trusted,
    unknown,  ///< never trusted
    changed,  ///< it is another than the one that was trusted
  };

  /// Reads the library's content, but only where something is known of it.
  Result<Verdict> judge(const Path& library) const;

  /// Trusts the library as it is now; what its hash is.
  Result<Digest> add(const Path& library);
  /// False where it was not trusted anyway.
  bool remove(const Path& library);
  Result<void> save() const;

 private:
  Path file_;
  std::map<std::string, std::string> hashes_;
};

}  // namespace dstack::provider
