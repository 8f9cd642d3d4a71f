// Files that stay where they are between two captures: artifacts of jobs that work in the project
// itself. What is remembered of them is an index as those of projects are (index.hpp).
#pragma once

#include "dstack/source/index.hpp"
#include "dstack/store/objects/objects.hpp"

#include <string>

namespace dstack::source {

/// For one capture.
class IndexedFiles final : public store::FileMemory {
 public:
  /// `path`: of the artifact, below `root`.
  IndexedFiles(const store::ObjectStore& objects, const Path& root, const std::string& path);

  std::optional<job::TreeReference> recall(std::vector<files::FoundFile>& entries) override;
  void remember(std::vector<files::FoundFile> entries, const job::TreeReference& tree) override;

 private:
  /// So that what is read now is known the next time.
  void await_settled(const std::vector<files::FoundFile>& entries) const;

  Path place_;
  Index index_;
  std::int64_t damage_;  ///< as in Index
  std::int64_t looked_at_ = 0;
};

}  // namespace dstack::source
