#include "dstack/process/detached.hpp"

#include "dstack/base/file.hpp"
#include "support/catch.hpp"
#include "support/wait.hpp"

#include <cerrno>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::process;

TEST_CASE("a detached program is not a child of one that adopts orphans", "[process]") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const std::string file = (folder->path() / "parent").string();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  Command command;
  command.argv = {
      "sh", "-c", "cut -d' ' -f4 /proc/$$/stat >\"$1.new\"; mv \"$1.new\" \"$1\"", "sh", file};
  REQUIRE(spawn_detached(command));
  int adopts = 0;
  ::prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0, 0, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  CHECK(adopts == 1);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
  test::wait_until([&] { return fs::exists(file); });
  CHECK(std::stoi(*read_file(file)) != ::getpid());
}
