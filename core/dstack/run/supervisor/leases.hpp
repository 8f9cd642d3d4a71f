// How a supervisor shares the machine with others: which jobs may start now, and with which
// resources. Reservations (reservations.hpp) are the leases of one machine; where a cluster has a
// queue of its own, that queue allocates, and here every job may start.
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// For one thread.
class Leases {
 public:
  virtual ~Leases() = default;

  /// Whether the gang of a job has now all that it asks for, or has to wait. True also if the
  /// request failed: gpus_of() returns the error.
  virtual bool may_start(std::size_t job) = 0;
  /// The GPUs of a job that may start.
  virtual Result<std::vector<std::string>> gpus_of(std::size_t job) const = 0;
  /// A descriptor for its runner to hold; -1: it has nothing reserved.
  virtual int lease_of(std::size_t job) const = 0;
  /// Why a job waits, unless that was already reported.
  virtual std::optional<std::string> new_reason(std::size_t job) = 0;

  /// Joins the lease that an earlier supervisor has for the gang of a job that it started;
  /// `unfinished` of the gang have not ended yet.
  virtual Result<void> adopt(std::size_t job, std::size_t unfinished) = 0;
  /// An attempt of a job has ended, and nothing of it lives any more. With the last of its gang the
  /// lease is given back.
  virtual void ended(std::size_t job) = 0;
  /// A job that could not start at once does not queue: withdraws those for which `could_start` is
  /// false.
  virtual void withdraw_unless(const std::function<bool(std::size_t job)>& could_start) = 0;
};

}  // namespace dstack::run
