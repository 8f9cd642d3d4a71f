// Selects the role of this process. One run starts the program four times: the supervisor, the
// runner and the provider's child skip everything that belongs to the command line.
#include "dstack/run/runner/main.hpp"

#include "command_line/app.hpp"
#include "command_line/completion.hpp"
#include "command_line/exit_code.hpp"
#include "dstack/base/fatal_exit.hpp"
#include "dstack/files/home.hpp"
#include "dstack/provider/host/calls.hpp"
#include "dstack/run/agents/container_agent.hpp"
#include "dstack/run/agents/native.hpp"
#include "dstack/run/supervisor/main.hpp"
#include "dstack/sandbox/main.hpp"
#include "version.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <linux/close_range.h>
#include <unistd.h>

namespace {

int print_version() {
  if (std::printf("dstack %s\n", dstack::cli::version.data()) >= 0 && std::fflush(stdout) == 0)
    return dstack::cli::exit_code::success;
  std::perror("error: cannot write to standard output");
  return dstack::cli::exit_code::failure;
}

int dispatch(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "exec") {
    const std::string_view job = argc > 2 ? argv[2] : "";
    return dstack::run::runner_main({argc > 2 ? argv[2] : nullptr, job.size()});
  }
  if (first == "container")
    return dstack::run::container_main();
  if (first == dstack::sandbox::confined_role)
    return dstack::sandbox::confined_main();
  if (first == "native")
    return dstack::run::native_main();
  if (first == "supervise" && argc == 4)
    return dstack::run::supervisor_main(dstack::files::Home{argv[2]}, argv[3]);
  if (first == "provider-host" && argc == 4)
    return dstack::provider::provider_host_main(argv[2], std::atoi(argv[3]));
  if ((first == "--version" || first == "-V") && argc == 2)
    return print_version();
  if (first == "__complete")
    return dstack::cli::complete_main(std::vector<std::string>(argv + 2, argv + argc));
  // What a caller has open (a lock, a pipe) is not for the processes that go on after this one.
  (void)::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write(), not a signal
  return dstack::cli::run_app(std::vector<std::string>(argv + 1, argv + argc));
}

/// Runs before the constructors of the program's objects, for these take memory, too. glibc passes
/// the command line to such functions.
[[gnu::constructor(101)]] void prepare(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  dstack::prepare_fatal_exit(role == "run" ? dstack::cli::exit_code::runner_failed
                                           : dstack::cli::exit_code::failure);
  if (role == "supervise" || role == "exec" || role == "container")
    dstack::wait_for_memory();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch(argc, argv);
  } catch (...) {
    dstack::exit_for_exception();
  }
}
