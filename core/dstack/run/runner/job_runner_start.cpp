// Everything until the job's own process runs.
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/tool.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/runner/job_runner.hpp"
#include "dstack/run/runner/job_secrets.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

// A script longer than this goes into a file: the kernel takes at most 128 KiB in one argument.
constexpr std::size_t longest_argument = 100'000;

/// In a mount namespace of its own, where root may: what all jobs share cannot be written to by
/// accident. Others are kept out by the files' modes.
void protect_shared_folders(const std::vector<std::string>& folders) {
  // A namespace costs a job without an environment more than all else that is done for it.
  if (folders.empty() || ::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0)
    return;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return;
  for (const std::string& folder : folders)
    if (::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0)
      ::mount(nullptr, folder.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr);
}

void set_variable(std::vector<std::pair<std::string, std::string>>& environment,
                  const std::string& name,
                  const std::string& value) {
  const auto found = std::find_if(
      environment.begin(), environment.end(), [&](const auto& pair) { return pair.first == name; });
  if (found != environment.end())
    found->second = value;
  else
    environment.emplace_back(name, value);
}

/// The time from which on a change of the workspace is the job's. The folder itself was changed
/// last by its making, at a time that cannot be told from the job's beginning; so it gets another.
std::int64_t mark_workspace(const Path& folder) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  const timespec never[2] = {{0, UTIME_OMIT}, {0, 0}};
  ::utimensat(AT_FDCWD, folder.c_str(), never, 0);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The folder in which the job begins, made where it is missing. In a copy of the code a link is no
/// way out: the job would change what is not its own.
Result<Path> make_working_dir(const Workspace& workspace, const std::string& path) {
  if (path.empty())
    return workspace.folder();
  Path folder = workspace.folder() / path;
  boost::system::error_code problem;
  const Path root = fs::canonical(workspace.folder(), problem);
  const Path real = fs::weakly_canonical(folder, problem);
  if (workspace.is_private() && !problem && real != root &&
      !real.string().starts_with(root.string() + "/"))
    return fail(ErrorCode::configuration,
                "the working directory '" + path +
                    "' leads out of the workspace through a link, to '" + real.string() + "'",
                "copy the files there instead of linking to them");
  DSTACK_CHECK(make_folders(folder));
  return folder;
}

}  // namespace

Result<void> JobRunner::prepare_and_start() {
  DSTACK_CHECK(take_secrets());
  if (!order_.inputs.empty())
    tell(job::Status::downloading);
  DSTACK_CHECK(workspace_->make(order_.code, order_.inputs, record_.warnings));
  DSTACK_TRY(const Path working_dir, make_working_dir(*workspace_, order_.spec.working_dir));
  if (order_.python && order_.spec.python)
    DSTACK_CHECK(prepare_python());
  for (const std::string& tool : order_.spec.tools)
    DSTACK_CHECK(prepare_tool(tool));
  if (!order_.spec.apps.empty())
    DSTACK_CHECK(prepare_apps());
  protect_shared_folders(shared_folders_);
  return start(working_dir);
}

Result<void> JobRunner::take_secrets() {
  if (!has_secrets(order_))
    return {};
  process::deny_inspection();
  DSTACK_TRY(auto secrets, put_secrets_in(order_, record_.warnings));
  log_->hide(std::move(secrets.needles));
  secret_names_ = std::move(secrets.names);
  return {};
}

Result<void> JobRunner::prepare_python() {
  const job::PythonRequest& wish = *order_.spec.python;
  if (!wish.requirements.empty() || !wish.packages.empty())
    tell(job::Status::preparing);
  DSTACK_TRY(const Fd output, log_->append_descriptor());
  DSTACK_TRY(const auto python,
             python::provide_environment(
                 wish, *order_.python, workspace_->folder(), home_, caller_variable, output.get()));
  DSTACK_CHECK(log_->continue_at_end());
  set_variable(order_.environment, "PATH", python.bin.string() + ":" + variable("PATH"));
  if (!python.folder.empty()) {
    set_variable(order_.environment, "VIRTUAL_ENV", python.folder.string());
    shared_folders_.push_back(python.folder.string());
    return record_packages(python.packages);
  }
  return {};
}

Result<void> JobRunner::record_packages(const Path& list) const {
  const Path record = home_.job(order_.run, order_.index) / file_names::packages;
  ::unlink(record.c_str());  // that of an earlier attempt
  if (::link(list.c_str(), record.c_str()) == 0 || errno == ENOENT)
    return {};
  return fail_errno("cannot record the packages of the job in '" + record.string() + "'");
}

Result<void> JobRunner::prepare_tool(const std::string& wanted) {
  DSTACK_TRY(const config::Settings settings, config::load_settings(home_.config()));
  DSTACK_TRY(const Fd output, log_->append_descriptor());
  const auto about_to_fetch = [this] { tell(job::Status::preparing); };
  std::optional<python::Release> configured;
  if (const auto& release = settings.code_server)
    configured = python::Release{release->version, release->url, release->sha256};
  DSTACK_TRY(const auto tool,
             python::provide_tool(
                 wanted, configured, home_, caller_variable, output.get(), about_to_fetch));
  DSTACK_CHECK(log_->continue_at_end());
  set_variable(order_.environment, tool.variable, tool.program.string());
  for (job::ApplicationSpec& app : order_.spec.apps) {
    if (!tool.health.empty())
      app.health = tool.health;
    if (!tool.token_query.empty())
      app.token_query = tool.token_query;
  }
  return {};
}

Result<void> JobRunner::prepare_apps() {
  const std::string& token = order_.spec.token;
  if (!token.empty() && variable(token).empty())
    set_variable(order_.environment, token, random_hex(16));
  if (order_.spec.container)
    return {};
  const Path folder = folder_ / file_names::private_folder;
  DSTACK_CHECK(remove_tree(folder));  // of an earlier attempt
  set_variable(order_.environment, std::string(job::job_folder_variable), folder.string());
  return make_folders(folder);
}

std::chrono::milliseconds JobRunner::app_limit() {
  const auto set = caller_variable("DSTACK_APP_LIMIT");
  const auto limit = set ? parse_duration(*set) : std::nullopt;
  return limit.value_or(std::chrono::minutes(2));
}

std::optional<std::string> JobRunner::caller_variable(const std::string& name) {
  const char* value = ::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<void> JobRunner::start(const Path& working_dir) {
  backend::Launch launch;
  launch.environment = order_.environment;
  launch.working_dir = working_dir.string();
  const bool is_agent = !agent_role(order_.spec).empty();
  Fd agent_order;
  Pipe reports;
  if (is_agent) {
    DSTACK_TRY(agent_order,
               hand_over_order(render_agent_order({order_, workspace_->folder().string()})));
    DSTACK_TRY(reports, make_pipe());
    launch.program = process::own_program;
    launch.descriptors = {{0, agent_order.get()}, {agent_report_fd, reports.write_end.get()}};
  }
  if (order_.spec.container)
    launch.environment = environment_of_container_agent();
  DSTACK_TRY(launch.argv, arguments());
  DSTACK_TRY(Pipe pipe, make_pipe());
  ::fcntl(pipe.read_end.get(), F_SETPIPE_SZ, 256 * 1024);
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  launch.output = pipe.write_end.get();
  if (workspace_->is_private())
    workspace_made_at_ = mark_workspace(workspace_->folder());
  record_.started_at = now();
  const job::Resources& resources = order_.spec.resources;
  if (!order_.spec.container && (resources.cpu > 0 || resources.memory > 0))
    limiter_ = resources::Limiter(order_.id, resources, resources::find_enforcement());
  oom_ = limiter_.watch_memory();
  limiter_.enter();
  auto process = backend::LocalProcess::start(launch);
  limiter_.leave();
  DSTACK_CHECK(process);
  process_ = std::make_unique<backend::LocalProcess>(*std::move(process));
  if (order_.spec.timeout.count() > 0)
    too_late_at_ = steady_clock::now() + order_.spec.timeout;
  output_ = std::move(pipe.read_end);
  if (is_agent)
    reports_ = AgentReports(std::move(reports.read_end));  // it says itself when the job runs
  else
    tell(job::Status::running);
  return {};
}

std::vector<std::pair<std::string, std::string>> JobRunner::environment_of_container_agent() const {
  std::vector<std::pair<std::string, std::string>> environment = {{"JOB_ID", order_.id}};
  for (const char* name :
       {"PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "TMPDIR"})
    if (auto value = caller_variable(name))
      environment.emplace_back(name, *std::move(value));
  return environment;
}

Result<std::vector<std::string>> JobRunner::arguments() const {
  const job::JobSpec& spec = order_.spec;
  if (const std::string role(agent_role(spec)); !role.empty())
    return std::vector<std::string>{
        "dstack", role, order_.run + "/" + std::to_string(order_.index)};
  if (!spec.argv.empty() && spec.setup.empty())
    return spec.argv;
  std::vector<std::string> commands = spec.setup;
  commands.insert(commands.end(), spec.commands.begin(), spec.commands.end());
  if (!spec.argv.empty())
    commands.emplace_back("exec \"$@\"");
  const std::string script = join(commands, "\n");
  std::vector<std::string> argv = {"bash", "-e", "-c", script, "bash"};
  if (script.size() >= longest_argument) {
    const Path file = folder_ / "script.sh";
    DSTACK_CHECK(write_file_atomically(file, script + "\n", Durable::no, 0600));
    argv = {"bash", "-e", file.string()};
  }
  argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
  return argv;
}

}  // namespace dstack::run
