#include "dstack/source/git.hpp"

#include "dstack/source/git_list.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

TEST_CASE("what gives access is taken out of a URL") {
  CHECK(without_credentials("https://me:secret@example.com/x.git") == "https://example.com/x.git");
  CHECK(without_credentials("https://token@example.com/x.git") == "https://example.com/x.git");
  CHECK(without_credentials("https://example.com/a@b") == "https://example.com/a@b");
  CHECK(without_credentials("https://me:p@ss@example.com/x") == "https://example.com/x");
  CHECK(without_credentials("https://token@example.com") == "https://example.com");
  CHECK(without_credentials("ssh://git@example.com:22/x") == "ssh://git@example.com:22/x");
  CHECK(without_credentials("ssh://git:secret@example.com/x") == "ssh://git@example.com/x");
  CHECK(without_credentials("git@example.com:me/x.git") == "git@example.com:me/x.git");
  CHECK(without_credentials("/srv/git/x") == "/srv/git/x");
}

TEST_CASE("the remote is the branch's, else origin, else the first") {
  const auto entry = [](const std::string& key, const std::string& value) {
    return key + "\n" + value + '\0';
  };
  const std::string remotes = entry("remote.aside.url", "https://a/x") +
                              entry("remote.origin.url", "https://o/x") +
                              entry("remote.fork.url", "https://me:pw@f/x");

  CHECK(parse_remote(remotes + entry("branch.main.remote", "fork"), "main") == "https://f/x");
  CHECK(parse_remote(remotes + entry("branch.other.remote", "fork"), "main") == "https://o/x");
  CHECK(parse_remote(entry("remote.aside.url", "https://a/x"), "") == "https://a/x");
  CHECK(parse_remote(entry("remote.with.dots.url", "u") + entry("branch.main.remote", "with.dots"),
                     "main") == "u");
  CHECK(parse_remote("", "main").empty());
}

TEST_CASE("the branch, the commit and changes are read from a status") {
  const auto lines = [](std::initializer_list<std::string> all) {
    std::string text;
    for (const std::string& line : all)
      text += line + '\0';
    return text;
  };

  const BranchFacts clean = parse_status(lines({"# branch.oid c0ffee", "# branch.head main"}));
  CHECK(clean.commit == "c0ffee");
  CHECK(clean.branch == "main");
  CHECK_FALSE(clean.has_changes);
  const BranchFacts fresh = parse_status(lines({"# branch.oid (initial)", "# branch.head main"}));
  CHECK(fresh.commit.empty());
  const BranchFacts detached = parse_status(
      lines({"# branch.oid c0ffee", "# branch.head (detached)", "1 .M N... 1 2 3 a b file"}));
  CHECK(detached.branch.empty());
  CHECK(detached.has_changes);
  CHECK_FALSE(detached.is_broken);
  CHECK(parse_status(lines({"# branch.oid (initial)", "# branch.head (unknown)"})).is_broken);
  const std::string oid = "0123456789012345678901234567890123456789";
  CHECK_FALSE(parse_status(lines({"1 .D S... 160000 160000 000000 " + oid + " " + oid + " lib"}))
                  .has_changes);
}

TEST_CASE("several commands run at once and keep their order") {
  process::Command loud;
  loud.argv = {"sh", "-c", "head -c 300000 /dev/zero; echo oops >&2; exit 3"};
  process::Command quiet;
  quiet.argv = {"true"};

  const auto outputs = value_of(run_together({loud, quiet}));

  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0].out.size() == 300'000);
  CHECK(stderr_tail(outputs[0]) == "oops");
  CHECK(process::render(outputs[0].status) == "exit code 3");
  CHECK(process::succeeded(outputs[1].status));
}

TEST_CASE("a program that is not installed is reported as such") {
  process::Command missing;
  missing.argv = {"no-such-program-anywhere"};

  const auto outputs = run_together({missing});

  REQUIRE_FALSE(outputs);
  CHECK(outputs.error().code == ErrorCode::not_found);
}

TEST_CASE("a plan that is only looked at runs no program that the repository names") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  const Path trace = project.folder.path() / "trace";
  const std::string command = "touch " + trace.string() + "; cat";
  project.git({"init", "-q"});
  project.write(".gitattributes", "* filter=own\n");
  project.write("code", "c\n");
  project.commit_all();
  // The time of the file differs from the index's, so its content has to be compared.
  const auto touch = [&] { fs::last_write_time(project.root / "code", 1'000'000'000); };

  SECTION("a filter") {
    project.git({"config", "filter.own.clean", command});
    touch();
    CHECK(value_of(preview_snapshot(project.root, project.options)).files ==
          Names{".gitattributes", "code"});
    CHECK_FALSE(fs::exists(trace));
    project.take();  // as Git does
    CHECK(fs::exists(trace));
  }
  SECTION("a filter that is required, and a process") {
    project.git({"config", "filter.own.clean", command});
    project.git({"config", "filter.own.process", command});
    project.git({"config", "filter.own.required", "true"});
    touch();
    CHECK_FALSE(value_of(preview_snapshot(project.root, project.options)).git.dirty);
    CHECK_FALSE(fs::exists(trace));
  }
  SECTION("a filter of a submodule") {
    const Path library = project.folder.path() / "library";
    fs::create_directories(library);
    project.git_in(library, {"init", "-q"});
    std::ofstream((library / ".gitattributes").string()) << "* filter=own\n";
    std::ofstream((library / "lib").string()) << "l\n";
    project.commit_all(library);
    project.git({"submodule", "--quiet", "add", library.string(), "library"});
    project.git_in(project.root / "library", {"config", "filter.own.clean", command});
    project.git_in(project.root / "library", {"config", "core.fsmonitor", command});
    fs::last_write_time(project.root / "library/lib", 1'000'000'000);
    value_of(preview_snapshot(project.root, project.options));
    CHECK_FALSE(fs::exists(trace));
  }
  SECTION("a folder that is laid out like a repository") {
    fs::copy(project.root / ".git", project.root / "sub", fs::copy_options::recursive);
    std::ofstream((project.root / "sub/config").string())
        << "[core]\n bare = false\n worktree = .\n[filter \"own\"]\n clean = \"" + command + "\"\n";
    project.root /= "sub";
    (void)preview_snapshot(project.root, project.options);
    (void)take_snapshot(project.root, project.objects, project.options);
    CHECK_FALSE(fs::exists(trace));
  }
}

TEST_CASE("only filters of the repository's own configuration are turned off") {
  const auto entry =
      [](const std::string& scope, const std::string& name, const std::string& value) {
        return scope + '\0' + name + "\n" + value + '\0';
      };

  CHECK(without_filters(entry("global", "filter.strip.clean", "nbstripout") +
                        entry("local", "filter.lfs.clean", "git-lfs clean -- %f") +
                        entry("local", "filter.lfs.required", "true") +
                        entry("local", "filter.own.clean", "evil") +
                        entry("worktree", "filter.own.required", "true")) ==
        Names{"-c", "filter.own.clean=", "-c", "filter.own.required=false"});
  CHECK(without_filters(entry("local", "filter.lfs.clean", "evil")) ==
        Names{"-c", "filter.lfs.clean="});
}
