// The power goes while commands work in a home on a disk of its own: what a command had
// acknowledged is there afterwards, and every run comes to its end.
//
// A scratch image is mounted in a mount namespace of this process, and shut down without anything
// being flushed (FS_IOC_SHUTDOWN), as a power cut does. DSTACK_SWEEP=all: 250 cuts for each file
// system in place of 20. For root.
#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "faults.hpp"
#include "invariants.hpp"
#include "sweep.hpp"

#include <atomic>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr unsigned long shutdown_request = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t nothing_flushed = 2;
constexpr std::uint32_t log_flushed = 1;

bool succeeds(std::vector<std::string> words) {
  process::Command command;
  command.argv = std::move(words);
  const auto output = process::run(std::move(command));
  return output && process::succeeded(output->status);
}

/// A file system in a file, mounted for this process alone.
class Disk {
 public:
  Disk(const Path& folder, const std::string& kind)
      : image_(folder / "image"), at_(folder / "disk") {
    REQUIRE(make_folders(at_));
    REQUIRE(write_file_atomically(image_, "", Durable::no));
    fs::resize_file(image_, std::uintmax_t{512} << 20);
    REQUIRE(succeeds({"mkfs." + kind, "-q", image_.string()}));
    mount();
  }

  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  ~Disk() { ::umount2(at_.c_str(), MNT_DETACH); }

  const Path& folder() const { return at_; }

  void mount() const { REQUIRE(succeeds({"mount", "-o", "loop", image_.string(), at_.string()})); }

  void cut(std::uint32_t what) const {
    const auto root = open_file(at_.string(), O_RDONLY | O_DIRECTORY);
    REQUIRE(root);
    REQUIRE(::ioctl(root->get(), shutdown_request, &what) == 0);
  }

  /// Processes that still have something open there are killed, as a power cut does.
  void unmount() const {
    wait_until([&] {
      for (const pid_t pid : users())
        ::kill(pid, SIGKILL);
      return ::umount2(at_.c_str(), 0) == 0;
    });
  }

 private:
  bool leads_here(const Path& link) const {
    boost::system::error_code error;
    return fs::read_symlink(link, error).string().starts_with(at_.string());
  }

  std::vector<pid_t> users() const {
    std::vector<pid_t> found;
    boost::system::error_code error;
    for (fs::directory_iterator next("/proc", error), end; !error && next != end;
         next.increment(error)) {
      const auto pid = parse_number<pid_t>(next->path().filename().string());
      if (!pid || *pid == ::getpid())
        continue;
      bool uses = leads_here(next->path() / "cwd");
      boost::system::error_code gone;
      for (fs::directory_iterator fd(next->path() / "fd", gone), last; !uses && !gone && fd != last;
           fd.increment(gone))
        uses = leads_here(fd->path());
      if (uses)
        found.push_back(*pid);
    }
    return found;
  }

  Path image_;
  Path at_;
};

/// What commands have acknowledged.
struct Acknowledged {
  std::set<std::string> runs;
  std::set<std::string> done;
  std::set<std::string> removed;
  std::set<std::string> tags;  ///< each on a run of that name's own
  std::set<std::string> secrets;
  std::string applied;  ///< content of the file that was brought into the project last
};

/// A home and a project on a disk, with commands at work in them.
class BusyStore {
 public:
  BusyStore(const Path& disk, std::uint64_t seed) : disk_(disk), random_(seed) {
    REQUIRE(make_folders(disk_ / "project/.dstack"));
    REQUIRE(write_file_atomically(disk_ / "project/.dstack/workflows.yaml",
                                  "workflows:\n  - name: w\n    provider: bash\n"
                                  "    artifacts: [out]\n    commands: [\"mkdir out; echo "
                                  "$RUN_NAME > out/name; echo $RUN_NAME > changed.txt\"]\n",
                                  Durable::no));
    ::sync();
  }

  process::Output dstack(std::vector<std::string> words, const std::string& input = {}) const {
    const std::string what = join(words, " ");
    process::Command command = box_.command(std::move(words));
    command.working_dir = (disk_ / "project").string();
    for (std::string& variable : *command.environment)
      if (variable.starts_with("DSTACK_HOME="))
        variable = "DSTACK_HOME=" + home().string();
    auto output = process::run(std::move(command), input, std::chrono::seconds(15));
    if (!output)
      broken(fmt::format("'{}' did not answer: {}", what, render(output.error())));
    return *std::move(output);
  }

  Path home() const { return disk_ / "home"; }

  /// Until the disk is gone.
  void work(const std::atomic<bool>& over) {
    while (!over)
      if (!one_round())
        return;
  }

  void check() {
    const Json all = json_in({"ps", "-a", "--json"});
    std::set<std::string> there;
    for (const Json& run : all)
      there.insert(run["run"].get<std::string>());
    for (const std::string& run : known_.runs)
      if (!known_.removed.contains(run) && !removing_.contains(run))
        check_run(run, there.contains(run));
    for (const std::string& run : known_.removed)
      if (there.contains(run))
        broken("run " + run + " was removed and is there");
    for (const std::string& run : there)
      check_ends(run);
    const std::string tags = succeed_in({"tags", "list"});
    for (const std::string& tag : known_.tags)
      if (tags.find(tag) == std::string::npos)
        broken("tag " + tag + " is lost");
    const std::string secrets = succeed_in({"secrets", "list"});
    for (const std::string& secret : known_.secrets)
      if (secrets.find(secret) == std::string::npos)
        broken("secret " + secret + " is lost");
    const auto applied = read_file(disk_ / "project/changed.txt");
    if (!known_.applied.empty() && (!applied || applied->empty()))
      broken("the file that was brought into the project is empty");
    succeed_in({"run", "-q", "w"});
    forget_old();
  }

 private:
  std::string succeed_in(std::vector<std::string> words) const {
    const std::string what = join(words, " ");
    auto output = dstack(std::move(words));
    if (!process::succeeded(output.status))
      broken(fmt::format("'{}' afterwards: {}", what, output.err));
    return std::move(output.out);
  }

  Json json_in(std::vector<std::string> words) const {
    auto json = parse_json(succeed_in(std::move(words)), "what it says");
    if (!json)
      broken(render(json.error()));
    return *std::move(json);
  }

  bool done(std::vector<std::string> words, const std::string& input = {}) const {
    return process::succeeded(dstack(std::move(words), input).status);
  }

  bool one_round() {
    auto started = dstack({"run", "-d", "w"});
    if (!process::succeeded(started.status))
      return false;
    const std::string run = started.out.substr(0, started.out.find('\n'));
    known_.runs.insert(run);
    if (!done({"logs", "-f", run}))
      return false;
    if (const auto shown = dstack({"show", run, "--json"}); process::succeeded(shown.status))
      if ((*parse_json(shown.out, "show"))["status"] == "done")
        known_.done.insert(run);
    if (!known_.done.contains(run))
      return false;
    switch (random_() % 4) {
      case 0:
        if (!done({"tags", "add", "t-" + run, run}))
          return false;
        known_.tags.insert("t-" + run);
        return true;
      case 1: {
        removing_.insert(run);
        if (!done({"rm", "-y", run}))
          return false;
        known_.removed.insert(run);
        return true;
      }
      case 2: {
        std::string name = "S_" + std::to_string(++secrets_);
        if (!done({"secrets", "add", name}, "value-of-" + run))
          return false;
        known_.secrets.insert(name);
        return true;
      }
      default:
        known_.applied.clear();
        fs::remove(disk_ / "project/changed.txt");
        if (!done({"code", run, "--changes", "--apply"}))
          return false;
        known_.applied = run;
        return true;
    }
  }

  void check_run(const std::string& run, bool is_there) const {
    if (!is_there)
      broken("run " + run + " was acknowledged and is lost");
    if (!known_.done.contains(run))
      return;
    const Json shown = json_in({"show", run, "--json"});
    if (shown["status"] != "done")
      broken(fmt::format("run {} was done and is {}", run, shown["status"].dump()));
    if (succeed_in({"artifacts", "cat", run, "out/name"}) != run + "\n")
      broken("the artifact of run " + run + " is another");
    succeed_in({"logs", run});
  }

  void check_ends(const std::string& run) const {
    succeed_in({"logs", "-f", run});
    const Json shown = json_in({"show", run, "--json"});
    if (!is_final(shown))
      broken(fmt::format("run {} is {} for ever", run, shown["status"].dump()));
  }

  /// So that a check does not take longer from cut to cut.
  void forget_old() {
    constexpr std::size_t most = 20;
    while (known_.runs.size() > most)
      known_.runs.erase(known_.runs.begin());
    std::set<std::string> removable;
    const Json all = json_in({"ps", "-a", "--json"});
    for (const Json& run : all)
      if (run["tags"].empty() && !known_.runs.contains(run["run"].get<std::string>()))
        removable.insert(run["run"].get<std::string>());
    for (const std::string& run : removable)
      succeed_in({"rm", "-y", run});
  }

  Sandbox box_;  ///< for its commands alone
  Path disk_;
  std::mt19937_64 random_;
  Acknowledged known_;
  std::set<std::string> removing_;
  std::size_t secrets_ = 0;
};

/// In a namespace of this process: nothing is mounted for anybody else.
bool enter_namespace() {
  return ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// A disk with a store in it, which commands work in until the power goes.
struct Machine {
  Machine(const Path& folder, const std::string& kind, std::uint64_t seed)
      : disk(folder, kind), store(disk.folder(), seed) {}

  void lose_power_after(std::chrono::microseconds time, std::uint32_t what) {
    std::atomic<bool> over = false;
    std::jthread worker([&] {
      try {
        store.work(over);
      } catch (const std::exception&) {
        // a command that hung on a dead disk is killed below
      }
    });
    let_pass(time);
    disk.cut(what);
    over = true;
    worker.join();
    disk.unmount();
    disk.mount();
  }

  Disk disk;
  BusyStore store;
};

void cut_power(const std::string& kind) {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-power-");
  std::mt19937_64 random(sweep_seed());
  std::optional<Machine> machine;
  Tally tally;
  const std::size_t cuts = is_long_tier() ? 250 : 20;
  while (tally.tried < cuts) {
    if (!machine)
      machine.emplace(folder.path(), kind, random());
    const auto time = std::chrono::microseconds(20'000 + random() % 400'000);
    machine->lose_power_after(time, random() % 4 == 0 ? log_flushed : nothing_flushed);
    ++tally.tried;
    try {
      machine->store.check();
    } catch (const Broken& found) {
      ++tally.failed;
      machine->disk.unmount();
      machine.reset();  // what one cut broke is not the fault of the next
      FAIL_CHECK("cut " << tally.tried << ": " << found.what() << "\n  again: DSTACK_SWEEP_SEED="
                        << sweep_seed() << " test_sweeps 'power cuts: " << kind << "'");
    }
  }
  if (machine)
    machine->disk.unmount();
  report_sweep("power cut", kind, tally);
}

bool can_make(const std::string& kind) {
  return process::find_program("mkfs." + kind, "/usr/sbin:/sbin:/usr/bin:/bin").has_value() &&
         fs::exists("/dev/loop-control");
}

}  // namespace

TEST_CASE("power cuts: ext4") {
  SKIP_IF_SANITIZED();
  if (!can_make("ext4"))
    SKIP("there is no mkfs.ext4, or no loop device");
  if (!enter_namespace())
    SKIP("only root can mount an image");
  cut_power("ext4");
}

TEST_CASE("power cuts: xfs") {
  SKIP_IF_SANITIZED();
  if (!can_make("xfs"))
    SKIP("there is no mkfs.xfs, or no loop device");
  if (!enter_namespace())
    SKIP("only root can mount an image");
  cut_power("xfs");
}
