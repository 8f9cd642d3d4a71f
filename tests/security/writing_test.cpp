// What a job has made, or a project asks for, is written for the user beneath the folder that the
// user named, never through a link, and never where Git finds a repository.
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "support/server.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A folder beside the project in which nothing may appear.
struct Victim {
  Path folder;

  explicit Victim(const Sandbox& box, const std::string& name = "victim")
      : folder(box.root() / name) {
    REQUIRE(make_folders(folder));
  }

  ~Victim() { CHECK(fs::is_empty(folder)); }
};

/// As `git init` makes it, as far as files are concerned: no Git is needed to see what is written.
void make_repository(const Sandbox& box) {
  box.file(".git/HEAD", "ref: refs/heads/main\n");
  box.file(".git/config", "[core]\n\tbare = false\n");
  REQUIRE(make_folders(box.project() / ".git/hooks"));
  REQUIRE(make_folders(box.project() / ".git/objects"));
  REQUIRE(make_folders(box.project() / ".git/refs"));
}

constexpr const char* makes_hooks = R"(workflows:
  - name: w
    provider: bash
    artifacts: [data]
    commands:
      - "for f in data data/.git/hooks data/sub/.GIT/hooks data/git~1 .git/hooks .GIT/hooks; do mkdir -p $f; echo evil > $f/pre-commit; done"
      - "ln -s .git/hooks there; ln -s ../.git data/link; echo edited > code"
)";

}  // namespace

TEST_CASE("a download does not follow a link that an earlier one brought") {
  const Sandbox box;
  const Victim victim(box);
  box.workflows(fmt::format(R"(workflows:
  - {{name: one, provider: bash, artifacts: [data], commands: ["mkdir data; ln -s {} data/cache"]}}
  - {{name: two, provider: bash, artifacts: [data], commands: ["mkdir -p data/cache; echo x > data/cache/keys"]}}
)",
                            victim.folder.string()));
  box.ok({"run", "one", "-t", "a"});
  box.ok({"run", "two", "-t", "b"});
  box.ok({"artifacts", "download", "one:a", "-o", "out"});
  CHECK(holds(box.refused({"artifacts", "download", "two:b", "-o", "out"}, 1), "data/cache"));
  box.ok({"artifacts", "download", "two:b", "-o", "out", "--force"});
  CHECK(fs::exists(box.project() / "out/data/cache/keys"));
}

TEST_CASE("a download writes no repository of Git, and says so") {
  const Sandbox box;
  box.workflows(makes_hooks);
  box.ok({"run", "w"});
  const auto output = box.run({"artifacts", "download", box.last_run(), "-o", "."});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(holds(output.err, "data/.git"));
  CHECK(holds(output.err, "data/sub/.GIT"));
  CHECK(fs::exists(box.project() / "data/pre-commit"));
  for (const char* path : {"data/.git", "data/sub/.GIT", "data/git~1", ".git"})
    CHECK_FALSE(fs::exists(fs::symlink_status(box.project() / path)));
}

TEST_CASE("what a job puts into a repository of Git is no change of the code, and not applied") {
  const Sandbox box;
  make_repository(box);
  fs::remove_all(box.project() / ".git");  // a folder without Git is enough
  box.workflows(makes_hooks);
  box.file("code", "c\n");
  box.file(".dstackignore", "");
  box.ok({"run", "w"});
  const std::string changes = box.ok({"code", "--changes"});
  CHECK(holds(changes, "code"));
  CHECK_FALSE(holds(changes, "pre-commit"));
  box.ok({"code", "--changes", "--apply"});
  CHECK(read_file(box.project() / "code").value_or("") == "edited\n");
  CHECK(fs::is_symlink(box.project() / "there"));
  box.ok({"code", "--changes", "-o", "changes"});
  box.ok({"code", "-o", "as-run"});
  for (const char* path : {".git", ".GIT", "changes/.git", "changes/.GIT", "as-run/.git"})
    CHECK_FALSE(fs::exists(fs::symlink_status(box.project() / path)));
}

TEST_CASE("an artifact in a repository of Git is refused, and no pattern finds one") {
  const Sandbox box;
  const std::string artifact =
      GENERATE(as<std::string>(), ".git/hooks", ".git", ".GIT/x", "sub/git~1", "'.git /*'");
  INFO(artifact);
  box.workflows(fmt::format(
      "workflows: [{{name: w, provider: bash, artifacts: [{}], commands: [ls]}}]\n", artifact));
  CHECK(holds(box.refused({"run", "w"}, 2), "is in a repository of Git"));

  box.workflows(R"(workflows:
  - name: w
    provider: bash
    artifacts: ['*/hooks', '.g*/**', {path: link, optional: true}]
    commands: ["mkdir -p .git/hooks; touch .git/hooks/pre-commit .git/x; ln -s .git link"]
)");
  const auto ran = box.run({"run", "w"});
  CHECK(Sandbox::code(ran) == 1);
  CHECK_FALSE(holds(box.ok({"artifacts", "list", box.last_run()}), "pre-commit"));
}

TEST_CASE("a project lays nothing into the user's repository without a command") {
  const Sandbox box;
  make_repository(box);
  box.file("evil", "#!/bin/sh\n");
  fs::create_symlink(".git/hooks", box.project() / "link");
  fs::create_symlink(".git", box.project() / "in");

  struct Attack {
    const char* properties;
    const char* message;
    bool is_planned = true;
  };

  const auto attack = GENERATE(
      values<Attack>({{"inputs: [{path: evil, at: .git/hooks/pre-commit}]", ".git/hooks"},
                      {"inputs: [{path: evil, at: .GIT/hooks/pre-commit, link: true}]", ".GIT"},
                      {"working_dir: .git/hooks", "repository of Git"},
                      {"working_dir: 'sub/.git '", "repository of Git"}}));
  INFO(attack.properties);
  box.workflows(fmt::format(
      "workflows: [{{name: w, provider: bash, workspace: project, commands: [ls], {}}}]\n",
      attack.properties));
  const auto output = box.run({"run", "w", "--yes"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 2);
  CHECK(holds(output.err, attack.message));
  CHECK(fs::is_empty(box.project() / ".git/hooks"));
}

TEST_CASE("a download in the project stays beneath its folder, out of links and repositories") {
  Sandbox box;
  const Victim victim(box);
  const Server server;
  make_repository(box);
  fs::remove_all(box.project() / ".git/HEAD");
  REQUIRE(make_folders(box.project() / "inside"));
  fs::create_symlink(victim.folder, box.project() / "out");
  fs::create_symlink("inside", box.project() / "link");
  fs::create_symlink(".git/hooks", box.project() / "hooks");
  fs::remove_all(box.project() / ".git");
  REQUIRE(make_folders(box.project() / "kept/.git/hooks"));
  fs::create_symlink("kept/.git/hooks", box.project() / "hidden");
  const std::string attack = GENERATE(as<std::string>(),
                                      "output: out/x",
                                      "output: link/x",
                                      "output: link/deep/x",
                                      "output: .git/hooks/x",
                                      "output: sub/.GIT/hooks/x",
                                      "output: hidden/x",
                                      "output: x, working_dir: out",
                                      "output: x, working_dir: hidden");
  const std::string place = GENERATE(as<std::string>(), "project", "copy");
  INFO(attack << ", " << place);
  box.workflows(
      fmt::format("workflows: [{{name: w, provider: curl, url: '{}', workspace: {}, {}, "
                  "artifacts: [{{path: other, optional: true}}]}}]\n",
                  server.url("/small"),
                  place,
                  attack));
  const auto output = box.run({"run", "w", "--yes"});
  INFO(output.out << output.err);
  CHECK(Sandbox::code(output) != 0);
  CHECK(fs::is_empty(box.project() / "inside"));
  CHECK(fs::is_empty(box.project() / "kept/.git/hooks"));
  CHECK_FALSE(fs::exists(box.project() / ".git"));
  CHECK_FALSE(fs::exists(box.project() / "sub"));
}

TEST_CASE("an input that is laid into the project is not laid through a link") {
  const Sandbox box;
  const Victim victim(box);
  REQUIRE(make_folders(box.project() / "inside"));
  fs::create_symlink(victim.folder, box.project() / "out");
  fs::create_symlink("inside", box.project() / "link");
  box.file("evil", "x\n");
  const std::string at = GENERATE(as<std::string>(), "out/x", "link/x", "link/deep/x");
  const std::string link = GENERATE(as<std::string>(), "false", "true");
  INFO(at << ", " << link);
  box.workflows(
      fmt::format("workflows:\n  - {{name: w, provider: bash, workspace: project, "
                  "commands: ['true'], inputs: [{{path: evil, at: {}, link: {}}}]}}\n",
                  at,
                  link));
  (void)box.run({"run", "w", "--yes"});
  CHECK(fs::is_empty(box.project() / "inside"));
}
