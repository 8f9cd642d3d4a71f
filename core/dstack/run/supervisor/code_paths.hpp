// What the code of a run has at its paths.
#pragma once

#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <optional>
#include <string>

namespace dstack::run {

/// Lists the code when it is first asked, and once. Both arguments must outlive it. For one thread.
class CodePaths {
 public:
  CodePaths(const job::TreeReference& code, const store::ObjectStore& objects)
      : code_(code), objects_(objects) {}

  /// Whether there is a file or a folder at `path`, from the code's root. Also true where the code
  /// cannot be read: nothing is to be said about it then.
  bool has(const std::string& path) const;

  bool is_readable() const;

  const job::TreeReference& code() const { return code_; }

  const store::ObjectStore& objects() const { return objects_; }

 private:
  const Result<std::vector<store::TreeFile>>& files() const;

  const job::TreeReference& code_;
  const store::ObjectStore& objects_;
  mutable std::optional<Result<std::vector<store::TreeFile>>> files_;
};

}  // namespace dstack::run
