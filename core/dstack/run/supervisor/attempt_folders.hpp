// The traces of attempts as files below the user's home.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/supervisor/job_runners.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

struct RunOrder;

class AttemptFolders : public AttemptTraces {
 public:
  /// `order` must outlive it.
  AttemptFolders(files::Home home, const RunOrder& order);

  Result<std::size_t> newest(std::size_t job) const override;
  Result<Trace> look(std::size_t job, std::size_t attempt) const override;
  Result<std::optional<ExitRecord>> record(std::size_t job, std::size_t attempt) const override;
  Result<std::vector<std::uint16_t>> ports(std::size_t job, std::size_t attempt) const override;
  Result<std::vector<std::string>> messages(std::size_t job, std::size_t attempt) const override;
  Result<void> end_orphans(std::size_t job, std::size_t attempt) override;
  void remove_workspace(std::size_t job, std::size_t attempt) override;

  Path folder(std::size_t job, std::size_t attempt) const;
  /// Whether the lock that a runner holds for life is held.
  Result<bool> locked(std::size_t job, std::size_t attempt) const;
  /// The process of its runner, to be watched and signalled; none while it has not recorded its
  /// identity, and when it is dead.
  Fd open_runner(std::size_t job, std::size_t attempt) const;
  /// The same, wherever it is: for one that lives and whose identity does not become known.
  Fd find_runner(std::size_t job, std::size_t attempt) const;

 private:
  files::Home home_;
  const RunOrder& order_;
};

}  // namespace dstack::run
