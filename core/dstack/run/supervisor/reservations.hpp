// What the jobs of one run have of the machine, and which of them wait for it. Jobs that start
// together ask together. Of those that ask for the same only one is in the queue at a time, so that
// a run of a thousand such jobs lets others have their turn. Jobs that ask for nothing cost
// nothing.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/resources/lease.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/schedule/gangs.hpp"
#include "dstack/run/supervisor/leases.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <poll.h>

namespace dstack::run {

/// For one thread.
class Reservations : public Leases {
 public:
  Reservations(const files::Home& home, const RunOrder& order, const Gangs& gangs);

  bool may_start(std::size_t job) override;
  Result<std::vector<std::string>> gpus_of(std::size_t job) const override;
  int lease_of(std::size_t job) const override;
  std::optional<std::string> new_reason(std::size_t job) override;
  Result<void> adopt(std::size_t job, std::size_t unfinished) override;
  void ended(std::size_t job) override;
  void withdraw_unless(const std::function<bool(std::size_t job)>& could_start) override;

  /// Adds what to poll for, and takes note of what it found.
  void add_events(std::vector<pollfd>& polled) const;
  void note_events(std::span<const pollfd> polled);

 private:
  struct Held {
    resources::Lease lease;
    std::size_t unfinished;
  };

  struct Waiting {
    std::size_t leader;
    resources::Lease lease;
    bool woken = false;
  };

  bool ask(std::size_t leader, std::size_t shape);
  bool ask_again(std::size_t leader, std::size_t shape);
  /// What was reserved for a job whose supervisor and runner were killed is free in the ledger,
  /// and still used by its processes: those end before another job gets it.
  void end_orphaned_jobs() const;
  void refuse(std::size_t leader, Error error);
  void hold(std::size_t leader, resources::Lease lease);
  std::size_t shape_of(const resources::Demand& demand);

  files::Home home_;
  Path folder_;
  const RunOrder& order_;
  const Gangs& gangs_;
  resources::Capacity capacity_;
  std::vector<resources::Demand> demands_;  ///< all different; the first asks for nothing
  std::vector<std::size_t> shapes_;   ///< by leader: index of its demand; empty: none asks at all
  std::map<std::size_t, Held> held_;  ///< by leader
  std::map<std::size_t, Waiting> waiting_;       ///< by shape
  std::map<std::size_t, Error> errors_;          ///< by leader
  std::map<std::size_t, std::string> reported_;  ///< by job: the reason that was reported last
};

}  // namespace dstack::run
