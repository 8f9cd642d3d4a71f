#include "dstack/run/agents/container_agent.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/secrets/crypto.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

constexpr int could_not_start = 125;
constexpr auto patience = std::chrono::seconds(15);
// A script longer than this goes into a file: the kernel takes at most 128 KiB in one argument.
constexpr std::size_t longest_argument = 100'000;

/// How this process is to end.
struct Ending {
  int code = 0;
  int signal = 0;
};

/// A workspace that is the job's own may be written to by whoever the image says it is.
void open_for_everybody(const Path& folder) {
  boost::system::error_code error;
  fs::permissions(folder, fs::add_perms | fs::others_all | fs::group_all, error);
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    boost::system::error_code ignored;
    const auto status = entry->symlink_status(ignored);
    if (status.type() == fs::directory_file)
      open_for_everybody(entry->path());
    else if (status.type() == fs::regular_file)
      fs::permissions(
          entry->path(),
          fs::add_perms | fs::others_read | fs::others_write |
              ((status.permissions() & fs::owner_exe) != 0 ? fs::others_exe : fs::no_perms),
          ignored);
  }
}

/// By the clock that times the changes of files, which goes in steps; nanoseconds since 1970.
std::int64_t time_of_files() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class ContainerAgent {
 public:
  explicit ContainerAgent(AgentOrder order)
      : order_(std::move(order)),
        record_file_(attempt_folder(files::Home{order_.job.home},
                                    order_.job.run,
                                    order_.job.index,
                                    order_.job.attempt) /
                     file_names::container) {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
      sigaddset(&wanted, number);
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    signals_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  /// The container is seen to by a thread; this one waits for its end, and for being told to stop.
  Ending run() {
    if (auto made = make_events(); !made)
      return not_started(made.error());
    auto worker = start_thread([this] {
      ending_ = see_through();
      done_.set();
    });
    if (!worker)
      return not_started(worker.error());
    for (;;) {
      std::array<pollfd, 4> polled = {pollfd{done_.fd(), POLLIN, 0},
                                      pollfd{signals_.get(), POLLIN, 0},
                                      pollfd{started_.fd(), POLLIN, 0},
                                      pollfd{oom_.fd(), POLLIN, 0}};
      const int events = ::poll(polled.data(), polled.size(), milliseconds_to_kill());
      if (events == 0)
        kill();
      if (events <= 0)
        continue;
      if (polled[0].revents != 0)
        break;
      if (polled[1].revents != 0)
        stop();
      if (polled[2].revents != 0)
        watch_memory();
      if (polled[3].revents != 0 && oom_.take())
        tell_of_killed();
    }
    worker->join();
    return ending_;
  }

 private:
  Result<void> make_events() {
    DSTACK_TRY(started_, Event::make());
    DSTACK_TRY(done_, Event::make());
    return {};
  }

  // --- The thread of the container ---

  Ending see_through() {
    auto engine = backend::Engine::find();
    if (!engine)
      return not_started(engine.error());
    auto started = start(*engine);
    if (!started)
      return not_started(started.error());
    reporter_.status(job::Status::running);
    started_.set();
    const auto end = container_->wait();
    const Ending ending = understand(end);
    clean_up();
    return ending;
  }

  Ending not_started(const Error& error) {
    clean_up();
    reporter_.end(job::Cause::start, render(error));
    return {could_not_start, 0};
  }

  Result<void> start(const backend::Engine& engine) {
    DSTACK_TRY(image_, provide_image(engine));
    backend::ContainerLaunch launch = container_launch(order_);
    DSTACK_TRY(launch.script, write_script());
    DSTACK_TRY(launch.secrets, offer_secrets());
    launch.words = container_command(
        order_.job.spec, image_, launch.script.empty() ? "" : backend::container_script);
    if (launch.words.empty())
      return fail(ErrorCode::configuration,
                  "image '" + image_name() + "' starts nothing by itself",
                  "say what to run: 'commands', or an 'entrypoint'");
    program_ = launch.words.front();
    const bool in_project = order_.job.spec.workspace == job::WorkspaceKind::project;
    if (!image_.runs_as_root() && !in_project)
      open_for_everybody(order_.workspace);
    const std::int64_t since = in_project ? time_of_files() : 0;
    return create_and_start(
        engine, launch, {engine.address(), launch.job, image_.id, order_.workspace, since, false});
  }

  /// Not to be torn apart by a stop.
  Result<void> create_and_start(const backend::Engine& engine,
                                const backend::ContainerLaunch& launch,
                                backend::ContainerRecord record) {
    const std::lock_guard lock(starting_);
    if (stopped_)
      return fail(ErrorCode::conflict, "it was stopped");
    DSTACK_CHECK(backend::write_container_record(record_file_, record));
    auto container = backend::Container::create(
        engine,
        launch.job,
        backend::container_request(
            launch, image_.id, engine.is_podman(), backend::container_init()));
    record.created = true;  // or never will be
    DSTACK_CHECK(backend::write_container_record(record_file_, record));
    if (!container)
      return Failure(std::move(container).error());
    container_.emplace(*std::move(container));
    DSTACK_CHECK(container_->start([](std::string_view bytes) { (void)write_all(1, bytes); }));
    running_ = true;
    return {};
  }

  Result<backend::ImageFacts> provide_image(const backend::Engine& engine) {
    auto found = backend::find_image(engine, image_name());
    if (found || found.error().code != ErrorCode::not_found)
      return found;
    reporter_.status(job::Status::preparing);
    say("pulling image '" + image_name() + "'");
    const auto begin = steady_clock::now();
    const job::Container& wish = *order_.job.spec.container;
    DSTACK_CHECK(backend::pull_image(engine, wish.image, {wish.username, wish.password}, say));
    say("pulled image '" + image_name() + "' in " +
        render_duration(
            std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin)));
    return backend::find_image(engine, image_name());
  }

  Result<std::string> write_script() const {
    const job::JobSpec& spec = order_.job.spec;
    std::string script = join(spec.setup, "\n") + (spec.setup.empty() ? "" : "\n") +
                         join(spec.commands, "\n") + "\n";
    if (script.size() < longest_argument || !spec.container->entrypoint.empty())
      return std::string();
    const Path file = record_file_.parent_path() / "script.sh";
    DSTACK_CHECK(write_file_atomically(file, script, Durable::no, 0644));
    return file.string();
  }

  /// Through a pipe that has a name: the values are in no file, and in no answer of the engine.
  /// They lie in the pipe until the first process of the container takes them. The path; empty:
  /// none.
  Result<std::string> offer_secrets() {
    std::string text;
    for (const auto& [name, value] : order_.job.environment)
      if (is_secret_variable(order_.job, name))
        text.append(name).append("=").append(value).push_back('\0');
    if (text.empty())
      return std::string();
    text.push_back('\0');
    const Path file = record_file_.parent_path() / file_names::secrets;
    ::unlink(file.c_str());
    // Whoever the image runs as may read it; on this machine the folder keeps others out.
    if (::mkfifo(file.c_str(), 0600) != 0 || ::chmod(file.c_str(), 0644) != 0)
      return fail_errno("cannot make the pipe '" + file.string() + "'");
    DSTACK_TRY(secrets_, open_file(file.string(), O_RDWR));
    if (::fcntl(secrets_.get(), F_SETPIPE_SZ, static_cast<int>(text.size())) < 0)
      return fail_errno("the secrets of the job are too large for a pipe");
    DSTACK_CHECK(write_all(secrets_.get(), text));
    secrets::wipe(text);
    return file.string();
  }

  /// What the end of the container means for the job.
  Ending understand(const Result<backend::ContainerEnd>& end) {
    if (container_->lost_output())
      reporter_.warning("the container engine was stopped while the job ran: some output is lost");
    if (!end) {
      reporter_.end(job::Cause::exit, render(end.error()));
      return {could_not_start, 0};
    }
    if (end->usage)
      reporter_.usage(figures_of(*end->usage));
    if (end->not_started) {
      reporter_.end(job::Cause::start, why_not_started(*end->not_started));
      return {could_not_start, 0};
    }
    if (end->out_of_memory) {
      tell_of_killed();  // unless it was told when it happened
      tell_out_of_memory(end->code);
    }
    return {end->code, end->signal.value_or(0)};
  }

  void tell_out_of_memory(int code) const {
    const std::uint64_t limit = order_.job.spec.resources.memory;
    const std::string of = limit == 0 ? "the machine's memory" : render_size(limit) + " of memory";
    if (code == 0)
      reporter_.warning("a process of the job was killed because " + of + " was used up");
    else
      reporter_.end(job::Cause::oom,
                    "the container used up " + of +
                        (limit == 0 ? "" : "; 'resources: {memory: …}' or --memory gives it more"));
  }

  std::string why_not_started(int error) const {
    if (error == ENOENT)
      return "there is no program '" + program_ + "' in image '" + image_name() + "'" +
             (program_ == "sh" ? "; an image without a shell needs 'entrypoint' instead of commands"
                               : "");
    return "'" + program_ + "' cannot be run in image '" + image_name() +
           "': " + std::strerror(error);
  }

  /// An engine that is being started anew is waited for. What is left then the runner tells.
  void clean_up() const {
    ::unlink((record_file_.parent_path() / file_names::secrets).c_str());
    const auto until = steady_clock::now() + patience;
    while (!backend::remove_container(record_file_) && steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }

  // --- Both threads ---

  /// The first time it is known; the runner writes it into the log.
  void tell_of_killed() {
    if (!told_of_killed_.exchange(true))
      reporter_.killed_for_memory();
  }

  // --- The thread of the process ---

  void watch_memory() {
    started_.take();
    oom_ = container_->watch_memory();
    if (oom_.take())  // between the start and now
      tell_of_killed();
  }

  void stop() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    }
    const std::lock_guard lock(starting_);
    if (std::exchange(stopped_, true))
      return;
    if (!running_) {
      // The other thread may wait for a registry for minutes.
      clean_up();
      ::_exit(128 + SIGTERM);
    }
    container_->signal("TERM");
    kill_at_ = steady_clock::now() + order_.job.stop_grace;
  }

  void kill() {
    container_->signal("KILL");
    kill_at_.reset();
  }

  int milliseconds_to_kill() const {
    if (!kill_at_)
      return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - steady_clock::now());
    return static_cast<int>(std::max<long long>(0, left.count()));
  }

  const std::string& image_name() const { return order_.job.spec.container->image; }

  static void say(const std::string& sentence) { (void)write_all(1, "dstack: " + sentence + "\n"); }

  AgentOrder order_;
  Path record_file_;
  AgentReporter reporter_;
  std::atomic<bool> told_of_killed_ = false;
  Event started_;
  Event done_;
  Fd signals_;
  resources::OomEvents oom_;  ///< of the thread of the process alone
  Ending ending_;             ///< of the worker, for others once it has ended
  backend::ImageFacts image_;
  std::string program_;
  Fd secrets_;  ///< both ends: what lies in a pipe stays there as long as it is open

  std::mutex starting_;  ///< held while the container comes into being; guards what follows
  bool stopped_ = false;
  bool running_ = false;
  std::optional<backend::Container> container_;      ///< constant once running_
  std::optional<steady_clock::time_point> kill_at_;  ///< of the thread of the process alone
};

/// Ends as the job did, without a core file of ours.
[[noreturn]] void end_by(int number) {
  const rlimit none = {0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(number, SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
  ::raise(number);
  ::_exit(128 + number);
}

}  // namespace

int container_main() {
  process::disable_core_dumps();
  ::signal(SIGPIPE, SIG_IGN);
  const auto text = take_order();
  if (!text)
    return could_not_start;
  auto order = parse_agent_order(*text);
  if (!order || !order->job.spec.container)
    return could_not_start;
  const Ending ending = ContainerAgent(*std::move(order)).run();
  if (ending.signal != 0)
    end_by(ending.signal);
  return ending.code;
}

}  // namespace dstack::run
