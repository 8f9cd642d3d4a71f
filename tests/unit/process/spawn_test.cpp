#include "dstack/process/spawn.hpp"

#include "support/catch.hpp"

#include <signal.h>
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

TEST_CASE("a program that does not read its input is no error") {
  const auto output = run({{"true"}, {}, "", {}, Group::same}, std::string(1'000'000, 'x'));
  REQUIRE(output);
  CHECK(succeeded(output->status));
}

TEST_CASE("a program that is not there is told as such") {
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

TEST_CASE("death by a signal is told apart from an exit code") {
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
