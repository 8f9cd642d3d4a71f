// Asking Git about repositories that came from anywhere: what counts of them, and that nothing of
// them is run.
#include "dstack/source/git_repository.hpp"

#include "dstack/job/code.hpp"
#include "dstack/source/git_index.hpp"
#include "unit/source/fixture.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::source;

namespace {

GitRepository open_repository(const Path& root) {
  return value_of(GitRepository::open(root, root / ".git"));
}

Names paths_of(const std::vector<Candidate>& files) {
  Names paths;
  for (const Candidate& file : files)
    paths.push_back(file.path);
  return paths;
}

/// The files that the index names, by our own reading.
std::optional<Names> tracked_in(const Path& root, const std::string& prefix = "") {
  const GitRepository repository = open_repository(root);
  const auto files =
      parse_git_index(value_of(repository.read_index()), repository.digest_size(), prefix);
  return files ? std::optional(paths_of(*files)) : std::nullopt;
}

void make_some_files(const TestProject& project) {
  project.write("a", "1");
  project.write("src/code.py", "2");
  project.write("src/code_of_more.py", "3");
  project.write("src/deep/er/file with blanks", "4");
  project.write("src-not", "5");
}

const Names some_files = {
    "a", "src-not", "src/code.py", "src/code_of_more.py", "src/deep/er/file with blanks"};

/// Every look at a project's code: each returns the same, and none may run anything of it.
void look_in_every_way(TestProject& project) {
  (void)preview_snapshot(project.root, project.options);
  (void)find_identity(project.root);
  (void)root_commit(project.root);
  (void)is_of_other_branch(project.root, "sub");
  const auto snapshot = take_snapshot(project.root, project.objects, project.options);
  std::vector<std::string> notes;
  if (snapshot)
    (void)diff_against_commit(
        project.root, {snapshot->tree, snapshot->git}, project.objects, notes);
}

}  // namespace

TEST_CASE("the index is read in all of its versions") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  const std::string format = GENERATE("sha1", "sha256");
  project.git({"init", "-q", "--object-format=" + format});
  make_some_files(project);
  project.commit_all();

  SECTION("version 2") {}
  SECTION("version 3, with what only that has") {
    project.write("later", "6");
    project.git({"add", "--intent-to-add", "later"});
    project.git({"update-index", "--skip-worktree", "a"});
    Names all = some_files;
    all.insert(all.begin() + 1, "later");
    CHECK(tracked_in(project.root) == all);
    project.git({"reset", "-q", "later"});
    fs::remove(project.root / "later");
  }
  SECTION("version 4, whose paths are written as differences") {
    project.git({"update-index", "--index-version", "4"});
  }
  CHECK(tracked_in(project.root) == some_files);
  CHECK(tracked_in(project.root, "src/") ==
        Names{"code.py", "code_of_more.py", "deep/er/file with blanks"});
  CHECK(project.take().files == some_files);
}

TEST_CASE("an index that is in parts, or damaged, is left to Git") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  make_some_files(project);
  project.commit_all();

  SECTION("split") {
    project.git({"update-index", "--split-index"});
    CHECK(tracked_in(project.root) == std::nullopt);
    CHECK(project.take().files == some_files);
    project.write("more", "7");
    project.git({"add", "more"});
    CHECK(project.take().files.size() == some_files.size() + 1);
    CHECK(project.take().git.dirty);
  }
  SECTION("sparse") {
    project.git({"sparse-checkout", "set", "--cone", "--sparse-index", "src/deep"});
    CHECK(tracked_in(project.root) != some_files);
    // What is checked out, and no change.
    const Snapshot snapshot = project.take();
    CHECK(snapshot.contains("src/deep/er/file with blanks"));
    CHECK_FALSE(snapshot.git.dirty);
  }
  SECTION("cut off at any place") {
    const std::string whole = value_of(read_file(project.root / ".git/index"));
    for (std::size_t size = 0; size < whole.size(); ++size)
      (void)parse_git_index(std::string_view(whole).substr(0, size), 20, "");
    CHECK(parse_git_index(std::string_view(whole).substr(0, 200), 20, "") == std::nullopt);
  }
}

TEST_CASE("no look at a project runs a program that its repository names") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  const Path trace = project.folder.path() / "trace";
  const std::string command = "touch " + trace.string() + "; cat";
  project.git({"init", "-q"});
  project.write(".gitattributes", "* filter=own diff=own\n");
  project.write("code", "c\n");
  project.write("sub/x", "x\n");
  project.commit_all();
  // The time of the file differs from the index's, so its content has to be compared.
  const auto touch = [&] { fs::last_write_time(project.root / "code", 1'000'000'000); };

  SECTION("a filter") {
    project.git({"config", "filter.own.clean", command});
    touch();
    look_in_every_way(project);
    CHECK(project.take().files == Names{".gitattributes", "code", "sub/x"});
  }
  SECTION("a filter that is required, and a process") {
    project.git({"config", "filter.own.clean", command});
    project.git({"config", "filter.own.process", command});
    project.git({"config", "filter.own.required", "true"});
    touch();
    look_in_every_way(project);
    CHECK_FALSE(project.take().git.dirty);
  }
  SECTION("one that a file names which the configuration includes") {
    project.write("hidden", "[filter \"own\"]\n clean = \"" + command + "\"\n");
    project.git({"config", "include.path", "../hidden"});
    touch();
    look_in_every_way(project);
  }
  SECTION("one of the configuration of this work tree alone") {
    project.git({"config", "extensions.worktreeConfig", "true"});
    project.git({"config", "--worktree", "filter.own.clean", command});
    touch();
    look_in_every_way(project);
  }
  SECTION("a watcher of files, a pager, signatures, other differences, hooks") {
    for (const char* key : {"core.fsmonitor",
                            "core.pager",
                            "pager.status",
                            "gpg.program",
                            "diff.external",
                            "diff.own.command",
                            "diff.own.textconv",
                            "core.sshCommand",
                            "core.alternateRefsCommand",
                            "credential.helper",
                            "alias.status"})
      project.git({"config", key, command});
    project.git({"config", "log.showSignature", "true"});
    project.write(".git/hooks/post-index-change", "#!/bin/sh\n" + command + "\n");
    fs::permissions(project.root / ".git/hooks/post-index-change", fs::owner_all);
    touch();
    look_in_every_way(project);
  }
  SECTION("hooks of the project, for which the user's own configuration has a relative folder") {
    const Path configuration = project.folder.path() / "configuration";
    std::ofstream(configuration.string()) << "[core]\n hooksPath = .githooks\n";
    const SetVariable global("GIT_CONFIG_GLOBAL", configuration.string());
    for (const char* hook : {"post-index-change", "reference-transaction", "post-checkout"}) {
      project.write(std::string(".githooks/") + hook, "#!/bin/sh\n" + command + "\n");
      fs::permissions(project.root / ".githooks" / hook, fs::owner_all);
    }
    touch();
    look_in_every_way(project);
  }
  SECTION("a repository that lacks objects and would fetch them") {
    project.git({"config", "extensions.partialClone", "origin"});
    project.git({"config", "remote.origin.promisor", "true"});
    project.git({"config", "remote.origin.url", "ext::sh -c \"" + command + "\""});
    project.git({"config", "protocol.ext.allow", "always"});
    touch();
    look_in_every_way(project);
  }
  SECTION("a filter of a submodule") {
    const Path library = project.folder.path() / "library";
    fs::create_directories(library);
    project.git_in(library, {"init", "-q"});
    std::ofstream((library / ".gitattributes").string()) << "* filter=own\n";
    std::ofstream((library / "lib").string()) << "l\n";
    project.commit_all(library);
    project.git({"submodule", "--quiet", "add", library.string(), "library"});
    project.commit_all();
    project.git_in(project.root / "library", {"config", "filter.own.clean", command});
    project.git_in(project.root / "library", {"config", "core.fsmonitor", command});
    fs::last_write_time(project.root / "library/lib", 1'000'000'000);
    look_in_every_way(project);
  }
  SECTION("a folder that is laid out like a repository") {
    fs::copy(project.root / ".git", project.root / "sub", fs::copy_options::recursive);
    std::ofstream((project.root / "sub/config").string())
        << "[core]\n bare = false\n worktree = .\n[filter \"own\"]\n clean = \"" + command + "\"\n";
    project.root /= "sub";
    look_in_every_way(project);
  }
  CHECK_FALSE(fs::exists(trace));
}

TEST_CASE("what the user's own configuration names is run, and Git LFS of the repository") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  const Path trace = project.folder.path() / "trace";
  const std::string command = "touch " + trace.string() + "; cat";
  project.git({"init", "-q"});
  project.write(".gitattributes", "code filter=strip\ndata filter=lfs\n");
  project.write("code", "c\n");
  project.write("data", "d\n");
  project.commit_all();

  SECTION("a filter of the user's") {
    const Path config = project.folder.path() / "of-the-user";
    std::ofstream(config.string()) << "[filter \"strip\"]\n clean = \"" + command + "\"\n";
    const SetVariable global("GIT_CONFIG_GLOBAL", config.string());
    fs::last_write_time(project.root / "code", 1'000'000'000);
    value_of(preview_snapshot(project.root, project.options));
  }
  SECTION("git-lfs, found where the user has it") {
    const Path bin = project.folder.path() / "bin";
    fs::create_directories(bin);
    std::ofstream((bin / "git-lfs").string()) << "#!/bin/sh\n" + command + "\n";
    fs::permissions(bin / "git-lfs", fs::owner_all);
    project.git({"config", "filter.lfs.clean", "git-lfs clean -- %f"});
    const SetVariable path("PATH",
                           bin.string() + ":" + test::own_variable("PATH").value_or("/usr/bin"));
    fs::last_write_time(project.root / "data", 1'000'000'000);
    value_of(preview_snapshot(project.root, project.options));
  }
  CHECK(fs::exists(trace));
}

TEST_CASE("values of a repository count as for Git") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("code", "c\n");
  project.commit_all();
  const auto chmod = [&](const char* path, mode_t mode) {
    REQUIRE(::chmod((project.root / path).c_str(), mode) == 0);
  };

  SECTION("core.fileMode") {
    chmod("code", 0755);
    CHECK(project.take().git.dirty);
    project.git({"config", "core.fileMode", "false"});
    CHECK_FALSE(project.take().git.dirty);
  }
  // The time of the file differs from the index's, so its content has to be compared.
  const auto check_out_again = [&] {
    fs::remove(project.root / "code");
    project.git({"checkout", "-q", "--", "code"});
    CHECK(value_of(read_file(project.root / "code")) == "c\r\n");
    fs::last_write_time(project.root / "code", 1'000'000'000);
  };
  SECTION("core.autocrlf") {
    project.git({"config", "core.autocrlf", "true"});
    check_out_again();
    CHECK_FALSE(project.take().git.dirty);
    project.git({"config", "core.autocrlf", "false"});
    CHECK(project.take().git.dirty);
  }
  SECTION("info/exclude and core.excludesFile") {
    project.write("first.secret", "s");
    project.write("second.secret", "s");
    CHECK(project.take().files.size() == 3);
    project.write(".git/info/exclude", "first.secret\n");
    project.write(".git/more", "second.secret\n");
    project.git({"config", "core.excludesFile", ".git/more"});
    CHECK(project.take().files == Names{"code"});
    CHECK_FALSE(project.take().git.dirty);
  }
  SECTION("info/attributes") {
    project.write(".git/info/attributes", "code text eol=crlf\n");
    check_out_again();
    CHECK_FALSE(project.take().git.dirty);
    fs::remove(project.root / ".git/info/attributes");
    CHECK(project.take().git.dirty);
  }
  SECTION("a sparse checkout") {
    project.write("kept/x", "x");
    project.write("left/y", "y");
    project.commit_all();
    project.git({"sparse-checkout", "set", "kept"});
    const Snapshot snapshot = project.take();
    CHECK(snapshot.files == Names{"code", "kept/x"});
    CHECK_FALSE(snapshot.git.dirty);
  }
  SECTION("a work tree that was added, with a configuration of its own") {
    const std::string commit = project.git({"rev-parse", "HEAD"}).substr(0, 40);
    const Path other = project.folder.path() / "other";
    project.git({"remote", "add", "origin", "https://example.com/x.git"});
    project.git({"config", "extensions.worktreeConfig", "true"});
    project.git({"worktree", "add", "-q", "-b", "side", other.string()});
    project.root = other;
    project.git({"config", "--worktree", "core.fileMode", "false"});
    chmod("code", 0755);
    const Snapshot snapshot = project.take();
    CHECK(snapshot.files == Names{"code"});
    CHECK(snapshot.git.branch == "side");
    CHECK(snapshot.git.commit == commit);
    CHECK(snapshot.git.remote == "https://example.com/x.git");
    CHECK_FALSE(snapshot.git.dirty);
  }
  SECTION("objects of another repository") {
    const Path clone = project.folder.path() / "clone";
    project.git({"clone", "-q", "--shared", project.root.string(), clone.string()});
    project.root = clone;
    const Snapshot snapshot = project.take();
    CHECK(snapshot.files == Names{"code"});
    CHECK_FALSE(snapshot.git.dirty);
    std::vector<std::string> notes;
    project.write("code", "d\n");
    const Snapshot changed = project.take();
    CHECK_THAT(value_of(diff_against_commit(
                   project.root, {changed.tree, changed.git}, project.objects, notes)),
               Catch::Contains("-c\n+d\n"));
  }
  SECTION("a clone without its history") {
    project.write("code", "d\n");
    project.commit_all();
    const Path clone = project.folder.path() / "shallow";
    project.git({"clone", "-q", "--depth=1", "file://" + project.root.string(), clone.string()});
    project.root = clone;
    const Snapshot snapshot = project.take();
    CHECK(snapshot.git.root_commit == snapshot.git.commit);
    CHECK_FALSE(snapshot.git.dirty);
  }
  SECTION("references that were packed, and a HEAD that is a link") {
    const std::string commit = project.git({"rev-parse", "HEAD"}).substr(0, 40);
    project.git({"pack-refs", "--all"});
    CHECK(project.take().git.commit == commit);
    fs::remove(project.root / ".git/HEAD");
    fs::create_symlink("refs/heads/main", project.root / ".git/HEAD");
    const Snapshot snapshot = project.take();
    CHECK(snapshot.git.commit == commit);
    CHECK(snapshot.git.branch == "main");
  }
}

TEST_CASE("nothing of a repository keeps a look waiting: pipes in place of its files") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("code", "c\n");
  project.commit_all();
  const std::string name = GENERATE("HEAD",
                                    "config",
                                    "index",
                                    "packed-refs",
                                    "refs/heads/main",
                                    "refs/heads/other",
                                    "objects/info/alternates",
                                    "info/exclude",
                                    "info/attributes",
                                    "../.gitignore",
                                    "../sub/.gitignore",
                                    "../.gitattributes");
  INFO(name);
  const Path file = project.root / ".git" / name;
  fs::create_directories(file.parent_path());
  fs::remove(file);
  if (name == "refs/heads/other")  // which the branch stands for
    std::ofstream((project.root / ".git/refs/heads/main").string()) << "ref: refs/heads/other\n";
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  const auto snapshot = preview_snapshot(project.root, project.options);
  CHECK(snapshot.has_value() == name.starts_with("info/"));
  if (!snapshot)
    CHECK(snapshot.error().message.find(fs::path(name).filename().string()) != std::string::npos);
}

TEST_CASE("asking leaves no file behind") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("code", "c\n");
  project.commit_all();
  const Path place = project.folder.path() / "run-time";
  fs::create_directories(place);
  const SetVariable runtime("XDG_RUNTIME_DIR", place.string());
  look_in_every_way(project);
  CHECK(ask_early(project.root) != nullptr);  // and nobody waits for the answer
  const auto asked = ask_early(project.root);
  CHECK_FALSE(fs::is_empty(place));
  value_of(preview_snapshot(project.root, project.options, asked));
  CHECK(fs::is_empty(place));
}
