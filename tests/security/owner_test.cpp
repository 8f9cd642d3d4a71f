// Whose files are believed: what another user put into somebody's way, or could change there, is
// refused by name, and runs only in a folder that is trusted.
#include "support/catch.hpp"
#include "support/users.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr uid_t attacker = 65534;

void change_mode(const Path& path, mode_t mode) {
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

/// Also what is in it.
void give_away(const Path& path, uid_t user) {
  process::Command command;
  command.argv = {"chown", "-R", fmt::format("{}:{}", user, user), path.string()};
  const auto output = process::run(command);
  REQUIRE(output);
  REQUIRE(process::succeeded(output->status));
}

/// A folder with a list of trusted folders of its own, and a file that shows what ran.
struct Scene {
  Scene() {
    box.set("XDG_CONFIG_HOME=" + (box.root() / "config").string());
    box.set("HOME=" + box.root().string());
  }

  std::string leave_trace() const { return "touch " + trace().string(); }

  std::string workflow(const std::string& name) const {
    return "workflows:\n  - {name: " + name +
           ", provider: bash, workspace: project, commands: [\"" + leave_trace() + "\"]}\n";
  }

  Path trace() const { return box.root() / "trace"; }

  bool left_trace() const {
    boost::system::error_code error;
    return fs::exists(trace(), error);
  }

  Path definition() const { return box.project() / ".dstack"; }

  Sandbox box;
};

/// For what only root can set up.
bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace

TEST_CASE("a project of another user above one's folder runs nothing", "[security]") {
  if (!is_root())
    SKIP("only root can give files away");
  Scene scene;
  scene.box.workflows(scene.workflow("python"));
  give_away(scene.definition(), attacker);
  change_mode(scene.box.project(), 01777);
  scene.box.file("mine/train.py", "print(1)\n");

  const Path mine = scene.box.project() / "mine";
  const std::string why = "error: the project '" + scene.box.project().string() +
                          "' is not used: '" + scene.definition().string() +
                          "' belongs to user 'nobody'\nhint: 'dstack trust " +
                          scene.box.project().string() +
                          "' uses it all the same; in containers "
                          "and CI, DSTACK_TRUST=" +
                          scene.box.project().string() + "\n";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", "python", "train.py"},
        {"run", "python"},
        {"run", "--dry-run", "python"},
        {"validate"},
        {"workflows"},
        {"secrets", "add", "TOKEN"}}) {
    std::vector<std::string> all = {"--project", mine.string()};
    all.insert(all.end(), words.begin(), words.end());
    CHECK(scene.box.refused(all, 2) == why);
  }
  CHECK_FALSE(scene.left_trace());
}

TEST_CASE("a definition of somebody else in one's own project is refused", "[security]") {
  if (!is_root())
    SKIP("only root can give files away");
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  scene.box.file(".dstack/variables.yaml", "variables: {}\n");
  scene.box.file(".dstack/workflows/more.yaml", scene.workflow("more"));
  const Path file =
      scene.definition() /
      GENERATE(as<std::string>(), "workflows.yaml", "variables.yaml", "workflows/more.yaml");
  give_away(file, attacker);

  CHECK_THAT(scene.box.refused({"run", "w"}, 2),
             Catch::Contains("'" + file.string() + "' belongs to user 'nobody'"));
  CHECK_FALSE(scene.left_trace());
}

TEST_CASE("a project that others can write to is refused until it is closed", "[security]") {
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  const std::vector<Path> parts = {
      scene.box.project(), scene.definition(), scene.definition() / "workflows.yaml"};
  const Path open = parts[GENERATE(0u, 1u, 2u)];
  change_mode(open, fs::is_directory(open) ? 0777 : 0666);

  const std::string said = scene.box.refused({"run", "w"}, 2);
  CHECK_THAT(said, Catch::Contains("is not used: others can write to '" + open.string() + "'"));
  const std::string command = "chmod go-w " + open.string();
  CHECK_THAT(said, Catch::Contains("'" + command + "' closes it"));
  CHECK_FALSE(scene.left_trace());

  REQUIRE(std::system(command.c_str()) == 0);
  scene.box.ok({"run", "w"});
  CHECK(scene.left_trace());
}

TEST_CASE("a sticky folder of definitions is open to additions, and refused", "[security]") {
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  change_mode(scene.definition(), 01777);

  CHECK_THAT(scene.box.refused({"run", "w"}, 2), Catch::Contains("others can write to"));
  change_mode(scene.definition(), 0755);
  change_mode(scene.box.project(), 01777);  // as /tmp is
  scene.box.ok({"run", "w"});
}

TEST_CASE("the group of the user may write, as umask 002 leaves it", "[security]") {
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  scene.box.ok({"run", "w"});
  for (const Path& folder :
       {scene.box.root(), scene.box.project(), scene.definition(), scene.box.home()})
    change_mode(folder, 0775);
  change_mode(scene.definition() / "workflows.yaml", 0664);
  REQUIRE(write_file_atomically(scene.box.home() / "config.yaml", "trust: always\n", Durable::no));
  change_mode(scene.box.home() / "config.yaml", 0664);

  scene.box.ok({"run", "w"});

  if (!is_root())
    return;
  REQUIRE(::chown(scene.definition().c_str(), 0, 1234) == 0);
  CHECK_THAT(scene.box.refused({"run", "w"}, 2),
             Catch::Contains("others can write to '" + scene.definition().string() + "'"));
}

TEST_CASE("an ordinary user's project works in a folder of root's, not in another's",
          "[security]") {
  if (!is_root() || !user_reaches_build())
    SKIP("only root can be several users");
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  give_to_user(scene.box, "65534");
  const auto run = [&](const std::vector<std::string>& words) {
    auto output = process::run(as_ordinary_user(scene.box.command(words)));
    REQUIRE(output);
    return *std::move(output);
  };
  const auto fine = run({"run", "w"});
  INFO(fine.err);
  CHECK(Sandbox::code(fine) == 0);
  fs::remove(scene.trace());

  give_away(scene.definition(), 1234);
  const auto refused = run({"run", "w"});
  CHECK(Sandbox::code(refused) == 2);
  CHECK_THAT(refused.err,
             Catch::Contains("'" + scene.definition().string() + "' belongs to user 1234"));
  CHECK_FALSE(scene.left_trace());

  give_away(scene.definition(), 0);
  CHECK(Sandbox::code(run({"run", "w"})) == 0);
  give_away(scene.box.home(), 1234);
  CHECK_THAT(run({"ps"}).err, Catch::Contains("belongs to user 1234"));
}

TEST_CASE("the home of another user is not read, and nothing of it runs", "[security]") {
  if (!is_root())
    SKIP("only root can give files away");
  Scene scene;
  REQUIRE(make_folders(scene.box.home()));
  REQUIRE(write_file_atomically(scene.box.home() / "config.yaml",
                                "on_end:\n  - command: [sh, -c, \"" + scene.leave_trace() + "\"]\n",
                                Durable::no));
  give_away(scene.box.home(), attacker);

  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", "bash", "-c", "true"}, {"ps"}, {"secrets", "list"}}) {
    const std::string said = scene.box.refused(words, 2);
    CHECK_THAT(
        said,
        Catch::Contains("error: the home '" + scene.box.home().string() + "' is not used: '" +
                        scene.box.home().string() + "' belongs to user 'nobody'"));
    CHECK_THAT(said, Catch::Contains("hint: set DSTACK_HOME to a folder of your own; "));
  }
  const auto doctor = scene.box.run({"doctor"});
  CHECK(Sandbox::code(doctor) == 1);
  CHECK_THAT(doctor.out, Catch::Contains("error   home"));
  CHECK_FALSE(scene.left_trace());
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(scene.box.home()))
    names.push_back(entry.path().filename().string());
  CHECK(names == std::vector<std::string>{"config.yaml"});
}

TEST_CASE("settings of another user in one's own home are refused", "[security]") {
  if (!is_root())
    SKIP("only root can give files away");
  Scene scene;
  REQUIRE(make_folders(scene.box.home()));
  const Path settings = scene.box.home() / "config.yaml";
  REQUIRE(write_file_atomically(settings, "trust: always\n", Durable::no));
  give_away(settings, attacker);

  CHECK_THAT(scene.box.refused({"run", "bash", "-c", "true"}, 2),
             Catch::Contains("error: the file '" + settings.string() + "' is not used: '" +
                             settings.string() + "' belongs to user 'nobody'"));
}

TEST_CASE("a home that others can write to is refused, also where it is still to be made",
          "[security]") {
  Scene scene;
  const Path above = scene.box.root();
  change_mode(above, 0777);
  CHECK_THAT(scene.box.refused({"run", "bash", "-c", "true"}, 2),
             Catch::Contains("others can write to '" + above.string() + "'"));

  change_mode(above, 01777);
  scene.box.ok({"run", "bash", "-c", "true"});
  change_mode(scene.box.home(), 0777);
  CHECK_THAT(scene.box.refused({"ps"}, 2),
             Catch::Contains("others can write to '" + scene.box.home().string() + "'"));
}

TEST_CASE("in a sticky home everything has to be one's own", "[security]") {
  Scene scene;
  scene.box.ok({"run", "bash", "-c", "true"});
  change_mode(scene.box.home(), 01777);  // as a file system in memory begins
  scene.box.ok({"run", "bash", "-c", "true"});
  if (!is_root())
    return;
  const Path planted = scene.box.home() / "config.yml";
  REQUIRE(write_file_atomically(planted, "", Durable::no));
  give_away(planted, attacker);
  CHECK_THAT(scene.box.refused({"ps"}, 2),
             Catch::Contains("'" + planted.string() + "' belongs to user 'nobody'"));
}

TEST_CASE("dstack trust lifts the refusal, for one folder and until it is removed", "[security]") {
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  change_mode(scene.definition(), 0777);
  const std::string folder = scene.box.project().string();

  scene.box.refused({"run", "w"}, 2);
  CHECK(scene.box.run({"trust", folder}).err == "trusting '" + folder + "' and what is below it\n");
  CHECK(scene.box.run({"trust"}).err == "already trusting '" + folder + "' and what is below it\n");
  scene.box.ok({"run", "w"});
  CHECK(scene.left_trace());
  const Json list = scene.box.json({"trust", "--list", "--json"});
  REQUIRE(list.size() == 1);
  CHECK(list[0]["folder"] == folder);
  CHECK(list[0]["source"] == "list");
  CHECK_THAT(scene.box.ok({"doctor"}), Catch::Contains("'" + folder + "' is trusted"));

  CHECK_THAT(
      scene.box.refused({"trust", "--remove", folder + "/.dstack"}, 2),
      Catch::Contains("is not on the list of trusted folders\nhint: it is below '" + folder));
  CHECK(scene.box.run({"trust", "--remove", folder}).err ==
        "no longer trusting '" + folder + "'\n");
  scene.box.refused({"run", "w"}, 2);
  CHECK(scene.box.json({"trust", "--list", "--json"}).empty());
}

TEST_CASE("DSTACK_TRUST lifts it for one command", "[security]") {
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  change_mode(scene.definition(), 0777);
  scene.box.set("DSTACK_TRUST=/nowhere:" + scene.box.project().string() + ":there");

  scene.box.ok({"run", "w"});
  CHECK(scene.left_trace());
  const auto list = scene.box.run({"trust", "--list"});
  CHECK_THAT(list.out, Catch::Contains(scene.box.project().string()));
  CHECK_THAT(list.out, Catch::Contains("DSTACK_TRUST"));
  CHECK_THAT(list.err, Catch::Contains("names 'there', which is not an absolute path"));
}

TEST_CASE("a list of trusted folders that others can write to counts for nothing", "[security]") {
  Scene scene;
  scene.box.workflows(scene.workflow("w"));
  change_mode(scene.definition(), 0777);
  scene.box.ok({"trust", scene.box.project().string()});
  change_mode(scene.box.root() / "config" / "dstack" / "trusted-folders.json", 0666);

  scene.box.refused({"run", "w"}, 2);
  CHECK_THAT(scene.box.refused({"trust", "--list"}, 2),
             Catch::Contains("the list of trusted folders"));
  CHECK_FALSE(scene.left_trace());
}

TEST_CASE("a folder that everybody can write to is trusted with a warning", "[security]") {
  const Scene scene;
  change_mode(scene.box.project(), 01777);
  CHECK_THAT(scene.box.run({"trust", scene.box.project().string()}).err,
             Catch::Contains("warning: every user of this machine can write to '"));
  scene.box.refused({"trust", "/nowhere/at/all"}, 2);
  scene.box.refused({"trust", "--json"}, 2);
  scene.box.refused({"trust", "--list", "/"}, 2);
}

TEST_CASE("a Python that others could replace is not even started", "[security]") {
  Scene scene;
  const Path folder = scene.box.root() / "open" / "bin";
  REQUIRE(make_folders(folder));
  REQUIRE(write_file_atomically(
      folder / "python3.10", "#!/bin/sh\n" + scene.leave_trace() + "\n", Durable::no, 0755));
  change_mode(scene.box.root() / "open", 0777);
  scene.box.set("PATH=" + folder.string() + ":/usr/bin:/bin");
  scene.box.set("PYENV_ROOT=/nowhere");
  scene.box.workflows("workflows:\n  - {name: w, provider: python, file: a.py}\n");
  scene.box.file("a.py", "print(1)\n");

  const auto doctor = scene.box.run({"doctor"});
  CHECK_THAT(doctor.out,
             Catch::Contains("'" + (folder / "python3.10").string() +
                             "' is passed over: others can write to '" +
                             (scene.box.root() / "open").string() + "'"));
  CHECK_THAT(scene.box.ok({"run", "--dry-run", "w"}), Catch::Contains("is passed over"));
  CHECK_FALSE(scene.left_trace());
}

TEST_CASE("a uv that others could replace is not even started", "[security]") {
  Scene scene;
  const Path folder = scene.box.root() / ".local" / "bin";  // of HOME
  REQUIRE(make_folders(folder));
  REQUIRE(write_file_atomically(
      folder / "uv", "#!/bin/sh\n" + scene.leave_trace() + "\necho uv 1.0\n", Durable::no, 0755));
  scene.box.set("PATH=/usr/bin:/bin");
  scene.box.set("PYENV_ROOT=/nowhere");
  scene.box.workflows(
      "workflows:\n  - {name: w, provider: python, version: \"3.99\", file: a.py}\n");
  scene.box.file("a.py", "print(1)\n");

  change_mode(folder, 0777);
  scene.box.refused({"run", "--dry-run", "w"}, 1);
  CHECK_FALSE(scene.left_trace());
  change_mode(folder, 0755);
  scene.box.run({"run", "--dry-run", "w"});
  CHECK(scene.left_trace());
}

TEST_CASE("an active environment that others could change is an error", "[security]") {
  Scene scene;
  const Path folder = scene.box.root() / "venv";
  REQUIRE(make_folders(folder / "bin"));
  REQUIRE(write_file_atomically(
      folder / "bin" / "python", "#!/bin/sh\n" + scene.leave_trace() + "\n", Durable::no, 0755));
  change_mode(folder, 0777);
  scene.box.set("VIRTUAL_ENV=" + folder.string());
  scene.box.workflows("workflows:\n  - {name: w, provider: python, file: a.py}\n");
  scene.box.file("a.py", "print(1)\n");

  const std::string said = scene.box.refused({"run", "w"}, 2);
  CHECK_THAT(
      said,
      Catch::Contains("the Python of the active environment, '" + (folder / "bin/python").string() +
                      "', is not used: others can write to '" + folder.string()));
  CHECK_THAT(said, Catch::Contains("'dstack trust " + folder.string() + "'"));
  CHECK_FALSE(scene.left_trace());
}
