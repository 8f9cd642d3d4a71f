#include "dstack/resources/oom_events.hpp"

#include "support/catch.hpp"

#include <unistd.h>

using namespace dstack;
using namespace dstack::resources;

namespace {

constexpr const char* container = "4be0e1b7a3";

/// Files as the kernel has them, and the texts of a process that lives in one of the groups.
struct Machine {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  Path root = folder.path();

  /// A group with this file in it, below the mount of a tree.
  Path group(const std::string& tree, const std::string& name, const std::string& file) const {
    const Path path = root / tree / name;
    REQUIRE(make_folders(path));
    REQUIRE(write_file_atomically(path / file, "oom_kill 0\n", Durable::no));
    return path;
  }

  std::optional<MemoryGroup> found(const std::string& cgroup, const std::string& name) const {
    const std::string mounts = "30 1 0:1 / " + (root / "unified").string() +
                               " rw - cgroup2 cgroup2 rw\n" + "31 1 0:2 / " +
                               (root / "memory").string() + " rw - cgroup cgroup rw,memory\n";
    return memory_group_among(parse_hierarchies(cgroup, mounts), name);
  }
};

}  // namespace

TEST_CASE("the group of a container is found by its name, as systemd and the engine give it") {
  const Machine machine;
  const std::string scope = "/system.slice/docker-" + std::string(container) + ".scope";
  const Path v2 = machine.group("unified", scope.substr(1), "memory.events");
  auto found = machine.found("0::" + scope + "\n", container);
  REQUIRE(found);
  CHECK((found->version == Hierarchy::Version::v2));
  CHECK(found->folder == v2);

  const std::string plain = "/docker/" + std::string(container);
  const Path v1 = machine.group("memory", plain.substr(1), "memory.oom_control");
  found = machine.found("4:memory:" + plain + "\n0::" + plain + "\n", container);
  REQUIRE(found);
  CHECK((found->version == Hierarchy::Version::v1));
  CHECK(found->folder == v1);
}

TEST_CASE("the group of a process that only has the number of the container's is left alone") {
  const Machine machine;
  machine.group("unified", "user.slice/session-1.scope", "memory.events");
  CHECK_FALSE(machine.found("0::/user.slice/session-1.scope\n", container));
  CHECK_FALSE(memory_group_of(::getpid(), container));
  CHECK_FALSE(memory_group_of(0, container));  // of a container that has ended
}

TEST_CASE("a container whose memory no group counts has none") {
  const Machine machine;
  const std::string plain = "/docker/" + std::string(container);
  machine.group("unified", plain.substr(1), "cgroup.procs");
  CHECK_FALSE(machine.found("0::" + plain + "\n", container));
}
