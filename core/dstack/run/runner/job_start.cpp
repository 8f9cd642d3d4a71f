#include "dstack/run/runner/job_start.hpp"

#include "dstack/overlay/mount.hpp"
#include "dstack/run/runner/job_sandbox.hpp"
#include "dstack/run/runner/job_variables.hpp"

#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr int output_pipe_size = 256 * 1024;

/// In a mount namespace of its own: what all jobs share cannot be written to by accident. Where
/// there is none, other users than root are kept out by the modes of the files.
void protect_shared_folders(const std::vector<std::string>& folders, JobAttempt& attempt) {
  // A namespace costs more than everything else that a job without an environment needs.
  if (folders.empty())
    return;
  if (!attempt.in && ::geteuid() == 0)
    if (auto in = overlay::Namespace::enter(overlay::Access::root))
      attempt.in = std::move(*in);
  if (attempt.in)
    for (const std::string& folder : folders)
      (void)overlay::make_read_only(folder);
}

/// Changes of the workspace after this time are the job's. The folder itself was just made, at a
/// time that cannot be distinguished from the job's start; so it gets another. When that happened
/// is taken from the folder: the clock that can be asked may be behind that of the files.
std::int64_t mark_workspace(const Path& folder) {
  const timespec never[2] = {{0, UTIME_OMIT}, {0, 0}};
  ::utimensat(AT_FDCWD, folder.c_str(), never, 0);

  struct stat status {};

  ::stat(folder.c_str(), &status);
  return std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec;
}

/// The agent of a container has the container's limits set by the engine.
resources::Limiter make_limiter(const JobOrder& order) {
  const job::Resources& resources = order.spec.resources;
  const bool has_group =
      resources.cpu != 0 || resources.memory != 0 || resources.processes != 0 || order.spec.sandbox;
  if (order.spec.container || !has_group)
    return {};
  return {order.id, resources, resources::find_enforcement()};
}

/// What an overlay has written, or what comes to the folder; and what a sandbox keeps elsewhere.
DiskWatch watch_disk(const JobAttempt& attempt) {
  const std::uint64_t limit = attempt.order.spec.resources.disk;
  if (limit == 0)
    return {};
  return {{attempt.workspace->written(), sandbox_folder(attempt.folder)}, limit};
}

/// What the runner keeps of an agent, and what the agent gets.
struct AgentChannel {
  Fd order;
  Pipe reports;
};

Result<std::optional<AgentChannel>> open_agent_channel(const JobAttempt& attempt,
                                                       const resources::Cores& cores) {
  if (agent_role(attempt.order.spec).empty())
    return std::optional<AgentChannel>();
  AgentChannel channel;
  DSTACK_TRY(channel.order,
             hand_over_order(render_agent_order(
                 {attempt.order, attempt.workspace->folder().string(), cores.numbers()})));
  DSTACK_TRY(channel.reports, make_pipe());
  return std::optional(std::move(channel));
}

Result<Pipe> make_output_pipe() {
  DSTACK_TRY(Pipe pipe, make_pipe());
  ::fcntl(pipe.read_end.get(), F_SETPIPE_SZ, output_pipe_size);
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

void note_output(const StateReporter& states, const Pipe& output) {
  struct stat status;
  if (::fstat(output.write_end.get(), &status) == 0)
    states.note_output(status.st_ino);
}

}  // namespace

Result<RunningJob> start_job(JobAttempt& attempt, PreparedJob job, Timestamp& started_at) {
  protect_shared_folders(job.shared_folders, attempt);
  auto cores = resources::Cores::take(attempt.order.spec.resources.cpu);
  DSTACK_TRY(auto agent, open_agent_channel(attempt, cores));
  if (agent)
    job.launch.descriptors = {{0, agent->order.get()},
                              {agent_report_fd, agent->reports.write_end.get()}};
  DSTACK_TRY(Pipe output, make_output_pipe());
  job.launch.output = output.write_end.get();
  note_output(attempt.states, output);
  const std::int64_t workspace_made_at =
      attempt.workspace->is_private() ? mark_workspace(attempt.workspace->folder()) : 0;
  started_at = now();
  resources::Limiter limiter = make_limiter(attempt.order);
  auto oom = limiter.watch_memory();
  limiter.enter();
  if (!attempt.order.spec.container)
    cores.enter();
  auto process = backend::LocalProcess::start(job.launch);
  cores.leave();
  limiter.leave();
  if (!process) {
    limiter.remove();
    return Failure(std::move(process).error());
  }
  return RunningJob{*std::move(process),
                    StopTimer(attempt.order, StopTimer::Clock::now()),
                    std::move(limiter),
                    std::move(cores),
                    std::move(oom),
                    watch_disk(attempt),
                    std::move(output.read_end),
                    agent ? AgentReports(std::move(agent->reports.read_end)) : AgentReports(),
                    std::move(job.secret_names),
                    workspace_made_at,
                    JobMetrics(attempt, JobMetrics::Clock::now())};
}

}  // namespace dstack::run
