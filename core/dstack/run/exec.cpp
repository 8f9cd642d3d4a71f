#include "dstack/run/exec.hpp"

#include "dstack/backend/container.hpp"
#include "dstack/backend/local_process.hpp"
#include "dstack/base/last_words.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/settings.hpp"
#include "dstack/environment/python.hpp"
#include "dstack/environment/tool.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/oom_score.hpp"
#include "dstack/run/agent.hpp"
#include "dstack/run/apps.hpp"
#include "dstack/run/exposure.hpp"
#include "dstack/run/job_secrets.hpp"
#include "dstack/run/log.hpp"
#include "dstack/run/log_writer.hpp"
#include "dstack/run/mailbox.hpp"
#include "dstack/run/order.hpp"
#include "dstack/run/supervision.hpp"
#include "dstack/run/uploads.hpp"
#include "dstack/run/usage.hpp"
#include "dstack/run/workspace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

// A script longer than this goes into a file: the kernel takes at most 128 KiB in one argument.
constexpr std::size_t longest_argument = 100'000;

constexpr auto removal_of_container = std::chrono::seconds(20);

/// TERM asks for a graceful stop, USR1 for an abort; both are read as events, like the end of a
/// child.
Fd signals_as_events() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGCHLD, SIGTERM, SIGUSR1, SIGINT, SIGHUP})
    sigaddset(&wanted, number);
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

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

std::string variable(const std::vector<std::pair<std::string, std::string>>& environment,
                     const std::string& name) {
  for (const auto& [key, value] : environment)
    if (key == name)
      return value;
  return {};
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

/// One job from its order to its exit record.
class JobRunner {
 public:
  explicit JobRunner(JobOrder order)
      : order_(std::move(order)),
        home_{order_.home},
        folder_(attempt_folder(home_, order_.run, order_.index, order_.attempt)),
        workspace_(workspace_of(home_, folder_, order_.project, order_.spec)) {}

  int run() {
    record_.started_at = now();
    if (auto ready = begin(); !ready)
      return 1;  // nothing can be written here: the supervisor sees a wrapper without a record
    if (auto result = prepare_and_start(); !result) {
      record_.outcome = ExitRecord::Outcome::not_started;
      record_.message = render(result.error());
    } else {
      watch();
    }
    finish();
    return 0;
  }

 private:
  Result<void> begin() {
    backend::LocalProcess::adopt_orphans();
    events_ = signals_as_events();
    DSTACK_CHECK(make_folders(folder_));
    DSTACK_CHECK(write_file_atomically(folder_ / files::wrapper,
                                       process::render(*process::identity_of(::getpid())),
                                       Durable::no,
                                       0600));
    DSTACK_TRY(states_,
               open_file((folder_ / files::states).string(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    DSTACK_TRY(auto log, LogWriter::open(home_.job(order_.run, order_.index)));
    log_ = std::make_unique<LogWriter>(std::move(log));
    write_last_words_to((home_.job(order_.run, order_.index) / files::log).string());
    return order_.attempt > 1 ? announce_attempt() : Result<void>();
  }

  /// The log of the attempts before goes on.
  Result<void> announce_attempt() {
    const JobLog so_far(home_.job(order_.run, order_.index));
    const auto end = so_far.read_end(1);
    const bool begins_a_line = end && (end->empty() || *end == "\n");
    DSTACK_TRY(const Fd log, log_->append_descriptor());
    DSTACK_CHECK(write_all(log.get(),
                           std::string(begins_a_line ? "" : "\n") + "dstack: attempt " +
                               std::to_string(order_.attempt) + " of " +
                               std::to_string(order_.attempts) + "\n"));
    log_begin_ = so_far.size();
    return log_->continue_at_end();
  }

  /// A state is on disk before anybody hears of it.
  void tell(store::Status status) {
    tell(render(StateMessage{order_.index, status, now(), order_.attempt}));
    if (status == store::Status::running && !order_.spec.apps.empty())
      apps_ = Apps(order_.spec,
                   order_.index,
                   order_.ports,
                   variable(order_.environment, order_.spec.token),
                   app_limit(),
                   steady_clock::now());
  }

  void tell(const std::string& text) {
    (void)write_all(states_.get(), text + "\n");
    post(home_.run(order_.run), text);
  }

  Result<void> prepare_and_start() {
    DSTACK_CHECK(take_secrets());
    if (!order_.inputs.empty())
      tell(store::Status::downloading);
    DSTACK_CHECK(workspace_->make(order_.code, order_.inputs, record_.warnings));
    const Path working_dir = order_.spec.working_dir.empty()
                                 ? workspace_->folder()
                                 : workspace_->folder() / order_.spec.working_dir;
    DSTACK_CHECK(make_folders(working_dir));
    if (order_.python && order_.spec.python)
      DSTACK_CHECK(prepare_python());
    for (const std::string& tool : order_.spec.tools)
      DSTACK_CHECK(prepare_tool(tool));
    if (!order_.spec.apps.empty())
      DSTACK_CHECK(prepare_apps());
    protect_shared_folders(shared_folders_);
    return start(working_dir);
  }

  Result<void> take_secrets() {
    if (!has_secrets(order_))
      return {};
    close_to_others();
    DSTACK_TRY(auto secrets, put_secrets_in(order_, record_.warnings));
    log_->hide(std::move(secrets.needles));
    secret_names_ = std::move(secrets.names);
    return {};
  }

  Result<void> prepare_python() {
    const provider::PythonRequest& wish = *order_.spec.python;
    if (!wish.requirements.empty() || !wish.packages.empty())
      tell(store::Status::preparing);
    DSTACK_TRY(const Fd output, log_->append_descriptor());
    DSTACK_TRY(
        const auto python,
        environment::provide_environment(
            wish, *order_.python, workspace_->folder(), home_, caller_variable, output.get()));
    DSTACK_CHECK(log_->continue_at_end());
    set_variable(order_.environment,
                 "PATH",
                 python.bin.string() + ":" + variable(order_.environment, "PATH"));
    if (!python.folder.empty()) {
      set_variable(order_.environment, "VIRTUAL_ENV", python.folder.string());
      shared_folders_.push_back(python.folder.string());
      return record_packages(python.packages);
    }
    return {};
  }

  /// Another name for the environment's list, which never changes: nothing is written.
  Result<void> record_packages(const Path& list) const {
    const Path record = home_.job(order_.run, order_.index) / files::packages;
    ::unlink(record.c_str());  // that of an earlier attempt
    if (::link(list.c_str(), record.c_str()) == 0 || errno == ENOENT)
      return {};
    return fail_errno("cannot record the packages of the job in '" + record.string() + "'");
  }

  /// The provider finds the program in a variable named after it.
  Result<void> prepare_tool(const std::string& wanted) {
    DSTACK_TRY(const config::Settings settings, config::load_settings(home_.config()));
    DSTACK_TRY(const Fd output, log_->append_descriptor());
    const auto about_to_fetch = [this] { tell(store::Status::preparing); };
    std::optional<environment::Release> configured;
    if (const auto& release = settings.code_server)
      configured = environment::Release{release->version, release->url, release->sha256};
    DSTACK_TRY(const auto tool,
               environment::provide_tool(
                   wanted, configured, home_, caller_variable, output.get(), about_to_fetch));
    DSTACK_CHECK(log_->continue_at_end());
    set_variable(order_.environment, tool.variable, tool.program.string());
    for (provider::App& app : order_.spec.apps) {
      if (!tool.health.empty())
        app.health = tool.health;
      if (!tool.token_query.empty())
        app.token_query = tool.token_query;
    }
    return {};
  }

  /// A secret unless the user has set one, and a folder for what the application keeps for itself.
  Result<void> prepare_apps() {
    const std::string& token = order_.spec.token;
    if (!token.empty() && variable(order_.environment, token).empty())
      set_variable(order_.environment, token, random_hex(16));
    if (order_.spec.container)
      return {};
    const Path folder = folder_ / files::private_folder;
    DSTACK_CHECK(remove_tree(folder));  // of an earlier attempt
    set_variable(order_.environment, "DSTACK_JOB_DIR", folder.string());
    return make_folders(folder);
  }

  /// How long a known application may take until it answers; the variable is for tests.
  static std::chrono::milliseconds app_limit() {
    const auto set = caller_variable("DSTACK_APP_LIMIT");
    const auto limit = set ? parse_duration(*set) : std::nullopt;
    return limit.value_or(std::chrono::minutes(2));
  }

  /// The making of environments sees what the supervisor inherited from the caller.
  static std::optional<std::string> caller_variable(const std::string& name) {
    const char* value = ::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }

  Result<void> start(const Path& working_dir) {
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
    const provider::Resources& resources = order_.spec.resources;
    if (!order_.spec.container && (resources.cpu > 0 || resources.memory > 0))
      limiter_ = resources::Limiter(
          variable(order_.environment, "JOB_ID"), resources, resources::find_means());
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
      tell(store::Status::running);
    return {};
  }

  /// The job's environment is for the inside; the engine is found by what the caller had. The
  /// job's id stays: whatever carries it is found and killed when this wrapper is.
  std::vector<std::pair<std::string, std::string>> environment_of_container_agent() const {
    std::vector<std::pair<std::string, std::string>> environment = {
        {"JOB_ID", variable(order_.environment, "JOB_ID")}};
    for (const char* name :
         {"PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "TMPDIR"})
      if (auto value = caller_variable(name))
        environment.emplace_back(name, *std::move(value));
    return environment;
  }

  /// Commands are one script for bash, which stops at the first that fails. A program with a set-up
  /// is the last command of that script, and keeps the process.
  Result<std::vector<std::string>> arguments() const {
    const provider::JobSpec& spec = order_.spec;
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

  /// Until the job's own process and everything it started are gone.
  void watch() {
    std::vector<pollfd> polled;
    while (!process_->gone()) {
      polled = {pollfd{events_.get(), POLLIN, 0},
                pollfd{output_.get(), POLLIN, 0},
                pollfd{reports_.fd(), POLLIN, 0}};
      apps_.add_to(polled);
      if (::poll(polled.data(), polled.size(), milliseconds_to_next_step()) < 0 && errno != EINTR)
        break;
      if (polled[1].revents != 0)
        move_output();
      if (polled[2].revents != 0)
        take_reports();
      if (polled[0].revents != 0)
        take_signals();
      ask_apps();
      end_what_is_left();
    }
    while (output_ && move_output()) {
    }
    note_end();
    take_reports();
  }

  /// Nobody asks an application that is on its way out.
  void ask_apps() {
    if (kill_at_ || killing_ || process_->status())
      apps_.stop_asking();
    if (apps_.settled())
      return;
    for (const store::AppRecord& app : apps_.step(steady_clock::now()))
      tell(render(without_secret(app)));
    if (!apps_.overdue())
      return;
    record_.cause = store::Cause::timeout;
    record_.message = *apps_.overdue();
    terminate();
  }

  /// Where the user has made a secret of what an application knows its user by, its address is told
  /// without it.
  store::AppRecord without_secret(store::AppRecord app) const {
    const std::string& token = order_.spec.token;
    if (!is_secret_variable(order_, token))
      return app;
    const std::string value = variable(order_.environment, token);
    if (const std::size_t at = value.empty() ? std::string::npos : app.url.rfind(value);
        at != std::string::npos)
      app.url.replace(at, value.size(), secrets::mask);
    if (!app.password.empty())
      app.password = secrets::mask;
    return app;
  }

  /// What an agent tells of the job. Nothing has run of one that it could not start.
  void take_reports() {
    for (AgentReport& report : reports_.take()) {
      if (report.status)
        tell(*report.status);
      if (report.cause) {
        if (*report.cause != store::Cause::exit)  // that one the process itself says, or its signal
          record_.cause = report.cause;
        record_.message = std::move(report.message);
      }
      if (report.usage)
        record_.usage = *report.usage;
      if (!report.warning.empty())
        record_.warnings.push_back(std::move(report.warning));
    }
    if (record_.cause == store::Cause::start)
      record_.outcome = ExitRecord::Outcome::not_started;
  }

  /// True when something was moved.
  bool move_output() {
    const auto moved = log_->move_from(output_.get());
    if (!moved) {
      record_.warnings.push_back(render(moved.error()));
      output_.reset();
      return false;
    }
    if (*moved == LogWriter::Moved::end_of_pipe)
      output_.reset();
    return *moved == LogWriter::Moved::some;
  }

  void take_signals() {
    signalfd_siginfo signal{};
    while (::read(events_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
      if (signal.ssi_signo == SIGUSR1) {
        record_.stop = store::StopRequest::abort;
        kill_now();
      } else if (signal.ssi_signo != SIGCHLD && record_.stop == store::StopRequest::none &&
                 record_.cause != store::Cause::timeout) {
        record_.stop = store::StopRequest::stop;
        terminate();
      }
    }
    process_->reap();
  }

  void terminate() {
    process_->signal_all(SIGTERM);
    kill_at_ = steady_clock::now() + order_.stop_grace;
    // Its agent keeps to the grace itself, and then has a container to remove.
    if (order_.spec.container)
      *kill_at_ += removal_of_container;
  }

  void kill_now() {
    killing_ = true;
    process_->signal_all(SIGKILL);
  }

  void end_for_its_timeout() {
    record_.cause = store::Cause::timeout;
    record_.message = "it took longer than its timeout of " + render_duration(order_.spec.timeout);
    terminate();
  }

  /// A job is over when its own process is; what it left running is ended like a job that is
  /// stopped.
  void end_what_is_left() {
    if (process_->gone())
      return;
    if (killing_ || (kill_at_ && steady_clock::now() >= *kill_at_))
      kill_now();
    else if (process_->status() && !kill_at_)
      terminate();
    else if (too_late_at_ && !kill_at_ && steady_clock::now() >= *too_late_at_)
      end_for_its_timeout();
  }

  int milliseconds_to_next_step() const {
    if (killing_)
      return 10;  // until none is left: a killed process may have started one more meanwhile
    auto next = kill_at_ ? kill_at_ : too_late_at_;
    if (const auto question = kill_at_ ? std::nullopt : apps_.next_step())
      next = next ? std::min(*next, *question) : *question;
    if (!next)
      return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - steady_clock::now());
    return static_cast<int>(std::clamp<long long>(left.count(), 0, 1'000'000));
  }

  void note_end() {
    const auto status = process_->status();
    if (!status) {
      record_.outcome = ExitRecord::Outcome::signaled;
      record_.number = SIGKILL;
    } else if (const auto* exited = std::get_if<process::Exited>(&*status)) {
      record_.number = exited->code;
    } else {
      record_.outcome = ExitRecord::Outcome::signaled;
      record_.number = std::get<process::Signaled>(*status).signal;
    }
    if (record_.stop == store::StopRequest::none && !record_.cause)
      if (const std::string sentence = apps_.unanswered(); !sentence.empty())
        record_.warnings.push_back(sentence);
    note_resources(
        record_, limiter_, process_->usage(), order_.spec, [this] { return end_of_log(); });
    if (log_->dropped() > 0)
      record_.warnings.push_back("the disk was full: " + std::to_string(log_->dropped()) +
                                 " bytes of output were lost");
  }

  /// Of what this attempt wrote.
  std::string end_of_log() const {
    constexpr std::size_t most = 8192;
    return JobLog(home_.job(order_.run, order_.index)).read_end(most, log_begin_).value_or("");
  }

  /// Whether the supervisor will save what the job leaves.
  bool saves_artifacts() const {
    return process_ && record_.outcome != ExitRecord::Outcome::not_started &&
           record_.stop != store::StopRequest::abort && !order_.spec.artifacts.empty();
  }

  /// Artifacts stay as they are; what is found in them is told. An abort saves nothing, and so does
  /// not wait for it.
  void look_through_artifacts() {
    if (!saves_artifacts() || log_->hidden().empty())
      return;
    tell(store::Status::uploading);
    const std::vector<std::string> artifacts =
        edited_folder(order_, workspace_->folder()).artifacts;
    const ExposureSearch search{workspace_->folder(), artifacts, log_->hidden(), secret_names_};
    const auto found = find_exposure(search, {events_.get(), [this] { return is_abort_asked(); }});
    if (!found) {
      record_.stop = store::StopRequest::abort;
      return;
    }
    record_.exposed = found->artifacts;
    record_.warnings.insert(record_.warnings.end(), found->warnings.begin(), found->warnings.end());
  }

  /// A job that is over cannot be stopped any more, only be thrown away.
  bool is_abort_asked() const {
    bool asked = false;
    signalfd_siginfo signal{};
    while (::read(events_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal))
      asked = asked || signal.ssi_signo == SIGUSR1;
    return asked;
  }

  void finish() {
    record_.finished_at = now();
    limiter_.remove();
    if (auto synced = log_->sync(); !synced)
      record_.warnings.push_back(render(synced.error()));
    // An agent that was killed, as an abort does, leaves its container behind, and the empty pipe.
    if (order_.spec.container)
      ::unlink((folder_ / files::secrets).c_str());
    if (const auto removed = backend::remove_container(folder_ / files::container); !removed)
      record_.warnings.push_back(
          "its container is still there, and can be removed with 'docker rm -f dstack-" +
          variable(order_.environment, "JOB_ID") + "': " + render(removed.error()));
    if (process_ && record_.stop != store::StopRequest::abort && workspace_->is_private())
      record_.edited =
          source::is_touched(edited_folder(order_, workspace_->folder()), workspace_made_at_);
    look_through_artifacts();
    // Nothing is wanted of it any more; what is worth keeping the supervisor takes first.
    const bool nothing_to_keep = order_.spec.artifacts.empty() && !record_.edited;
    if (nothing_to_keep || record_.stop == store::StopRequest::abort)
      (void)workspace_->remove();
    if (!order_.spec.apps.empty())
      (void)remove_tree(folder_ / files::private_folder);
    record_.message = log_->masked(record_.message);
    for (std::string& warning : record_.warnings)
      warning = log_->masked(warning);
    // A name lost in a power cut counts the job as lost; a record that is there is whole.
    if (!write_file_atomically(
            folder_ / files::exit_record, render_exit_record(record_), Durable::content, 0600))
      return;
    // Without a supervisor nobody would ever read the record.
    (void)ensure_supervised(home_, order_.run);
  }

  JobOrder order_;
  store::Home home_;
  Path folder_;
  std::unique_ptr<Workspace> workspace_;
  ExitRecord record_;
  std::vector<std::string> shared_folders_;
  std::vector<std::string> secret_names_;  ///< of the values that the log hides, in their order
  std::int64_t workspace_made_at_ = 0;     ///< nanoseconds since 1970, by the clock of files
  std::unique_ptr<LogWriter> log_;
  std::uint64_t log_begin_ = 0;  ///< where this attempt's begins
  std::unique_ptr<backend::LocalProcess> process_;
  resources::Limiter limiter_;
  Fd events_;
  Fd output_;
  AgentReports reports_;
  Apps apps_;
  Fd states_;
  std::optional<steady_clock::time_point> too_late_at_;
  std::optional<steady_clock::time_point> kill_at_;
  bool killing_ = false;
};

}  // namespace

int exec_main() {
  process::leave_to_oom_killer();  // the supervisor is spared, and no job inherits that
  const auto text = take_order();
  if (!text)
    return 1;
  auto order = parse_job_order(*text);
  if (!order)
    return 1;
  // The job's lock, its reservation and its ports, handed over by the supervisor: held until this
  // process ends, and never by the job.
  const int ports = static_cast<int>(order->ports.size());
  ::fcntl(exec_lock_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(exec_claim_fd, F_SETFD, FD_CLOEXEC);
  for (int fd = exec_ports_fd; fd < exec_ports_fd + ports; ++fd)
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return JobRunner(*std::move(order)).run();
}

}  // namespace dstack::run
