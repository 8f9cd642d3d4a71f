#include "dstack/backend/local_process.hpp"

#include "dstack/base/text.hpp"
#include "dstack/process/tree.hpp"
#include "dstack/sandbox/main.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::backend {

namespace {

/// PATH in the job's environment: its programs are looked up there, not in this process's.
std::string path_of(const Launch& launch) {
  for (const auto& [name, value] : launch.environment)
    if (name == "PATH")
      return value;
  return "/usr/local/bin:/usr/bin:/bin";
}

/// Its relative folders are those of the working directory.
std::string from_root(const std::string& path, const std::string& working_dir) {
  std::vector<std::string> folders;
  for (const std::string_view folder : split(path, ':'))
    folders.push_back(folder.starts_with('/') ? std::string(folder)
                                              : fmt::format("{}/{}", working_dir, folder));
  return join(folders, ":");
}

/// What to do about a program that is not in a PATH. One that was written for a shell is not
/// expanded in `environment`.
std::string hint_for_missing(const std::string& path) {
  if (path.find('$') != std::string::npos || path.find('~') != std::string::npos)
    return fmt::format(
        "the job's PATH is '{}', as written: '$PATH' and '~' are not expanded in 'environment'; "
        "write '${{{{ env.PATH }}}}' there instead of '$PATH'",
        printable(path));
  return "it is not in the job's PATH; install it, or set PATH in 'environment'";
}

/// The absolute path of the program that argv[0] names.
Result<std::string> find_program(const Launch& launch) {
  const std::string& name = launch.argv.front();
  // A relative path is relative to the workspace.
  const bool relative = name.find('/') != std::string::npos && name.front() != '/';
  const std::string path = path_of(launch);
  const auto program = process::find_program(relative ? launch.working_dir + "/" + name : name,
                                             from_root(path, launch.working_dir));
  if (!program)
    return fail(ErrorCode::not_found, "program '{}' not found or not executable", name)
        .with_hint("{}",
                   name.find('/') == std::string::npos
                       ? hint_for_missing(path)
                       : "check that the file exists and is executable (chmod +x)");
  return *program;
}

std::chrono::microseconds duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

void add(Usage& usage, const rusage& used) {
  const auto number = [](long value) { return static_cast<std::uint64_t>(std::max(value, 0L)); };
  usage.cpu += duration(used.ru_utime) + duration(used.ru_stime);
  usage.largest_process = std::max(usage.largest_process, number(used.ru_maxrss) * 1024);
  usage.bytes_read += number(used.ru_inblock) * 512;
  usage.bytes_written += number(used.ru_oublock) * 512;
}

}  // namespace

void LocalProcess::adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

Result<LocalProcess> LocalProcess::start_confined(const Launch& launch, process::Command command) {
  const sandbox::Program program{launch.program.empty() ? command.argv.front() : launch.program,
                                 launch.program.empty() ? command.argv : launch.argv,
                                 std::exchange(command.working_dir, "")};
  DSTACK_TRY(const process::Child child,
             sandbox::spawn_confined(std::move(command), *launch.confinement, program));
  return LocalProcess(child.pid());
}

Result<LocalProcess> LocalProcess::start(const Launch& launch) {
  process::Command command;
  command.argv = launch.argv;
  command.program = launch.program;
  if (launch.program.empty()) {
    DSTACK_TRY(command.argv.front(), find_program(launch));
  }
  command.environment.emplace();
  for (const auto& [variable, value] : launch.environment)
    command.environment->push_back(variable + "=" + value);
  command.working_dir = launch.working_dir;
  command.descriptors = launch.descriptors;
  command.descriptors.insert(command.descriptors.end(), {{1, launch.output}, {2, launch.output}});
  command.group = process::Group::own_session;
  if (launch.confinement)
    return start_confined(launch, std::move(command));
  DSTACK_TRY(const process::Child child, process::spawn(command));
  return LocalProcess(child.pid());
}

void LocalProcess::reap() {
  for (;;) {
    int status = 0;
    rusage used{};
    const pid_t pid = ::wait4(-1, &status, WNOHANG, &used);
    if (pid == 0)
      return;
    if (pid < 0) {
      if (errno == EINTR)
        continue;
      gone_ = true;  // ECHILD: no child left, and orphans would be children
      return;
    }
    add(usage_, used);
    if (pid == pid_)
      status_ = process::decode_wait_status(status);
  }
}

void LocalProcess::signal_session(int number) const {
  if (!status_)  // nobody else has its number until it is reaped
    ::kill(-pid_, number);
}

void LocalProcess::stop(int number) const {
  if (process::stop_descendants(number))
    return;
  signal_session(number);
  signal_session(SIGCONT);
}

void LocalProcess::kill() const {
  if (!process::signal_descendants(SIGKILL))
    signal_session(SIGKILL);
}

}  // namespace dstack::backend
