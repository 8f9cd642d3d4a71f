// Folders that Git does not list: their rules, and how much of them may become code unasked.
#include "dstack/base/progress.hpp"
#include "dstack/source/snapshot.hpp"
#include "unit/source/fixture.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::source;

namespace {

void write_large(const Path& path) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(::ftruncate(file.get(), 1'500'000'000) == 0);
}

Result<Snapshot> preview(const TestProject& project) {
  return preview_snapshot(project.root, project.options);
}

}  // namespace

TEST_CASE("without Git .gitignore is heeded, too") {
  TestProject project;
  project.write(".gitignore", "secret.env\n*.log\n!kept.log\n/build/\n");
  project.write("secret.env", "s");
  project.write("a.log", "l");
  project.write("kept.log", "k");
  project.write("build/out", "o");
  project.write("sub/build/code", "c");
  project.write("sub/.gitignore", "local\n");
  project.write("sub/local", "l");
  project.write("local", "l");

  CHECK(project.take().files ==
        Names{".gitignore", "kept.log", "local", "sub/.gitignore", "sub/build/code"});
}

TEST_CASE("without the program git the rules of the whole repository are heeded") {
  TestProject project;
  project.write(".git/HEAD", "ref: refs/heads/main\n");
  project.write(".git/info/exclude", "excluded\n");
  project.write(".gitignore", "secret.env\n");
  project.write("sub/.gitignore", "/project/private\n");
  project.write("sub/project/code", "c");
  project.write("sub/project/secret.env", "s");
  project.write("sub/project/private", "p");
  project.write("sub/project/excluded", "e");
  project.root /= "sub/project";
  const SetVariable path("PATH", project.folder.path().string());

  CHECK(project.take().files == Names{"code"});
}

TEST_CASE("the user's home is not code unless that is asked for") {
  TestProject project;
  project.write(".ssh/id", "key");
  const SetVariable home("HOME", project.root.string());

  const Error refused = failure_of(preview(project));
  CHECK(refused.code == ErrorCode::usage);
  CHECK_THAT(refused.message,
             Catch::Contains("your home folder") && Catch::Contains("1 file") &&
                 Catch::Contains("'.ssh'"));
  CHECK_THAT(refused.hint, Catch::Contains("--yes") && Catch::Contains(".dstackignore"));

  SECTION("by a file of rules") {
    project.write(".dstackignore", ".ssh/\n");
    CHECK(value_of(preview(project)).files == Names{".dstackignore"});
  }
  SECTION("by consent") {
    project.options.large_folder = LargeFolder::taken;
    CHECK(value_of(preview(project)).files == Names{".ssh/id"});
  }
  SECTION("by a repository") {
    if (!has_git())
      SKIP("git is not installed");
    project.git({"init", "-q"});
    CHECK(value_of(preview(project)).files == Names{".ssh/id"});
  }
}

TEST_CASE("the root of the file system is not code unless that is asked for") {
  CHECK_THAT(failure_of(preview_snapshot("/", {})).message,
             Catch::Contains("the root of the file system"));
}

TEST_CASE("a large folder that is no repository is not code unless that is asked for") {
  TestProject project;
  SECTION("by its size") {
    project.write("code.py", "c");
    fs::create_directory(project.root / "data");
    write_large(project.root / "data/set.bin");
    CHECK_THAT(failure_of(preview(project)).message,
               Catch::Contains("2 files (1.5 GB)") && Catch::Contains("'data' (1 file, 1.5 GB)"));
  }
  SECTION("by its number of files") {
    fs::create_directory(project.root / "many");
    for (int i = 0; i <= 20'000; ++i)
      REQUIRE(Fd(::open((project.root / "many" / std::to_string(i)).c_str(),
                        O_WRONLY | O_CREAT | O_CLOEXEC,
                        0644)));
    CHECK_THAT(failure_of(preview(project)).message, Catch::Contains("20001 files"));
  }
  project.options.large_folder = LargeFolder::taken;
  CHECK(value_of(preview(project)).amount.files >= 2);
  project.options.large_folder = LargeFolder::refused;
  project.write(".dstackignore", "");
  CHECK(preview(project));
  fs::remove(project.root / ".dstackignore");
  // What rules leave out does not count.
  project.write(".gitignore", "/data/\n/many/\n");
  CHECK(preview(project));
}

TEST_CASE("a snapshot says how much it is") {
  TestProject project;
  project.write("a", "123");
  project.write("b/c", "45");

  const Snapshot snapshot = project.take();
  CHECK(snapshot.amount.files == 2);
  CHECK(snapshot.amount.bytes == 5);
}

TEST_CASE("the progress of a capture ends at the amount of what is new in the code") {
  TestProject project;
  project.write("a", "123");
  project.write("b/c", "45");
  Listing listing = value_of(Listing::make(project.root, project.objects.home(), project.options));
  ProgressReporter reporter(std::chrono::seconds(1), [](const WorkState&) {});
  const ReportedWork reported(&reporter);

  const Snapshot snapshot = value_of(std::move(listing).capture(project.objects));
  CHECK(reporter.state().all == WorkAmount{snapshot.amount.files, snapshot.amount.bytes});
  CHECK(reporter.state().done == reporter.state().all);
}
