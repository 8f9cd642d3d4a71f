// A project and a home whose runs send notifications at their end, and a server that gets them.
#pragma once

#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/report/delivery.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/server.hpp"
#include "support/wait.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::test {

struct Told : Sandbox {
  Server server;

  /// `wait`: before the second attempt.
  explicit Told(const std::string& wait = "0s") {
    set("DSTACK_NOTIFICATION_WAIT=" + wait);
    workflows(R"(workflows:
  - {name: well, provider: bash, commands: [echo well]}
  - {name: badly, provider: bash, commands: [exit 3]}
  - {name: long, provider: bash, commands: [echo ready; exec sleep 1001]}
)");
    REQUIRE(make_folders(home()));
  }

  void on_end(const std::string& text) const {
    REQUIRE(write_file_atomically(home() / "config.yaml", "on_end:\n" + text, Durable::no));
  }

  std::string webhook(const std::string& path) const { return "  - webhook: " + server.url(path); }

  Json show(const std::string& name) const { return json({"show", name, "--json"}); }

  /// What has become of the notifications of a run that is over, when none waits any more.
  Json settled(const std::string& name) const {
    Json all;
    wait_until([&] {
      const Json run = show(name);
      all = run["notifications"];
      const auto waits = [](const Json& one) { return one["status"] == "waiting"; };
      return !run["finished_at"].is_null() && std::none_of(all.begin(), all.end(), waits);
    });
    return all;
  }

  /// Of a run of a workflow that is followed to its end.
  Json settled_run(const std::string& workflow) {
    run({"run", workflow});
    return settled(last_run());
  }

  std::string written(const std::string& file) const {
    return read_file(home() / file).value_or("");
  }

  Fd supervisor(const std::string& name) const {
    const auto text = read_file(home() / "runs" / name / run::file_names::run_lock);
    const auto identity = text ? process::parse_identity(*text) : std::nullopt;
    return identity ? process::open_process(*identity) : Fd();
  }

  void kill_supervisor(const std::string& name) const {
    kill_process_of(home() / "runs" / name / run::file_names::run_lock);
  }

  /// A run whose notifications take long: its supervisor must not be started again.
  void forget(const std::string& name) const {
    const Fd telling = supervisor(name);
    ok({"rm", "-y", name});
    REQUIRE(telling);
    ::syscall(SYS_pidfd_send_signal, telling.get(), SIGKILL, nullptr, 0);
  }

  /// A run whose job is there.
  std::string start_long() const {
    std::string name = start({"long"});
    wait_for_log(*this, name, "ready");
    return name;
  }
};

inline Json without_notifications(Json run) {
  run.erase("notifications");
  return run;
}

inline std::vector<pid_t> processes_of(const Json& notification) {
  return process::with_environment(run::notification_variable,
                                   notification["id"].get<std::string>());
}

}  // namespace dstack::test
