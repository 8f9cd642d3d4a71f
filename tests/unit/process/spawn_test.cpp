#include "dstack/process/spawn.hpp"

#include "dstack/base/file.hpp"
#include "support/catch.hpp"
#include "support/variables.hpp"

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::process;

TEST_CASE("a program's outputs and exit code come back") {
  const auto output =
      run({{"sh", "-c", "cat; echo err >&2; exit 3"}, {}, "", {}, Group::same}, "input");
  REQUIRE(output);
  CHECK(output->out == "input");
  CHECK(output->err == "err\n");
  CHECK(render(output->status) == "exit code 3");
}

TEST_CASE("large input and output at once do not block each other") {
  const std::string data(5'000'000, 'x');
  const auto output = run({{"cat"}, {}, "", {}, Group::same}, data);
  REQUIRE(output);
  CHECK(output->out == data);
}

TEST_CASE("a program that does not read its input is not an error") {
  const auto output = run({{"true"}, {}, "", {}, Group::same}, std::string(1'000'000, 'x'));
  REQUIRE(output);
  CHECK(succeeded(output->status));
}

TEST_CASE("a program that does not exist is reported as such") {
  const auto output = run({{"no-such-program-here"}, {}, "", {}, Group::same});
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::not_found);
}

TEST_CASE("a program that does not end in time is killed with its children") {
  const auto output = run({{"sh", "-c", "sleep 1000 & sleep 1000"}, {}, "", {}, Group::same},
                          {},
                          std::chrono::milliseconds(50));
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::unavailable);
}

TEST_CASE("death by a signal is distinguished from an exit code") {
  const auto output = run({{"sh", "-c", "kill -9 $$"}, {}, "", {}, Group::same});
  REQUIRE(output);
  CHECK(render(output->status) == "killed by SIGKILL");
}

TEST_CASE("a child gets just the descriptors that were named") {
  const auto pipe = make_pipe();
  REQUIRE(pipe);
  const std::string number = std::to_string(pipe->read_end.get());
  const auto output = run(
      {{"sh",
        "-c",
        "test -e /proc/self/fd/" + number + " && echo there; test -e /proc/self/fd/9 && echo nine"},
       {},
       "",
       {{9, pipe->write_end.get()}},
       Group::same});
  REQUIRE(output);
  CHECK(output->out == "nine\n");
}

TEST_CASE("the child's environment and folder are those given") {
  const auto output =
      run({{"sh", "-c", "echo $A; pwd"}, std::vector<std::string>{"A=1"}, "/", {}, Group::same});
  REQUIRE(output);
  CHECK(output->out == "1\n/\n");
}

TEST_CASE("running a program changes nothing for the other threads") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path(), "dstack-spawn-");
  REQUIRE(folder);
  const std::string fifo = (folder->path() / "fifo").string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  std::thread runner([&] { (void)run({{"cat", fifo}, {}, "", {}, Group::same}); });
  // Opens only once the program is there to read: run() is in the middle of its work.
  Fd writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));

  struct sigaction meanwhile {};

  ::sigaction(SIGPIPE, nullptr, &meanwhile);
  writer.reset();
  runner.join();
  CHECK(meanwhile.sa_handler == SIG_DFL);
}

TEST_CASE("programs that do not read their input harm no thread that runs one") {
  std::vector<std::thread> runners;
  std::atomic<int> succeeded_runs = 0;
  for (int i = 0; i < 8; ++i)
    runners.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        const auto output = run({{"true"}, {}, "", {}, Group::same}, std::string(200'000, 'x'));
        if (output && succeeded(output->status))
          ++succeeded_runs;
      }
    });
  for (std::thread& runner : runners)
    runner.join();
  CHECK(succeeded_runs == 80);
  sigset_t held;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &held);
  CHECK(::sigismember(&held, SIGPIPE) == 0);
}

TEST_CASE("a program that lies in the current folder is not started by its name") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path program = folder->path() / "uname";
  REQUIRE(write_file_atomically(program, "#!/bin/sh\necho own\n", Durable::no, 0755));
  const Path before = fs::current_path();
  fs::current_path(folder->path());
  for (const char* path : {".:/usr/bin:/bin", ":/usr/bin:/bin", "../"}) {
    INFO(path);
    const std::string value =
        std::string(path) == "../"
            ? fmt::format("../{}:/usr/bin:/bin", folder->path().filename().string())
            : path;
    const auto found = find_program("uname", value);
    REQUIRE(found);
    CHECK(found->starts_with('/'));
    const test::SetVariable path_of_test("PATH", value);
    Command command{{"uname"}, {}, "", {}, Group::same};
    command.working_dir = folder->path().string();
    const auto output = run(command);
    REQUIRE(output);
    CHECK(output->out != "own\n");
  }
  fs::current_path(before);
}
