// What is met in a project's folder and cannot, or must not, become code.
#include "dstack/source/snapshot.hpp"
#include "unit/source/fixture.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::source;

namespace {

constexpr uid_t somebody_else = 1234;

void give_away(const Path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    REQUIRE(::lchown(entry.path().c_str(), somebody_else, somebody_else) == 0);
  REQUIRE(::chown(folder.c_str(), somebody_else, somebody_else) == 0);
}

struct Closed {
  Path path;

  explicit Closed(Path its_path, mode_t mode = 0) : path(std::move(its_path)) {
    ::chmod(path.c_str(), mode);
  }

  ~Closed() { ::chmod(path.c_str(), 0755); }
};

}  // namespace

TEST_CASE("a broken .git is refused, and never taken for a folder without Git") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write(".gitignore", "secret.env\n");
  project.commit_all();
  project.write("secret.env", "TOKEN=1");
  const auto take = [&] { return take_snapshot(project.root, project.objects, project.options); };

  SECTION("a worktree whose repository has gone") {
    const Path worktree = project.folder.path() / "worktree";
    project.git({"worktree", "add", "-q", "-b", "other", worktree.string()});
    fs::rename(project.root, project.folder.path() / "moved");
    project.root = worktree;
    project.write("secret.env", "TOKEN=1");
    project.write("sub/code", "c");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("worktree/.git' leads to no Git"));
    project.root /= "sub";
    CHECK_THAT(failure_of(take()).message, Catch::Contains("worktree/.git' leads to no Git"));
  }
  SECTION("an empty HEAD, as after a power cut") {
    project.write(".git/HEAD", "");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("its HEAD is empty"));
  }
  SECTION("an empty HEAD inside of another repository, which Git would take instead") {
    project.write(".git/HEAD", "");
    project.git_in(project.folder.path(), {"init", "-q"});
    CHECK_THAT(failure_of(take()).message, Catch::Contains("project/.git' leads to no Git"));
  }
  SECTION("a HEAD that is no reference") {
    project.write(".git/HEAD", "garbage\n");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("its HEAD names no branch"));
  }
  SECTION("no HEAD") {
    fs::remove(project.root / ".git/HEAD");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("it has no HEAD"));
  }
  SECTION("an empty branch") {
    project.write(".git/refs/heads/main", "");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("the commit of its branch"));
  }
  SECTION("a branch whose commit is gone") {
    project.write(".git/refs/heads/main", std::string(40, '1') + "\n");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("bad object HEAD"));
  }
  SECTION("no objects") {
    fs::remove_all(project.root / ".git/objects");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("it has no 'objects'"));
  }
  SECTION("an empty .git in the project") {
    fs::remove_all(project.root / ".git");
    fs::create_directory(project.root / ".git");
    CHECK_THAT(failure_of(take()).message, Catch::Contains("leads to no Git"));
  }
  SECTION("a .git that is a link to nothing, inside of another repository") {
    fs::remove_all(project.root / ".git");
    fs::create_symlink("/gone", project.root / ".git");
    project.git_in(project.folder.path(), {"init", "-q"});
    CHECK_THAT(failure_of(take()).message, Catch::Contains("it is a link to nothing"));
  }
  SECTION("a .git file that says nothing") {
    fs::remove_all(project.root / ".git");
    project.write(".git", "nonsense\n");
    CHECK(failure_of(take()).code == ErrorCode::unavailable);
  }
}

TEST_CASE("an empty .git above the project is nothing, as for Git") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.write("file", "x");
  fs::create_directory(project.folder.path() / ".git");

  CHECK(project.take().files == Names{"file"});
}

TEST_CASE("a nested repository of another user is left out with one warning") {
  if (!has_git())
    SKIP("git is not installed");
  if (::geteuid() != 0)
    SKIP("only the superuser can give files away");
  TestProject project;
  project.git({"init", "-q"});
  project.write("code.py", "c");
  project.commit_all();
  project.write("data/file", "d");
  project.git_in(project.root / "data", {"init", "-q"});
  project.commit_all(project.root / "data");
  give_away(project.root / "data");

  const Snapshot snapshot = project.take();
  CHECK(snapshot.files == Names{"code.py"});
  REQUIRE(snapshot.warnings.size() == 1);
  CHECK_THAT(snapshot.warnings[0], Catch::Contains("'data'") && Catch::Contains(".dstackignore"));

  project.write(".dstackignore", "/data/\n");
  CHECK(project.take().warnings.empty());
}

TEST_CASE("a broken nested repository that Git does not track is left out, a submodule is missed") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("code.py", "c");
  project.commit_all();
  project.write("loose/file", "x");
  project.git_in(project.root / "loose", {"init", "-q"});

  SECTION("loose") {
    project.write("loose/.git/index", "damaged");
    const Snapshot snapshot = project.take();
    CHECK(snapshot.files == Names{"code.py"});
    REQUIRE(snapshot.warnings.size() == 1);
    CHECK_THAT(snapshot.warnings[0], Catch::Contains("'loose'"));
  }
  SECTION("submodule") {
    project.commit_all(project.root / "loose");
    project.git({"add", "loose"});
    project.write("loose/.git/HEAD", "");
    const auto failed = failure_of(take_snapshot(project.root, project.objects, project.options));
    CHECK_THAT(failed.message, Catch::Contains("loose/.git' leads to no Git"));
    project.write(".dstackignore", "loose/\n");
    CHECK(project.take().files == Names{".dstackignore", "code.py"});
  }
}

TEST_CASE("an unreadable file or folder that Git does not track is left out with a warning") {
  if (::geteuid() == 0)
    SKIP("the superuser may read everything");
  const bool with_git = GENERATE(true, false);
  if (with_git && !has_git())
    SKIP("git is not installed");
  TestProject project;
  project.write("code.py", "c");
  if (with_git) {
    project.git({"init", "-q"});
    project.commit_all();
  }
  project.write("sub/secret", "x");
  project.write("closed/inner", "x");
  project.write("listed/inner", "x");
  const Closed file(project.root / "sub/secret");
  const Closed folder(project.root / "closed");
  const Closed listed(project.root / "listed", 0444);

  const Snapshot snapshot = project.take();
  CHECK(snapshot.files == Names{"code.py"});
  REQUIRE(snapshot.warnings.size() == 1);
  CHECK_THAT(snapshot.warnings[0],
             Catch::Contains("'sub/secret'") && Catch::Contains("'closed'") &&
                 Catch::Contains("'listed") && Catch::Contains(".dstackignore"));

  project.write(".dstackignore", "/sub/secret\n/closed\n/listed\n");
  CHECK(project.take().warnings.empty());
}

TEST_CASE("Git names unreadable folders from the repository's root, the project from its own") {
  if (!has_git())
    SKIP("git is not installed");
  if (::geteuid() == 0)
    SKIP("the superuser may read everything");
  TestProject project;
  project.git({"init", "-q"});
  project.write("sub/code.py", "c");
  project.commit_all();
  project.write("sub/closed/inner", "x");
  const Closed folder(project.root / "sub/closed");
  project.root /= "sub";

  const Snapshot snapshot = project.take();
  REQUIRE(snapshot.warnings.size() == 1);
  CHECK_THAT(snapshot.warnings[0], Catch::StartsWith("'closed' is left out"));
}

TEST_CASE("a file that Git tracks and that cannot be read fails the snapshot by its name") {
  if (!has_git())
    SKIP("git is not installed");
  if (::geteuid() == 0)
    SKIP("the superuser may read everything");
  TestProject project;
  project.git({"init", "-q"});
  project.write("secret", "x");
  project.commit_all();
  const Closed file(project.root / "secret");

  CHECK_THAT(failure_of(take_snapshot(project.root, project.objects, project.options)).message,
             Catch::Contains("'secret'"));
}

TEST_CASE("folders that mark themselves as an environment or a cache are never code") {
  const bool with_git = GENERATE(true, false);
  if (with_git && !has_git())
    SKIP("git is not installed");
  TestProject project;
  project.write("code.py", "c");
  project.write("CACHEDIR.TAG", "the project's own");
  project.write("env/pyvenv.cfg", "home = /usr/bin");
  project.write("env/lib/python/site.py", "s");
  project.write("sub/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
  project.write("sub/cache/v/entry", "e");
  project.write("sub/code.py", "c");
  if (with_git)
    project.git({"init", "-q"});

  const Snapshot snapshot = project.take();
  CHECK(snapshot.files == Names{"CACHEDIR.TAG", "code.py", "sub/code.py"});
  CHECK(snapshot.warnings.empty());
  CHECK(snapshot.notes.empty());

  if (!with_git)
    return;
  project.commit_all();
  CHECK(project.take().files == snapshot.files);
  REQUIRE(project.take().notes.size() == 1);
  CHECK_THAT(project.take().notes[0], Catch::Contains("'env' and 'sub'"));
}

TEST_CASE("pointers of Git LFS are a warning") {
  const bool with_git = GENERATE(true, false);
  if (with_git && !has_git())
    SKIP("git is not installed");
  TestProject project;
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid "
      "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
  project.write("model/weights.bin", pointer);
  project.write("notes.txt", "about " + pointer);
  project.write("large.txt", pointer + std::string(500, 'x'));
  if (with_git) {
    project.git({"init", "-q"});
    project.commit_all();
  }

  const Snapshot snapshot = project.take();
  REQUIRE(snapshot.warnings.size() == 1);
  CHECK_THAT(snapshot.warnings[0],
             Catch::StartsWith("'model/weights.bin' is a pointer of Git LFS") &&
                 Catch::Contains("git lfs pull"));
  CHECK(snapshot.files == Names{"large.txt", "model/weights.bin", "notes.txt"});
}
