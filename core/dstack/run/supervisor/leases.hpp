// What a supervisor asks of whoever shares out the machine: which jobs may start now, and with
// which part of it. Reservations (reservations.hpp) are the leases of one machine; where a cluster
// has a queue of its own, that one shares out, and here every job may start.
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

  /// Whether the gang of a job has now all that it asks for, or has to wait. True also where the
  /// asking failed: gpus_of() has the error.
  virtual bool may_start(std::size_t job) = 0;
  /// The GPUs that a job which may start was given.
  virtual Result<std::vector<std::string>> gpus_of(std::size_t job) const = 0;
  /// A descriptor for its runner to hold; -1: it has nothing reserved.
  virtual int lease_of(std::size_t job) const = 0;
  /// Why a job waits, when that was not reported yet.
  virtual std::optional<std::string> new_reason(std::size_t job) = 0;

  /// Takes part in what an earlier supervisor was given for the gang of a job that it started;
  /// `unfinished` of the gang have not ended yet.
  virtual Result<void> adopt(std::size_t job, std::size_t unfinished) = 0;
  /// An attempt of a job has ended, and nothing of it lives any more. With the last of its gang the
  /// lease is given back.
  virtual void ended(std::size_t job) = 0;
  /// Nobody queues who could not start at once: those for whom `could_start` is false leave.
  virtual void withdraw_unless(const std::function<bool(std::size_t job)>& could_start) = 0;
};

}  // namespace dstack::run
