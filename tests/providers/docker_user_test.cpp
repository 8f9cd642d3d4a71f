// The provider `docker` for somebody who is not root but may use the engine, while the containers
// are root's.
#include "dstack/base/text.hpp"
#include "engines.hpp"
#include "support/wait.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::containers_of;
using dstack::test::holds;
using dstack::test::Sandbox;

namespace {

constexpr const char* somebody = "65534";

/// The program as an ordinary user who is in the group of the engine's socket.
class UserBox : public Sandbox {
 public:
  /// The engine's socket is opened to the user's group for as long as it lives; others of the tests
  /// do not care.
  explicit UserBox(const test::TestEngine& engine) {
    ask_engine_at(engine.socket);
    if (::geteuid() != 0)
      return;
    const Path folder = Path(engine.socket).parent_path();
    REQUIRE(::chown(engine.socket.c_str(), 0, 65534) == 0);
    REQUIRE(::chmod(engine.socket.c_str(), 0660) == 0);
    REQUIRE(::chmod(folder.c_str(), 0755) == 0);
  }

  /// Without an engine its socket is one that is there, and closed to the user.
  UserBox() {
    const Path socket = root() / "closed.sock";
    ask_engine_at(socket.string());
    REQUIRE(write_file_atomically(socket, "", Durable::no, 0600));
  }

  /// Why the case cannot run; empty when it can.
  std::string why_not() const {
    if (::geteuid() != 0)
      return "only root can become another user";
    auto tried = process::run(as_user({DSTACK_BINARY, "--version"}));
    return tried && process::succeeded(tried->status) ? std::string()
                                                      : "uid 65534 cannot run " DSTACK_BINARY;
  }

  /// `foreign` are files of the project that stay root's.
  process::Output run_as_user(const std::vector<std::string>& arguments,
                              const std::vector<std::string>& foreign = {}) const {
    become_theirs(project());
    for (const std::string& file : foreign)
      REQUIRE(::chown((project() / file).c_str(), 0, 0) == 0);
    auto output = process::run(as_user(command(arguments)), {}, std::chrono::seconds(100));
    if (!output)
      FAIL(render(output.error()));
    return *std::move(output);
  }

  std::string last_run() const {
    return Json::parse(run_as_user({"ps", "-a", "--json"}).out)[0]["run"];
  }

 private:
  void ask_engine_at(const std::string& socket) {
    set("DOCKER_HOST=unix://" + socket);
    set("HOME=" + root().string());
    become_theirs(root());
  }

  static process::Command as_user(process::Command command) {
    std::vector<std::string> words = {
        "setpriv", "--reuid", somebody, "--regid", somebody, "--clear-groups", "--"};
    words.insert(words.end(), command.argv.begin(), command.argv.end());
    command.argv = std::move(words);
    return command;
  }

  static process::Command as_user(std::vector<std::string> argv) {
    process::Command command;
    command.argv = std::move(argv);
    return as_user(std::move(command));
  }

  static void become_theirs(const Path& folder) {
    process::Command command;
    command.argv = {"chown", "-R", std::string(somebody) + ":" + somebody, folder.string()};
    (void)process::run(std::move(command));
  }
};

/// Everything below belongs to the user.
bool all_theirs(const Path& folder) {
  struct stat known {};

  if (::lstat(folder.c_str(), &known) != 0 || known.st_uid != 65534)
    return false;
  if (S_ISDIR(known.st_mode))
    for (const auto& entry : fs::directory_iterator(folder))
      if (!all_theirs(entry.path()))
        return false;
  return true;
}

}  // namespace

TEST_CASE(
    "docker: files that root of a container wrote become the caller's, artifacts and others") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const UserBox box(engine);
    if (const std::string reason = box.why_not(); !reason.empty())
      SKIP(reason);
    for (const std::string image : {"local/busybox:1", "local/app:1"}) {
      INFO(image);
      box.workflows("workflows:\n  - name: w\n    provider: docker\n    image: " + image + R"(
    commands:
      - id -u
      - mkdir -p out/deep/er other
      - echo x > out/deep/er/file; echo y > other/z; ln -s /etc/passwd out/link
      - chmod 700 out/deep; chmod 600 out/deep/er/file
    artifacts: [out]
)");
      const auto output = box.run_as_user({"run", "w"});
      INFO(output.err);
      CHECK(Sandbox::code(output) == 0);
      CHECK(output.out == (image == "local/app:1" ? "1234\n" : "0\n"));
      const std::string run = box.last_run();
      const std::string target = (box.project() / ("got-" + run)).string();
      const auto got = box.run_as_user({"artifacts", "download", run, "-o", target});
      INFO(got.err);
      CHECK(Sandbox::code(got) == 0);
      CHECK(read_file(Path(target) / "out/deep/er/file").value_or("") == "x\n");
      CHECK(all_theirs(box.home()));
      // The supervisor removes it when the run is over and recorded.
      test::wait_until([&] { return !fs::exists(box.home() / "runs" / run / "0/workspace"); });
    }
  }
}

TEST_CASE("docker: an abort removes what root of a container wrote, for an ordinary user, too") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const UserBox box(engine);
    if (const std::string reason = box.why_not(); !reason.empty())
      SKIP(reason);
    box.workflows(R"(workflows:
  - {name: w, provider: docker, image: "local/busybox:1", commands: ["mkdir -m 700 d", "touch d/x", "echo ready", "sleep 1000"]}
)");
    const auto started = box.run_as_user({"run", "-d", "w"});
    INFO(started.err);
    const std::string run(trim(started.out));
    test::wait_for_log(box, run, "ready");
    CHECK(Sandbox::code(box.run_as_user({"stop", run, "--abort", "-y"})) == 0);
    (void)box.run_as_user({"logs", "-f", run});
    CHECK_FALSE(fs::exists(box.home() / "runs" / run / "0/workspace"));
    CHECK(containers_of(engine.socket, run).empty());
  }
}

TEST_CASE("docker: an engine without permission is reported with the group to join") {
  const UserBox box;
  if (const std::string reason = box.why_not(); !reason.empty())
    SKIP(reason);
  const auto output = box.run_as_user({"run", "docker", "local/busybox:1"});
  CHECK(Sandbox::code(output) == 125);
  CHECK(holds(output.err, "permission denied for the container engine at"));
  CHECK(holds(output.err, "usermod -aG root"));
}

TEST_CASE("docker: in the user's own folder only what the container wrote changes its owner") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const UserBox box(engine);
    if (const std::string reason = box.why_not(); !reason.empty())
      SKIP(reason);
    box.workflows(R"(workflows:
  - {name: w, provider: docker, image: "local/busybox:1", workspace: project, commands: ["mkdir made", "echo x > made/file"]}
)");
    box.file("foreign", "x");
    const auto output = box.run_as_user({"run", "w"}, {"foreign"});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(read_file(box.project() / "made/file").value_or("") == "x\n");
    CHECK(all_theirs(box.project() / "made"));
    CHECK_FALSE(all_theirs(box.project() / "foreign"));
  }
}

TEST_CASE(
    "docker: what was killed for its memory is reported to an ordinary user, at the end at the "
    "latest") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const UserBox box(engine);
    if (const std::string reason = box.why_not(); !reason.empty())
      SKIP(reason);
    box.workflows(R"(workflows:
  - name: w
    provider: docker
    image: local/busybox:1
    resources: {memory: 64MB}
    commands: ["awk 'BEGIN { s = \"x\"; while (1) s = s s }' || echo went on"]
)");
    const auto output = box.run_as_user({"run", "w"});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(holds(output.out, "went on\n"));
    const std::string line = "dstack: a process of the job was killed because the 64.0 MB";
    CHECK(holds(output.out, line));
    CHECK(output.out.find(line) == output.out.rfind(line));
    CHECK(containers_of(engine.socket, box.last_run()).empty());
  }
}
