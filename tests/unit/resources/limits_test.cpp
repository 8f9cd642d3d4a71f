#include "dstack/resources/limits.hpp"

#include "support/catch.hpp"

#include <pwd.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::resources;

using Kind = Enforcement::Kind;

namespace {

/// Files as the kernel and systemd have them: a tree of version 2, in which the caller is in the
/// group of a login that it does not own.
struct Login {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  Path root = folder.path() / "cgroup";
  Path user = root / "user.slice" / ("user-" + std::to_string(::getuid()) + ".slice");
  Path manager = user / ("user@" + std::to_string(::getuid()) + ".service");
  Path session = user / "session-1.scope";
  SystemdPlaces systemd{folder.path() / "runtime", folder.path() / "lingering"};

  Login() {
    put(root / "cgroup.subtree_control", "memory\n");
    put(session / "memory.max", "max\n");
  }

  static void put(const Path& file, const std::string& text) {
    REQUIRE(make_folders(file.parent_path()));
    REQUIRE(write_file_atomically(file, text, Durable::no));
  }

  void start_manager(const std::string& controllers) {
    put(manager / "cgroup.controllers", controllers);
    put(systemd.runtime / "bus", "");
  }

  void let_linger() { put(systemd.lingering / ::getpwuid(::getuid())->pw_name, ""); }

  /// The caller may make groups in this one.
  static void own(const Path& group, const std::string& handed_down) {
    put(group / "cgroup.procs", "");
    put(group / "cgroup.type", "domain\n");
    put(group / "cgroup.subtree_control", handed_down);
  }

  Hierarchy tree() const { return {Hierarchy::Version::v2, {"cpu", "memory"}, root, session}; }

  EnforcementMethods methods() const { return find_enforcement({tree()}, systemd); }
};

}  // namespace

TEST_CASE("without a group of its own and without systemd, each process is limited alone") {
  const Login login;
  const EnforcementMethods methods = login.methods();
  CHECK(methods.memory.kind == Kind::each_process);
  CHECK(methods.cpu.kind == Kind::nothing);
  CHECK(describe(methods.cpu) == "not enforced: cgroup v2 is not delegated to this user");
}

TEST_CASE("the user's systemd enforces limits that it has controllers for") {
  Login login;
  login.start_manager("memory pids\n");
  login.let_linger();
  const EnforcementMethods methods = login.methods();
  CHECK(methods.memory.kind == Kind::systemd_scope);
  CHECK(describe(methods.memory) == "enforced by cgroup v2, in a scope of the user's systemd");
  CHECK(methods.cpu.kind == Kind::nothing);
  CHECK(methods.cpu.why.find("has no controller 'cpu'") != std::string::npos);
}

TEST_CASE("a systemd that ends with the login is not used, and the fix is named") {
  Login login;
  login.start_manager("cpu memory pids\n");
  CHECK(login.methods().memory.kind == Kind::each_process);
  CHECK(login.methods().memory.why.find("loginctl enable-linger") != std::string::npos);
  CHECK(login.methods().cpu.kind == Kind::nothing);
  login.let_linger();
  CHECK(login.methods().cpu.kind == Kind::systemd_scope);
}

TEST_CASE("a group of the user's own is preferred to systemd's") {
  Login login;
  login.start_manager("cpu memory pids\n");
  login.let_linger();
  Login::own(login.session, "cpu memory\n");
  const EnforcementMethods methods = login.methods();
  CHECK(methods.memory.kind == Kind::cgroup_v2);
  CHECK(methods.memory.parent == login.session);
  CHECK(methods.cpu.kind == Kind::cgroup_v2);
  CHECK(methods.cpu.parent == login.session);
}

TEST_CASE("one group enforces both limits, or one of them is not enforced") {
  Login login;
  Login::own(login.session, "memory\n");
  CHECK(login.methods().memory.kind == Kind::cgroup_v2);
  CHECK(login.methods().cpu.kind == Kind::nothing);
  Login::own(login.user, "cpu memory\n");
  CHECK(login.methods().memory.parent == login.user);
  CHECK(login.methods().cpu.parent == login.user);
}

TEST_CASE("each tree of version 1 enforces one limit") {
  const Login login;
  const Path memory = login.folder.path() / "memory";
  Login::put(memory / "cgroup.procs", "");
  const Hierarchy v1{Hierarchy::Version::v1, {"memory"}, memory, memory};
  const Hierarchy other{Hierarchy::Version::v1, {"cpu"}, login.root, login.session};
  const EnforcementMethods methods = find_enforcement({v1, other}, login.systemd);
  CHECK(methods.memory.kind == Kind::cgroup_v1);
  CHECK(methods.memory.parent == memory);
  CHECK(describe(methods.cpu) == "not enforced: cgroup v1 is not delegated to this user");
}

TEST_CASE("a machine without control groups says so") {
  const EnforcementMethods methods = find_enforcement({}, {});
  CHECK(methods.memory.kind == Kind::each_process);
  CHECK(describe(methods.cpu) == "not enforced: this machine has no control groups");
}

TEST_CASE("the groups of a killed runner's job are found where they are made, and in its scopes") {
  Login login;
  login.start_manager("cpu memory pids\n");
  login.let_linger();
  const auto groups = [&] { return find_groups("j1", {login.tree()}, login.systemd); };
  CHECK(groups().empty());
  for (const char* group : {"app.slice/dstack-j1-7.scope/dstack-j1",
                            "app.slice/dstack-j1-7.scope/supervisor",
                            "app.slice/dstack-j12-8.scope/dstack-j12",
                            "dstack-j1-9.scope/dstack-j1"})
    Login::put(login.manager / group / "cgroup.procs", "");
  Login::put(login.manager / "app.slice/dstack-j1-7.scope/cgroup.procs", "");
  auto found = groups();
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<Path>{login.manager / "app.slice/dstack-j1-7.scope/dstack-j1",
                                   login.manager / "app.slice/dstack-j1-7.scope/supervisor",
                                   login.manager / "dstack-j1-9.scope/dstack-j1"});

  Login::own(login.session, "cpu memory\n");
  CHECK(groups().front() == login.session / "dstack-j1");
}
