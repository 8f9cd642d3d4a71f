// The applications of one job, as its runner watches them: their addresses, and whether they
// answer. A value for a poll loop; it starts nothing and reports nothing.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/runner/application_address.hpp"
#include "dstack/run/runner/application_probe.hpp"
#include "dstack/run/runner/port_owners.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>

namespace dstack::run {

/// The address of an application for people. `secret`: the job's; empty when it has none.
std::string app_url(const job::ApplicationSpec& app,
                    std::uint16_t port,
                    std::string_view secret,
                    const ApplicationAddress& address = {});

/// As it is reported where the token of the application is a secret of the user's: without the
/// value.
job::Application without_secret(job::Application app, std::string_view secret);

class Applications {
 public:
  using Clock = ApplicationProbe::Clock;

  Applications() = default;
  /// Of job number `job`, whose ports these are. An application with a health address is a
  /// known one: it answers there within `limit`, or something is wrong. Of another it is not known
  /// what comes first (a training, say): after `limit` it is merely late. In `private_folder` the
  /// applications say where they serve; empty: the job has none. Only who has the port by `owners`,
  /// which outlives it, is asked, and counts as ready; null: whoever is there.
  Applications(const job::JobSpec& spec,
               std::size_t job,
               const std::vector<std::uint16_t>& ports,
               std::string_view secret,
               std::chrono::milliseconds limit,
               Clock::time_point now,
               Path private_folder = {},
               const PortOwners* owners = nullptr);

  bool empty() const { return apps_.empty(); }

  /// The job is ending: what has not answered never will.
  void stop_asking() { asking_ = false; }

  /// True when every application has answered, or none is asked any more.
  bool settled() const;

  /// Adds what to poll for.
  void add_to(std::vector<pollfd>& polled) const;
  /// When step() must be called even if nothing happens; nothing when settled.
  std::optional<Clock::time_point> next_step() const;

  /// Goes on asking; returns those whose state has changed. The first call returns all of them.
  std::vector<job::Application> step(Clock::time_point now);

  /// The sentence on a known application that did not answer within its limit.
  const std::optional<std::string>& overdue() const { return overdue_; }

  /// The sentence on somebody else who listens at a port of the job, and was not asked.
  const std::optional<std::string>& stranger() const { return stranger_; }

  /// The sentence on known applications that never answered, now that the job has ended by itself.
  std::string unanswered() const;

 private:
  struct Watched {
    job::ApplicationSpec spec;
    std::uint16_t port;
    ApplicationAddress address;
    job::Application record;
    ApplicationProbe probe;
    std::uint64_t listener = 0;  ///< that is asked
    Fd kept_ipv6 = {};           ///< once it is ready
    int ipv6_tries = 0;          ///< to keep it

    bool is_known() const { return !spec.health.empty(); }

    /// That is asked, without a secret.
    std::string asked() const;
  };

  /// Asks where they say that they serve.
  void look_for_addresses(Clock::time_point now);

  /// Goes on asking one application, if it has its port.
  void ask(Watched& app, Clock::time_point now);
  /// That nobody gets the port at ::1 while the job is only at 127.0.0.1.
  bool keeps_ipv6(Watched& app, const PortOwner& owner);
  /// The last look before it is called ready: who answered has the port alone, and keeps it.
  bool may_be_ready(Watched& app, Clock::time_point now);

  std::vector<Watched> apps_;
  const PortOwners* owners_ = nullptr;
  std::string secret_;
  Path private_folder_;
  Clock::time_point next_look_{};
  std::chrono::milliseconds limit_{0};
  Clock::time_point late_at_{};
  bool reported_ = false;
  bool asking_ = true;
  std::optional<std::string> overdue_;
  std::optional<std::string> stranger_;
};

}  // namespace dstack::run
