#include "dstack/source/snapshot.hpp"

#include "dstack/files/entry.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/code.hpp"
#include "dstack/source/index.hpp"
#include "unit/source/fixture.hpp"

#include <fcntl.h>

using namespace dstack;
using namespace dstack::source;

TEST_CASE("a snapshot of a folder without Git holds every file") {
  TestProject project;
  project.write("train.py", "print()");
  project.write(".hidden/file", "h");
  project.write("data/large.bin", std::string(1000, 'x'));
  project.write("nested/.git/config", "not code");
  project.write("nested/code.py", "n");
  fs::create_symlink("train.py", project.root / "link");
  fs::create_directory(project.root / "empty");
  project.options.file_limit = 10;  // holds with Git only

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files ==
        Names{".hidden/file", "data/large.bin", "link", "nested/code.py", "train.py"});
  CHECK(snapshot.git == job::GitFacts{});
  CHECK(snapshot.tree.files == 5);
  CHECK(snapshot.warnings.empty());
}

TEST_CASE("a snapshot holds what Git would show, as it is in the folder") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write(".gitignore", "ignored\n*.log\n");
  project.write("tracked", "1");
  project.write("modified", "1");
  project.write("staged", "1");
  project.write("deleted", "1");
  project.write("run.sh", "#!/bin/sh");
  ::chmod((project.root / "run.sh").c_str(), 0755);
  fs::create_symlink("tracked", project.root / "link");
  project.write("forced.log", "tracked though it is ignored");
  project.git({"add", "-A"});
  project.git({"add", "-f", "forced.log"});
  project.git({"commit", "-q", "-m", "first"});
  project.write("modified", "2");
  project.write("staged", "2");
  project.git({"add", "staged"});
  project.write("staged", "3");
  fs::remove(project.root / "deleted");
  project.write("untracked/new\nname", "u");
  project.write("ignored", "i");
  project.write("x.log", "i");

  const Snapshot snapshot = project.take();

  CHECK(project.contents(snapshot) == Names{".gitignore=ignored\n*.log\n",
                                            "forced.log=tracked though it is ignored",
                                            "link=tracked",
                                            "modified=2",
                                            "run.sh=#!/bin/sh",
                                            "staged=3",
                                            "tracked=1",
                                            "untracked/new\nname=u"});
  const auto files = value_of(project.objects.list(snapshot.tree));
  CHECK(files[2].type == files::EntryType::link);
  CHECK(files[4].type == files::EntryType::executable);
  CHECK(snapshot.git.branch == "main");
  CHECK(snapshot.git.commit == project.git({"rev-parse", "HEAD"}).substr(0, 40));
  CHECK(snapshot.git.root_commit == snapshot.git.commit);
  CHECK(snapshot.git.remote.empty());
  CHECK(snapshot.git.dirty);
}

TEST_CASE("a snapshot of a clean clone is not dirty and knows where it came from") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "1");
  project.commit_all();
  const std::string first = project.git({"rev-parse", "HEAD"}).substr(0, 40);
  project.write("file", "2");
  project.commit_all();
  project.git({"remote", "add", "origin", "https://me:secret@example.com/x.git"});

  const Snapshot snapshot = project.take();

  CHECK_FALSE(snapshot.git.dirty);
  CHECK(snapshot.git.remote == "https://example.com/x.git");
  CHECK(snapshot.git.root_commit == first);
  CHECK(root_commit(project.root) == first);
  project.write("new", "");
  CHECK(project.take().git.dirty);
}

TEST_CASE("a repository without a commit and a detached one are snapshotted") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "1");

  const Snapshot fresh = project.take();
  CHECK(fresh.files == Names{"file"});
  CHECK(fresh.git.branch == "main");
  CHECK(fresh.git.commit.empty());
  CHECK(fresh.git.root_commit.empty());
  CHECK(fresh.git.dirty);
  CHECK(root_commit(project.root).empty());

  project.commit_all();
  project.git({"checkout", "-q", "--detach"});
  const Snapshot detached = project.take();
  CHECK(detached.git.branch.empty());
  CHECK(detached.git.commit.size() == 40);
  CHECK(detached.git.root_commit == detached.git.commit);
}

TEST_CASE("a project in a folder of a repository is that folder alone") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("outside", "o");
  project.write("sub/project/code", "c");
  project.commit_all();
  project.write("sub/project/new", "n");
  project.write("outside", "changed");
  project.root /= "sub/project";

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files == Names{"code", "new"});
  fs::remove(project.root / "new");
  CHECK_FALSE(project.take().git.dirty);
}

TEST_CASE("a project that somebody's repository ignores is a folder without Git") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write(".gitignore", "scratch/\n");
  project.write("scratch/project/code", "c");
  project.commit_all();
  project.root /= "scratch/project";

  CHECK(project.take().files == Names{"code"});
}

TEST_CASE("submodules and other repositories inside bring their files") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  const Path library = project.folder.path() / "library";
  fs::create_directories(library);
  project.git_in(library, {"init", "-q"});
  std::ofstream((library / "lib.py").string()) << "lib";
  project.commit_all(library);
  project.git({"init", "-q"});
  project.write("main.py", "main");
  project.git({"submodule", "--quiet", "add", library.string(), "deps/library"});
  project.commit_all();
  project.write("deps/library/new.py", "new");
  fs::create_directories(project.root / "loose");
  project.git_in(project.root / "loose", {"init", "-q"});
  project.write("loose/file", "x");

  const Snapshot snapshot = project.take();

  CHECK(
      snapshot.files ==
      Names{".gitmodules", "deps/library/lib.py", "deps/library/new.py", "loose/file", "main.py"});

  fs::remove_all(project.root / "deps/library");
  fs::create_directory(project.root /
                       "deps/library");  // as in a clone without --recurse-submodules
  CHECK_FALSE(project.take().contains_below("deps"));
}

TEST_CASE("declared artifacts are code only when Git tracks them") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.options.artifacts = {"model", "data/out", "", "mod"};
  project.write("model/tracked", "t");
  project.git({"init", "-q"});
  project.commit_all();
  project.write("model/weights", "w");
  project.write("models/other", "o");
  project.write("data/out", "o");
  project.write("data/in", "i");

  CHECK(project.take().files == Names{"data/in", "model/tracked", "models/other"});
  CHECK(value_of(preview_snapshot(project.root, project.options)).files ==
        Names{"data/in", "model/tracked", "models/other"});

  fs::remove_all(project.root / ".git");
  CHECK(project.take().files == Names{"data/in", "models/other"});
}

TEST_CASE("a large untracked file is named and left out, a tracked one is kept") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.options.file_limit = 1000;
  project.git({"init", "-q"});
  project.write("tracked.bin", std::string(2000, 't'));
  project.commit_all();
  project.write("data.bin", std::string(2000, 'd'));
  project.write("exactly", std::string(1000, 'e'));

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files == Names{"exactly", "tracked.bin"});
  CHECK(snapshot.warnings == Names{"1 file that Git does not track is over 1.0 kB and left out of "
                                   "the code: 'data.bin' (2.0 kB); "
                                   "'git add' or ignore it, or raise 'snapshot_file_limit'"});
}

TEST_CASE(".dstackignore leaves files out, tracked or not, with Git or without") {
  const bool with_git = GENERATE(true, false);
  if (with_git && !has_git())
    SKIP("git is not installed");
  TestProject project;
  project.write(".dstackignore", "*.bin\n/docs/\n");
  project.write("sub/.dstackignore", "!keep.bin\nlocal\n");
  project.write("a.bin", "a");
  project.write("docs/page", "d");
  project.write("sub/docs/page", "d");
  project.write("sub/keep.bin", "k");
  project.write("sub/local", "l");
  project.write("local", "l");
  if (with_git) {
    project.git({"init", "-q"});
    project.commit_all();
    project.write("b.bin", "untracked");
  }

  CHECK(project.take().files ==
        Names{".dstackignore", "local", "sub/.dstackignore", "sub/docs/page", "sub/keep.bin"});
}

TEST_CASE("variables that lead Git elsewhere do not mislead the snapshot") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "x");
  project.commit_all();
  TestProject other;
  other.git({"init", "-q"});
  other.write("foreign", "x");
  other.commit_all();
  const SetVariable directory("GIT_DIR", (other.root / ".git").string());
  const SetVariable tree("GIT_WORK_TREE", other.root.string());
  const SetVariable index("GIT_INDEX_FILE", "/nowhere");
  const SetVariable prefix("GIT_PREFIX", "sub/");

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files == Names{"file"});
  CHECK_FALSE(snapshot.git.dirty);
}

TEST_CASE("without Git installed a repository is a folder like any other, with a warning") {
  TestProject project;
  project.write("file", "x");
  project.write(".git/config", "");
  const SetVariable path("PATH", project.folder.path().string());

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files == Names{"file"});
  CHECK(snapshot.warnings ==
        Names{"git is not installed, so every file that no '.gitignore' names is taken as code"});
}

TEST_CASE("a repository of another user is a folder like any other, with a warning") {
  if (!has_git())
    SKIP("git is not installed");
  if (::geteuid() != 0)
    SKIP("only the superuser can give files away");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "x");
  project.commit_all();
  project.write(".gitignore", "ignored");
  project.write("ignored", "x");
  for (const Path& path : {project.root, project.root / ".git"})
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);

  const Snapshot snapshot = project.take();

  CHECK(snapshot.files == Names{".gitignore", "file"});
  REQUIRE(snapshot.warnings.size() == 1);
  CHECK_THAT(snapshot.warnings[0], Catch::Contains("safe.directory"));
}

TEST_CASE("a repository that Git cannot read fails the snapshot in Git's words") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "x");
  project.commit_all();
  project.write(".git/index", "damaged");

  const auto snapshot = take_snapshot(project.root, project.objects, project.options);

  REQUIRE_FALSE(snapshot);
  CHECK_THAT(snapshot.error().message, Catch::Contains("git could not list the files of"));
}

TEST_CASE("a snapshot writes nothing into the project") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("file", "x");
  project.commit_all();
  project.write("file",
                "x");  // Git's index is out of date now, and status would like to refresh it
  std::vector<std::string> before;
  for (const auto& entry : fs::recursive_directory_iterator(project.root))
    before.push_back(entry.path().string() + std::to_string(fs::last_write_time(entry.path())));

  project.take();
  value_of(preview_snapshot(project.root, project.options));

  std::vector<std::string> after;
  for (const auto& entry : fs::recursive_directory_iterator(project.root))
    after.push_back(entry.path().string() + std::to_string(fs::last_write_time(entry.path())));
  CHECK(after == before);
}

TEST_CASE("a home inside the project is not code") {
  TestProject project;
  project.objects = store::ObjectStore(files::Home{project.root / "state" / "home"});
  project.write("file", "x");

  const Snapshot first = project.take();
  const Snapshot second = project.take();

  CHECK(first.files == Names{"file"});
  CHECK(second.tree == first.tree);
}

TEST_CASE("an unchanged project gives the same tree and stores nothing") {
  TestProject project;
  project.write("a", "1");
  project.write("b/c", "2");
  const Snapshot first = project.take();
  project.take();
  const auto objects = project.objects.home().root / "objects";
  const auto before = fs::last_write_time(objects);

  const Snapshot again = project.take();

  CHECK(again.tree == first.tree);
  CHECK(again.files == first.files);
  CHECK(fs::last_write_time(objects) == before);
}

TEST_CASE("every kind of change is seen") {
  TestProject project;
  project.write("file", "one");
  project.write("other", "x");
  const Snapshot before = project.take();

  SECTION("content of the same size, at once") {
    project.write("file", "two");
    CHECK(project.contents(project.take())[0] == "file=two");
  }
  SECTION("content of the same size with the old modification time") {
    struct stat status;
    REQUIRE(::stat((project.root / "file").c_str(), &status) == 0);
    project.write("file", "two");
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ::utimensat(AT_FDCWD, (project.root / "file").c_str(), times, 0);
    CHECK(project.contents(project.take())[0] == "file=two");
  }
  SECTION("the x bit") {
    ::chmod((project.root / "file").c_str(), 0755);
    const auto files = value_of(project.objects.list(project.take().tree));
    CHECK(files[0].type == files::EntryType::executable);
  }
  SECTION("a removed file") {
    fs::remove(project.root / "file");
    CHECK(project.take().files == Names{"other"});
  }
  SECTION("a renamed file") {
    fs::rename(project.root / "file", project.root / "name");
    CHECK(project.contents(project.take()) == Names{"name=one", "other=x"});
  }
  SECTION("a file that became a folder") {
    fs::remove(project.root / "file");
    project.write("file/inner", "i");
    CHECK(project.contents(project.take()) == Names{"file/inner=i", "other=x"});
  }
  SECTION("a file that became a link") {
    fs::remove(project.root / "file");
    fs::create_symlink("other", project.root / "file");
    CHECK(project.contents(project.take())[0] == "file=other");
  }
  CHECK(project.take().tree != before.tree);
}

TEST_CASE("a lost or damaged index or store costs time and nothing else") {
  TestProject project;
  project.write("file", "one");
  project.write("dir/other", "x");
  const Snapshot before = project.take();
  const files::Home& home = project.objects.home();

  SECTION("the index is damaged") {
    std::ofstream(index_path(home.index(), project.root).string()) << "garbage";
  }
  SECTION("the index is gone") {
    fs::remove_all(home.index());
  }
  SECTION("the objects are gone") {
    fs::remove_all(home.root / "objects");
    fs::remove_all(home.root / "trees");
  }
  SECTION("everything is gone") {
    fs::remove_all(home.root);
  }

  const Snapshot after = project.take();
  CHECK(after.tree == before.tree);
  CHECK(project.contents(after) == Names{"dir/other=x", "file=one"});
}

TEST_CASE("a tracked file behind a folder that became a link is not followed") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.git({"init", "-q"});
  project.write("dir/file", "inside");
  project.commit_all();
  fs::remove_all(project.root / "dir");
  fs::create_directories(project.folder.path() / "outside");
  std::ofstream((project.folder.path() / "outside/file").string()) << "secret";
  fs::create_symlink("../outside", project.root / "dir");

  const Snapshot snapshot = project.take();

  CHECK(project.contents(snapshot) == Names{"dir=../outside"});
  CHECK(snapshot.files == Names{"dir"});
}

TEST_CASE("a snapshot knows files and folders") {
  Snapshot snapshot;
  snapshot.files = {"a", "b-c", "b/c", "b/d/e"};

  CHECK(snapshot.contains("a"));
  CHECK(snapshot.contains("b/c"));
  CHECK_FALSE(snapshot.contains("b"));
  CHECK(snapshot.contains_below("a"));
  CHECK(snapshot.contains_below("b"));
  CHECK(snapshot.contains_below("b/d"));
  CHECK(snapshot.contains_below(""));
  CHECK_FALSE(snapshot.contains_below("b-"));
  CHECK_FALSE(Snapshot().contains_below(""));
}

TEST_CASE("a project that does not exist is reported by its path") {
  TestProject project;

  const auto snapshot = take_snapshot(project.root / "nowhere", project.objects, {});

  REQUIRE_FALSE(snapshot);
  CHECK(snapshot.error().code == ErrorCode::not_found);
}

TEST_CASE("a listing reads no file and stores nothing; what is captured then is what there is") {
  TestProject project;
  project.write("kept.txt", "one");
  project.write("gone.txt", "two");
  Listing listing = value_of(Listing::make(project.root, project.objects.home(), project.options));
  CHECK(listing.code().files == std::vector<std::string>{"gone.txt", "kept.txt"});
  CHECK_FALSE(has_blob(project.objects, sha256("one")));

  project.write("kept.txt", "three");
  fs::remove(project.root / "gone.txt");
  const Snapshot snapshot = value_of(std::move(listing).capture(project.objects));
  CHECK(snapshot.files == std::vector<std::string>{"kept.txt"});
  CHECK(has_blob(project.objects, sha256("three")));
  CHECK(project.take().tree.tree == snapshot.tree.tree);
}

TEST_CASE("what matches the pattern of an artifact is code only when Git tracks it") {
  if (!has_git())
    SKIP("git is not installed");
  TestProject project;
  project.options.artifacts = {"*.csv", "out/**/*.pt"};
  project.write("tracked.csv", "t");
  project.git({"init", "-q"});
  project.commit_all();
  project.write("left-over.csv", "l");
  project.write("out/deep/old.pt", "o");
  project.write("out/notes.txt", "n");
  project.write("data/in.csv", "i");

  CHECK(project.take().files == Names{"data/in.csv", "out/notes.txt", "tracked.csv"});

  fs::remove_all(project.root / ".git");
  CHECK(project.take().files == Names{"data/in.csv", "out/notes.txt"});
}

TEST_CASE("a mode that is closed or opened after a snapshot is in the next one") {
  TestProject project;
  project.write("key", "k");
  project.write("private/deep/file", "f");
  const auto closed = [&] {
    std::vector<std::string> paths;
    const auto tree = project.take().tree;
    for (const store::TreeFile& file : value_of(project.objects.list(tree)))
      if (file.closed != 0)
        paths.push_back(file.path);
    for (const store::TreeFolder& folder : value_of(project.objects.list_folders(tree)))
      if (folder.closed != 0)
        paths.push_back(folder.path);
    return paths;
  };
  const auto set_mode = [&](const std::string& path, mode_t mode) {
    REQUIRE(::chmod((project.root / path).c_str(), mode) == 0);
  };
  for (const char* path : {"key", "private/deep/file"})
    set_mode(path, 0644);
  for (const char* path : {"private", "private/deep"})
    set_mode(path, 0755);
  CHECK(closed().empty());
  set_mode("private", 0700);
  CHECK(closed() == Names{"private"});
  set_mode("key", 0600);
  CHECK(closed() == Names{"key", "private"});
  set_mode("private", 0755);
  CHECK(closed() == Names{"key"});
}
