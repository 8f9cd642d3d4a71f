// Namespaces in which nothing may be mounted, as AppArmor of Ubuntu 24.04 makes them.
#include "faults.hpp"
#include "support/users.hpp"

#include <cerrno>

using namespace dstack;
using namespace dstack::test;

TEST_CASE("a job is not left in a namespace of a user in which its workspace cannot be mounted") {
  SKIP_IF_SANITIZED();
  if (::geteuid() == 0 && !user_reaches_build())
    SKIP("an ordinary user cannot reach the build folder");
  const Sandbox box;
  for (int i = 0; i < 100; ++i)
    box.file(std::to_string(i), "");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: ['stat -c %u /etc; ls | wc -l']}\n");
  if (::geteuid() == 0)
    give_to_user(box, "65534");
  const FaultReport report(box);
  const auto output = process::run(
      as_ordinary_user(with_fault(
          box.command({"run", "w"}), {"failing_mounts", "exec", 1, true, EACCES}, report)),
      {},
      std::chrono::seconds(60));
  REQUIRE(output);
  INFO(output->err);
  REQUIRE_FALSE(report.failed_call().empty());
  CHECK(output->out == "0\n100\n");
}
