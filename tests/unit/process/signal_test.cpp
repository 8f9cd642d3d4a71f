#include "dstack/process/signal.hpp"

#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"
#include "support/results.hpp"

#include <signal.h>
#include <sys/stat.h>

using namespace dstack;

TEST_CASE("a marked process is killed also while it becomes another program") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path program = folder->path() / "again";
  REQUIRE(write_file_atomically(program, "#!/bin/sh\nexec \"$0\"\n", Durable::no, 0700));
  for (int round = 0; round < 20; ++round) {
    process::Command command;
    command.argv = {program.string()};
    command.environment = {"MARK=" + folder->path().string()};
    auto child = process::spawn(command);
    REQUIRE(child);
    process::kill_marked("MARK", folder->path().string());
    child->signal(SIGTERM);  // what was missed must not go on after this test
    const process::ExitStatus status = child->wait();
    const auto* end = std::get_if<process::Signaled>(&status);
    REQUIRE(end != nullptr);
    CHECK(end->signal == SIGKILL);
  }
}
