#include "dstack/job/sandbox.hpp"

#include "dstack/base/json_fields.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::job;

TEST_CASE("strict has no network unless it says so, and files has the machine's") {
  CHECK(network_of({SandboxLevel::files, {}, {}}) == SandboxNetwork::host);
  CHECK(network_of({SandboxLevel::strict, {}, {}}) == SandboxNetwork::none);
  CHECK(network_of({SandboxLevel::strict, {}, {}, SandboxNetwork::host}) == SandboxNetwork::host);
}

TEST_CASE("a sandbox is lowered by a level, a network, or a path that is not opened") {
  const Sandbox required{SandboxLevel::files, {"/data"}, {"/scratch"}};
  CHECK(describe_lowered(required, required).empty());
  CHECK(describe_lowered({SandboxLevel::strict, {"/data/a", "/scratch"}, {"/scratch/b"}}, required)
            .empty());
  CHECK(describe_lowered({SandboxLevel::files, {"/database"}, {}}, required) ==
        "'read' opens '/database'");
  CHECK(describe_lowered({SandboxLevel::files, {}, {"/data"}}, required) ==
        "'write' opens '/data'");
  const Sandbox strict{SandboxLevel::strict, {}, {}};
  CHECK_FALSE(describe_lowered({SandboxLevel::files, {}, {}}, strict).empty());
  CHECK_FALSE(
      describe_lowered({SandboxLevel::strict, {}, {}, SandboxNetwork::host}, strict).empty());
  CHECK(describe_lowered({SandboxLevel::strict, {"/a"}, {}}, {SandboxLevel::files, {"/"}, {}})
            .empty());
}

TEST_CASE("a sandbox is the same after it was written and read") {
  const Sandbox sandbox{SandboxLevel::strict, {"/a"}, {"/b"}, SandboxNetwork::host};
  CHECK(*from_json_value<Sandbox>(Json(sandbox), "") == sandbox);
  CHECK(*from_json_value<Sandbox>(Json{{"level", "files"}}, "") == Sandbox{});
  CHECK_FALSE(from_json_value<Sandbox>(Json{{"read", {"relative"}}}, ""));
  CHECK_FALSE(from_json_value<Sandbox>(Json{{"level", "none"}}, ""));
}
