// The records of a run, as far as its supervisor needs them: what an earlier one recorded, and what
// users have requested since.
#pragma once

#include "dstack/job/artifact.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace dstack::store {
class Records;
}

namespace dstack::run {

/// For one thread.
class RunHistory {
 public:
  virtual ~RunHistory() = default;

  virtual Result<std::vector<store::JobRecord>> jobs() = 0;
  virtual Result<std::vector<job::Artifact>> artifacts() = 0;
  /// The steps of a job, the earliest first.
  virtual Result<std::vector<store::HistoryEntry>> steps(std::size_t job) = 0;
  /// The stop that was requested of each workflow, by itself or with the whole run. An error: the
  /// run is no longer recorded.
  virtual Result<std::vector<job::StopRequest>> stops() = 0;
};

/// In the database. `records` must outlive it.
class DatabaseHistory : public RunHistory {
 public:
  DatabaseHistory(store::Records& records, store::RunId id, std::string run)
      : records_(records), id_(id), run_(std::move(run)) {}

  Result<std::vector<store::JobRecord>> jobs() override;
  Result<std::vector<job::Artifact>> artifacts() override;
  Result<std::vector<store::HistoryEntry>> steps(std::size_t job) override;
  Result<std::vector<job::StopRequest>> stops() override;

 private:
  store::Records& records_;
  store::RunId id_;
  std::string run_;
};

}  // namespace dstack::run
