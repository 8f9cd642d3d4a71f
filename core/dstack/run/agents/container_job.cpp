#include "dstack/run/agents/container_job.hpp"

#include "dstack/base/stop_flag.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include <signal.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

/// To what creates and starts a container.
constexpr auto longest_answer = std::chrono::seconds(2);
constexpr auto longest_clean_up = std::chrono::seconds(15);
constexpr auto between_removals = std::chrono::milliseconds(200);

Path folder_of(const JobOrder& order) {
  return attempt_folder(files::Home{order.home}, order.run, order.index, order.attempt);
}

}  // namespace

ContainerJob::ContainerJob(AgentOrder order)
    : order_(std::move(order)), folder_(folder_of(order_.job)) {}

AgentExit ContainerJob::run(const std::function<void()>& on_started) {
  auto engine = backend::Engine::find();
  if (!engine)
    return fail_to_start(engine.error());
  if (auto started = start(*engine); !started)
    return fail_to_start(started.error());
  reporter_.status(job::Status::running);
  on_started();
  const auto end = container_->wait();
  if (container_->lost_output())
    reporter_.warning("the container engine was stopped while the job ran: some output is lost");
  const ContainerOutcome outcome =
      container_outcome(end,
                        prepared_.launch.argv.front(),
                        order_.job.spec,
                        {prepared_.image.platform, engine->platform()});
  send(outcome.report);
  clean_up();
  return outcome.exit;
}

AgentExit ContainerJob::fail_to_start(const Error& error) const {
  clean_up();
  reporter_.end(job::Cause::start, render(error));
  return agent_failed;
}

Result<void> ContainerJob::start(const backend::Engine& engine) {
  DSTACK_TRY(prepared_, prepare_container(order_, engine, folder_, reporter_));
  order_.job.spec.container->image = prepared_.image_name;
  return create_and_start(engine);
}

Result<void> ContainerJob::create_and_start(const backend::Engine& engine) {
  const backend::ContainerLaunch& launch = prepared_.launch;
  const std::string& image = prepared_.image.id;
  backend::ContainerRecord record{
      engine.address(), launch.job, image, order_.workspace, prepared_.since, false};
  const Path file = folder_ / file_names::container;
  const std::lock_guard lock(starting_);
  if (stopped_)
    return fail_stopped();
  DSTACK_CHECK(backend::write_container_record(file, record));
  auto container = backend::Container::create(
      engine,
      launch.job,
      order_.job.spec.container->platform,
      backend::container_request(launch, image, engine.is_podman(), backend::container_init()));
  record.created = true;  // or never will be
  DSTACK_CHECK(backend::write_container_record(file, record));
  if (!container)
    return Failure(std::move(container).error());
  container_.emplace(*std::move(container));
  DSTACK_CHECK(
      container_->start([](std::string_view bytes) { (void)write_all(STDOUT_FILENO, bytes); }));
  running_ = true;
  return {};
}

void ContainerJob::send(const AgentReport& report) {
  if (report.usage)
    reporter_.usage(*report.usage);
  if (report.killed_for_memory)
    report_oom_kill();
  if (!report.warning.empty())
    reporter_.warning(report.warning);
  if (report.cause)
    reporter_.end(*report.cause, report.message);
}

void ContainerJob::clean_up() const {
  ::unlink((folder_ / file_names::secrets).c_str());
  const auto until = steady_clock::now() + longest_clean_up;
  while (!backend::remove_container(folder_ / file_names::container) && steady_clock::now() < until)
    std::this_thread::sleep_for(between_removals);
}

bool ContainerJob::stop() {
  const std::unique_lock lock(starting_, longest_answer);
  if (!lock)
    ::_exit(128 + SIGTERM);  // the engine is silent; the runner removes what there is
  if (std::exchange(stopped_, true))
    return false;
  if (!running_) {
    // The other thread may wait for a registry for minutes.
    clean_up();
    ::_exit(128 + SIGTERM);
  }
  container_->signal("TERM");
  return true;
}

void ContainerJob::kill() const {
  container_->signal("KILL");
}

resources::OomEvents ContainerJob::watch_memory() const {
  return container_->watch_memory();
}

void ContainerJob::report_oom_kill() {
  if (!oom_kill_reported_.exchange(true))
    reporter_.killed_for_memory();
}

}  // namespace dstack::run
