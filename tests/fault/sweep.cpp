#include "sweep.hpp"

#include "dstack/base/text.hpp"
#include "invariants.hpp"

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <iostream>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::test {

namespace {

/// Longer than any command of a scenario takes on a busy machine.
constexpr std::chrono::seconds bound(30);
constexpr std::chrono::seconds disk_is_full_for(2);

struct Named {
  int error;
  const char* name;
};

constexpr Named errors[] = {{ENOSPC, "ENOSPC"},
                            {EIO, "EIO"},
                            {EMFILE, "EMFILE"},
                            {ENOMEM, "ENOMEM"},
                            {EINTR, "EINTR"},
                            {EAGAIN, "EAGAIN"}};

/// Those that last when they come: a disk that is full or broken, no descriptors.
constexpr int lasting[] = {ENOSPC, EIO, EMFILE};

const char* name_of(int error) {
  for (const Named& each : errors)
    if (each.error == error)
      return each.name;
  return "?";
}

/// Whether it is requested to stop before so much time has passed.
bool stopped_within(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, stop, time, [&] { return stop.stop_requested(); });
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool is_long_tier() {
  return variable("DSTACK_SWEEP") == "all";
}

std::uint64_t sweep_seed() {
  static const std::uint64_t chosen = [] {
    const auto given = parse_number<std::uint64_t>(variable("DSTACK_SWEEP_SEED"));
    return given ? *given : static_cast<std::uint64_t>(std::time(nullptr));
  }();
  return chosen;
}

void report_sweep(const std::string& guarantee, const std::string& name, const Tally& tally) {
  const std::string row =
      fmt::format("{}: {}\t{}\t{}\n", guarantee, name, tally.tried, tally.failed);
  std::cout << "seed " << sweep_seed() << "\n" << row;
  if (const std::string table = variable("DSTACK_SWEEP_TABLE"); !table.empty())
    if (const auto file = open_file(table, O_WRONLY | O_CREAT | O_APPEND, 0644))
      (void)write_all(file->get(), row);
}

namespace {

/// All of them, or about so many, evenly.
std::vector<FaultPoint> sample(std::vector<FaultPoint> all, std::size_t wanted) {
  if (is_long_tier() || all.size() <= wanted)
    return all;
  std::vector<FaultPoint> some;
  const std::size_t offset = sweep_seed() * 7919 % all.size();
  for (std::size_t i = 0; i < wanted; ++i)
    some.push_back(all[(offset + i * all.size() / wanted) % all.size()]);
  return some;
}

std::unique_ptr<Sandbox> fresh(const Scenario& scenario) {
  auto box = std::make_unique<Sandbox>();
  scenario.prepare(*box);
  return box;
}

void perform(const Scenario& scenario, const Sandbox& box, const Faulty& faulty) {
  const auto output = scenario.act(box, faulty);
  scenario.check(box, output);
  check_runs_end(box);
  check_nothing_left(box);
}

/// How many calls there are without a fault, of a kind: in a home as most points will find it.
std::size_t count_calls(const Scenario& scenario, const std::string& role, int error) {
  const auto box = fresh(scenario);
  const FaultPoint never{role, SIZE_MAX / 2, error, false};
  if (!scenario.fresh)
    perform(scenario, *box, Faulty(*box, never));
  const Faulty faulty(*box, never);
  perform(scenario, *box, faulty);
  return faulty.calls();
}

/// What is said of a call that failed: why, and what of.
void check_message(const FaultPoint& point, const Sandbox& box, const process::Output& output) {
  if (point.error == 0 || process::succeeded(output.status))
    return;
  std::string said = output.out + output.err;
  const Json runs = parse_json(succeed(box, {"ps", "-a", "--json"}), "ps").value_or(Json::array());
  if (!runs.empty())
    said += succeed(box, {"show", runs[0]["run"].get<std::string>()});
  if (said.find(std::strerror(point.error)) == std::string::npos)
    broken("it failed, and does not say why: " + said);
  if (said.find('/') == std::string::npos && said.find('\'') == std::string::npos)
    broken("it failed, and does not say at what: " + said);
}

/// Some of the points, one after the other.
class Sweep {
 public:
  explicit Sweep(const Scenario& scenario) : scenario_(scenario) {}

  void try_point(const FaultPoint& point) {
    std::string call;
    try {
      if (!box_)
        box_ = fresh(scenario_);
      const Faulty faulty(*box_, point);
      const auto output = scenario_.act(*box_, faulty);
      call = faulty.call();
      if (faulty.was_hit())
        ++tally.tried;
      check_runs_end(*box_);
      check_message(point, *box_, output);
      scenario_.check(*box_, output);
      check_runs_end(*box_);
      check_nothing_left(*box_);
      if (scenario_.fresh)
        box_.reset();
    } catch (const Broken& found) {
      fail(point, call, found.what());
    } catch (const std::exception& other) {
      fail(point, call, other.what());
    } catch (...) {  // how Catch ends a test
      fail(point, call, "what the sweep itself needs has failed");
    }
  }

  Tally tally;
  std::string failures;

 private:
  void fail(const FaultPoint& point, const std::string& call, const std::string& what) {
    ++tally.failed;
    failures += fmt::format("{}\n  at {}\n  again: DSTACK_SWEEP_POINT='{}' {} '{}'\n",
                            what,
                            call,
                            render(point),
                            Catch::getCurrentContext().getConfig()->name(),
                            Catch::getResultCapture().getCurrentTestName());
    box_.reset();  // what one point broke is not the fault of the next
  }

  const Scenario& scenario_;
  std::unique_ptr<Sandbox> box_;
};

/// Several processes share the points: most of a point is waiting, for a disk that is full as well.
constexpr std::size_t most_workers = 2;

/// Tries every `step`th point from `first` on, and writes what came of it.
void work(const Scenario& scenario,
          const std::vector<FaultPoint>& points,
          std::size_t first,
          std::size_t step,
          int to) {
  Sweep sweep(scenario);
  for (std::size_t i = first; i < points.size(); i += step)
    sweep.try_point(points[i]);
  (void)write_all(to,
                  render_json(Json{{"tried", sweep.tally.tried},
                                   {"failed", sweep.tally.failed},
                                   {"failures", sweep.failures}}));
}

struct Worker {
  pid_t pid = 0;
  Fd result;
};

Worker start_worker(const Scenario& scenario,
                    const std::vector<FaultPoint>& points,
                    std::size_t first,
                    std::size_t step) {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    work(scenario, points, first, step, pipe->write_end.get());
    ::_exit(0);
  }
  return {pid, std::move(pipe->read_end)};
}

void try_points(const std::string& guarantee,
                const Scenario& scenario,
                const std::vector<FaultPoint>& points) {
  const std::size_t count = std::min(most_workers, points.size());
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < count; ++i)
    workers.push_back(start_worker(scenario, points, i, count));
  Tally tally;
  for (const Worker& worker : workers) {
    const Json result =
        parse_json(read_all(worker.result.get()).value_or(""), "a worker").value_or(Json());
    ::waitpid(worker.pid, nullptr, 0);
    if (!result.is_object()) {
      FAIL_CHECK("a worker of the sweep has died");
      continue;
    }
    tally.tried += result["tried"].get<std::size_t>();
    tally.failed += result["failed"].get<std::size_t>();
    if (const auto failures = result["failures"].get<std::string>(); !failures.empty())
      FAIL_CHECK(failures);
  }
  report_sweep(guarantee, scenario.name, tally);
  CHECK(tally.tried > 0);
}

std::optional<FaultPoint> parse_point(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2)
    return std::nullopt;
  FaultPoint point;
  point.role = parts[0];
  std::string_view number = parts[1];
  point.goes_on = number.ends_with('+');
  if (point.goes_on)
    number.remove_suffix(1);
  point.call = parse_number<std::size_t>(number).value_or(1);
  for (const Named& each : errors)
    if (parts.size() > 2 && parts[2] == each.name)
      point.error = each.error;
  return point;
}

void sweep(const std::string& guarantee,
           const Scenario& scenario,
           std::size_t wanted,
           const std::function<void(const std::string& role, std::vector<FaultPoint>&)>& add) {
  std::vector<FaultPoint> points;
  if (const auto one = parse_point(variable("DSTACK_SWEEP_POINT"))) {
    points = {*one};
  } else {
    for (const std::string& role : scenario.roles)
      add(role, points);
    std::cout << points.size() << " points\n";
    points = sample(std::move(points), wanted);
  }
  try_points(guarantee, scenario, points);
}

}  // namespace

std::string render(const FaultPoint& point) {
  std::string text = fmt::format("{}:{}{}", point.role, point.call, point.goes_on ? "+" : "");
  if (point.error != 0)
    text += fmt::format(":{}", name_of(point.error));
  return text;
}

void broken(const std::string& what) {
  throw Broken(what);
}

Faulty::Faulty(const Sandbox& box, const FaultPoint& point)
    : box_(box), point_(point), file_(box.root() / "board") {
  const auto file = open_file(file_.string(), O_RDWR | O_CREAT | O_TRUNC, 0666);
  REQUIRE(file);
  REQUIRE(::ftruncate(file->get(), sizeof(fault_board)) == 0);
  void* mapped =
      ::mmap(nullptr, sizeof(fault_board), PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
  REQUIRE(mapped != MAP_FAILED);
  board_ = static_cast<fault_board*>(mapped);
}

Faulty::~Faulty() {
  ::munmap(board_, sizeof *board_);
}

void Faulty::give_room() const {
  if (point_.goes_on && point_.error == ENOSPC)
    board_->is_over = 1;
}

std::string Faulty::call() const {
  return was_hit() ? fmt::format("{} of {}", board_->call, board_->path) : "no call";
}

process::Output Faulty::run(const std::vector<std::string>& words, const std::string& input) const {
  process::Command command = box_.command(words);
  for (const std::string& each :
       {std::string("LD_PRELOAD=" DSTACK_FAULTS "/failing_calls.so"),
        "FAULT_IN=" + point_.role,
        fmt::format("FAULT_AT={}{}", point_.call, point_.goes_on ? "+" : ""),
        fmt::format("FAULT_ERRNO={}", point_.error),
        "FAULT_BOARD=" + file_.string()})
    command.environment->push_back(each);
  const std::jthread room([&](const std::stop_token& stop) {
    if (!stopped_within(stop, disk_is_full_for))
      give_room();
  });
  auto output = process::run(std::move(command), input, bound);
  if (!output)
    broken(fmt::format("'{}' did not end: {}", join(words, " "), render(output.error())));
  return *std::move(output);
}

process::Output answer(const Sandbox& box,
                       const std::vector<std::string>& words,
                       const std::string& input) {
  auto output = process::run(box.command(words), input, bound);
  if (!output)
    broken(fmt::format("'{}' did not answer: {}", join(words, " "), render(output.error())));
  return *std::move(output);
}

std::string succeed(const Sandbox& box,
                    const std::vector<std::string>& words,
                    const std::string& input) {
  auto output = answer(box, words, input);
  if (!process::succeeded(output.status))
    broken(fmt::format(
        "'{}' afterwards: {}, {}", join(words, " "), render(output.status), output.err));
  return std::move(output.out);
}

void sweep_kills(const Scenario& scenario) {
  sweep("killed at a call",
        scenario,
        scenario.quick_kills,
        [&](const std::string& role, auto& points) {
          const std::size_t calls = count_calls(scenario, role, 0);
          for (std::size_t call = 1; call <= calls; ++call)
            points.push_back({role, call, 0, false});
        });
}

void sweep_errors(const Scenario& scenario) {
  constexpr std::size_t quick = 50;
  sweep("a call that fails", scenario, quick, [&](const std::string& role, auto& points) {
    for (const Named& each : errors) {
      const std::size_t calls = count_calls(scenario, role, each.error);
      const bool lasts =
          std::find(std::begin(lasting), std::end(lasting), each.error) != std::end(lasting);
      for (std::size_t call = 1; call <= calls; ++call) {
        points.push_back({role, call, each.error, false});
        if (lasts)
          points.push_back({role, call, each.error, true});
      }
    }
  });
}

}  // namespace dstack::test
