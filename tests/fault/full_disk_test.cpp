// A home on a disk that is full: what runs goes on, nothing of it is lost, and dstack itself can
// make room.
#include "dstack/base/fd.hpp"
#include "faults.hpp"
#include "support/job_log.hpp"

#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// A small disk that is the home of a sandbox, for this process and those that it starts.
class SmallDisk {
 public:
  explicit SmallDisk(const Sandbox& box) : at_(box.home()) {
    if (::geteuid() != 0)
      SKIP("only root can mount a small disk");
    REQUIRE(make_folders(at_));
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", at_.c_str(), "tmpfs", 0, "size=20m") != 0)
      SKIP("this machine does not let root mount");
  }

  ~SmallDisk() { (void)::umount2(at_.c_str(), MNT_DETACH); }

  void fill() const {
    const auto file = open_file((at_ / "fill").string(), O_WRONLY | O_CREAT | O_APPEND);
    REQUIRE(file);
    for (std::size_t size = 1u << 20; size > 0; size /= 16)
      while (write_all(file->get(), std::string(size, 'x'))) {
      }
  }

  void make_room() const { REQUIRE(::unlink((at_ / "fill").c_str()) == 0); }

 private:
  Path at_;
};

/// Something that a job does when the test says so.
class Signal {
 public:
  Signal(const Sandbox& box, const std::string& name) : file_(box.root() / name) {}

  /// For the shell of a job.
  std::string wait() const { return "until [ -e " + file_.string() + " ]; do sleep 0.01; done; "; }

  std::string set() const { return "touch " + file_.string() + "; "; }

  void give() const { REQUIRE(write_file_atomically(file_, "", Durable::no)); }

  void await() const {
    wait_until([&] { return fs::exists(file_); });
  }

 private:
  Path file_;
};

void workflow(const Sandbox& box, const std::string& artifacts, const std::string& command) {
  box.workflows("workflows:\n  - {name: w, provider: bash, artifacts: " + artifacts +
                ", commands: [" + Json(command).dump() + "]}\n");
}

std::string reason(const Sandbox& box, const std::string& run) {
  const Json entry = box.json({"ps", run, "--json"})[0]["reason"];
  return entry.is_null() ? std::string() : entry.get<std::string>();
}

}  // namespace

TEST_CASE("a disk that is full when a job ends takes neither its verdict nor its artifacts") {
  const Sandbox box;
  const SmallDisk disk(box);
  const Signal go(box, "go");
  // More than what the processes of the run may still free.
  workflow(box,
           "[out]",
           "mkdir out; for i in $(seq 100); do head -c 20000 /dev/urandom > out/$i; done; "
           "echo result > out/r; echo begun; " +
               go.wait() + "exit 0");
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "begun");
  disk.fill();
  go.give();
  wait_until([&] { return holds(reason(box, run), "disk full: "); });
  CHECK_THAT(box.ok({"ps", run}), Catch::Contains("uploading (disk full: "));
  disk.make_room();
  const Json over = box.wait(run);
  CHECK(over["status"] == "done");
  CHECK_THAT(box.ok({"artifacts", "list", run}), Catch::Contains("out/r"));
}

TEST_CASE("a job that leaves nothing ends on a full disk as it would on any other") {
  const Sandbox box;
  const SmallDisk disk(box);
  const Signal go(box, "go");
  const int code = GENERATE(0, 3);
  workflow(box, "[]", "echo begun; " + go.wait() + "exit " + std::to_string(code));
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "begun");
  disk.fill();
  go.give();
  CHECK(box.wait(run)["jobs"][0]["exit_code"] == code);
  box.ok({"rm", "-y", run});
  CHECK_FALSE(fs::exists(box.home() / "runs" / run));
}

TEST_CASE("a job goes on when its output meets a full disk, and the log says what is missing") {
  const Sandbox box;
  const SmallDisk disk(box);
  const Signal go(box, "go");
  const Signal printed(box, "printed");
  const Signal end(box, "end");
  const bool has_secret = GENERATE(false, true);
  if (has_secret)
    REQUIRE(process::run(box.command({"secrets", "add", "TOKEN"}), "very secret", long_enough));
  workflow(
      box,
      "[]",
      "echo begun; " + go.wait() + "seq 1000000; " + printed.set() + end.wait() + "echo the end");
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "begun");
  disk.fill();
  go.give();
  printed.await();
  wait_until([&] { return holds(reason(box, run), "disk full: its output is not recorded"); });
  disk.make_room();
  wait_until([&] { return reason(box, run).empty(); });
  end.give();
  CHECK(box.wait(run)["status"] == "done");
  const std::string log = job_log(box, run);
  CHECK_THAT(log, Catch::Contains("dstack: the disk was full: "));
  CHECK_THAT(log, Catch::Contains(" bytes of output are missing\n"));
  CHECK(log.ends_with("the end\n"));
}

TEST_CASE("a run can be stopped and removed on a full disk, which then has its reserve again") {
  const Sandbox box;
  const SmallDisk disk(box);
  workflow(box, "[]", "echo begun; head -c 3000000 /dev/zero | tr '\\0' x; echo; sleep 1000");
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "begun");
  disk.fill();
  const std::string abort = GENERATE("", "-x");
  std::vector<std::string> words = {"stop", run};
  if (!abort.empty())
    words.push_back(abort);
  box.ok(words);
  CHECK(box.json({"show", run, "--json"})["status"] == (abort.empty() ? "stopped" : "aborted"));
  box.ok({"rm", "-y", run});
  CHECK_FALSE(fs::exists(box.home() / "runs" / run));
  CHECK(fs::exists(box.home() / "reserve"));
}

TEST_CASE("a stop that cannot be written anywhere reaches the job, and is recorded later") {
  const Sandbox box;
  const SmallDisk disk(box);
  const Signal stopped(box, "stopped");
  workflow(box, "[]", "trap '" + stopped.set() + "exit 0' TERM; echo begun; sleep 1000 & wait");
  const std::string run = box.start({"w"});
  wait_for_log(box, run, "begun");
  REQUIRE(::unlink((box.home() / "reserve").c_str()) == 0);
  disk.fill();
  std::thread stop([&] { box.ok({"stop", run}); });
  stopped.await();
  disk.make_room();
  stop.join();
  CHECK(box.json({"show", run, "--json"})["status"] == "stopped");
}
