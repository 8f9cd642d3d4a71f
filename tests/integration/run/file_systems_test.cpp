// Each way of making a workspace on each file system, as root and as two ordinary users: the job
// sees the same, and what the doctor promises holds.
#include "dstack/base/text.hpp"
#include "support/sandbox.hpp"
#include "support/users.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// Somebody who runs dstack: the words before the command.
using Caller = std::vector<std::string>;

/// Where a container engine without root's rights would start it.
Caller in_user_namespace(Caller caller, const std::string& then) {
  const Caller more = {
      "unshare", "--user", "--map-root-user", "sh", "-c", then + "exec \"$@\"", "-"};
  caller.insert(caller.end(), more.begin(), more.end());
  return caller;
}

/// Neither root's rights nor a user namespace.
Caller without_namespaces(Caller caller) {
  caller = in_user_namespace(std::move(caller), "echo 0 >/proc/sys/user/max_user_namespaces\n");
  caller.insert(caller.end(), {"setpriv", "--bounding-set", "-sys_admin", "--"});
  return caller;
}

process::Command by(const Caller& caller, process::Command command) {
  command.argv.insert(command.argv.begin(), caller.begin(), caller.end());
  return command;
}

/// A small disk with one file system, for this process and those that it starts.
class Disk {
 public:
  explicit Disk(std::string kind) : kind_(std::move(kind)) {
    REQUIRE(::unshare(CLONE_NEWNS) == 0);
    REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    REQUIRE(make_folders(at()));
    REQUIRE(::chmod(folder_.path().c_str(), 0755) == 0);
    why_not_ = kind_ == "tmpfs" ? failure_of({"mount", "-t", "tmpfs", "tmpfs", at().string()})
                                : make_and_mount();
    ::setenv("TMPDIR", at().c_str(), 1);
  }

  ~Disk() { (void)::umount2(at().c_str(), MNT_DETACH); }

  /// Empty when it is there.
  const std::string& why_not() const { return why_not_; }

  bool can_reflink() const { return kind_ == "btrfs" || kind_ == "xfs"; }

 private:
  Path at() const { return folder_.path() / "disk"; }

  std::string make_and_mount() {
    const std::string image = (folder_.path() / "image").string();
    const std::string make = fmt::format(
        "PATH=$PATH:/usr/sbin:/sbin; truncate -s 600M '{0}' && "
        "mkfs.{1} -q '{0}' && mount -o loop '{0}' '{2}'",
        image,
        kind_,
        at().string());
    return failure_of({"sh", "-c", make});
  }

  static std::string failure_of(std::vector<std::string> argv) {
    process::Command command;
    command.argv = std::move(argv);
    const auto output = process::run(command);
    if (!output)
      return render(output.error());
    return process::succeeded(output->status) ? std::string() : output->err + "no such disk";
  }

  std::string kind_;
  TemporaryFolder folder_ = *TemporaryFolder::make("/tmp", "dstack-disk-");
  std::string why_not_;
};

/// A project of a caller, with more files than are copied.
class Box : public Sandbox {
 public:
  explicit Box(Caller caller) : caller_(std::move(caller)) {
    for (int i = 0; i < 100; ++i)
      file(fmt::format("code/{}", i), "1\n");
    file("large", std::string(2'000'000, 'x'));
    // `shared`: extents that a file has in common with another.
    const std::string look =
        "grep -q \" $PWD overlay \" /proc/self/mounts && echo overlay || echo folder; "
        "echo shared $( { PATH=$PATH:/usr/sbin:/sbin filefrag -v large || true; } 2>/dev/null | "
        "grep -c shared); ";
    std::string text = "workflows:\n";
    for (const char* workspace : {"private", "copy"})
      text += fmt::format(
          "  - {{name: {0}, provider: bash, workspace: {0}, artifacts: [data], commands: "
          "[{1}]}}\n"
          "  - {{name: after-{0}, provider: bash, workspace: {0}, depends-on: [{0}], "
          "artifacts: [data], commands: ['cat data/a data/b; tail -c 5 data/large; rm data/a; echo "
          "c > "
          "data/c']}}\n",
          workspace,
          yaml_text(look + "rm -r code/1; mkdir code/1 data; echo a > data/a; echo b > data/b; "
                           "echo more >> large; mv large data/large; ls code | wc -l"));
    workflows(text);
    own_everything();
  }

  process::Output call(const std::vector<std::string>& arguments) const {
    auto command = this->command(arguments);
    std::erase_if(*command.environment,
                  [](const std::string& variable) { return variable.starts_with("HOME="); });
    command.environment->push_back("HOME=" + root().string());
    auto output = process::run(by(caller_, std::move(command)), {}, std::chrono::seconds(100));
    REQUIRE(output);
    INFO(output->out << output->err);
    REQUIRE(process::succeeded(output->status));
    return *std::move(output);
  }

  std::string detail_of_doctor(const std::string& name) const {
    for (const Json& check : json({"doctor", "--json"}))
      if (check["check"] == name)
        return check["detail"].get<std::string>();
    return {};
  }

  std::string last_run() const { return json({"ps", "-a", "--json"})[0]["run"].get<std::string>(); }

 private:
  Json json(const std::vector<std::string>& arguments) const {
    const auto parsed = parse_json(call(arguments).out, "the output of dstack");
    REQUIRE(parsed);
    return *parsed;
  }

  static std::string yaml_text(const std::string& text) { return Json(text).dump(); }

  /// Whoever the caller is.
  void own_everything() const {
    if (caller_.size() > 2 && caller_.front() == "setpriv")
      test::give_to_user(*this, caller_[2]);
  }

  Caller caller_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Both kinds of workspaces of one caller; whether his are overlays.
bool check_workspaces(const Disk& disk, const Caller& caller) {
  const Box box(caller);
  const std::string promised = box.detail_of_doctor("workspace");
  INFO(promised);
  const bool has_overlays = contains(promised, "overlays");
  CHECK(has_overlays != contains(promised, "copies: "));
  for (const std::string kind : {"private", "copy"}) {
    INFO(kind);
    const std::string shown = box.call({"run", "after-" + kind}).out;
    INFO(shown);
    const bool is_overlay = kind == "private" && has_overlays;
    CHECK(contains(shown, is_overlay ? " | overlay\n" : " | folder\n"));
    if (!is_overlay)
      CHECK(contains(shown, " | shared 0\n") != disk.can_reflink());
    CHECK(contains(shown, " | 100\n"));
    CHECK(contains(shown, " | a\n"));
    CHECK(contains(shown, " | more\n"));
    const Path got = box.root() / kind;
    box.call({"artifacts", "download", box.last_run(), "-w", "after-" + kind, "-o", got.string()});
    CHECK_FALSE(fs::exists(got / "data/a"));
    CHECK(*read_file(got / "data/b") == "b\n");
    CHECK(*read_file(got / "data/c") == "c\n");
  }
  return has_overlays;
}

void check_file_system(const std::string& kind) {
  if (::geteuid() != 0)
    SKIP("only root can mount a disk");
  const Disk disk(kind);
  if (!disk.why_not().empty())
    SKIP(fmt::format("no {} here: {}", kind, disk.why_not()));
  if (!test::user_reaches_build())
    SKIP("an ordinary user cannot reach the build folder");
  check_workspaces(disk, {});
  check_workspaces(disk, test::words_of_user("65534"));
  const auto user = test::words_of_user("1001");
  const bool may_have_namespaces = check_workspaces(disk, user);
  CHECK(check_workspaces(disk, in_user_namespace(user, "")) == may_have_namespaces);
  CHECK_FALSE(check_workspaces(disk, without_namespaces(user)));
}

}  // namespace

TEST_CASE("every user gets a workspace of each kind on ext4") {
  check_file_system("ext4");
}

TEST_CASE("every user gets a workspace of each kind on tmpfs") {
  check_file_system("tmpfs");
}

TEST_CASE("every user gets a workspace of each kind on btrfs, a copy by reflink") {
  check_file_system("btrfs");
}

TEST_CASE("every user gets a workspace of each kind on xfs, a copy by reflink") {
  check_file_system("xfs");
}
