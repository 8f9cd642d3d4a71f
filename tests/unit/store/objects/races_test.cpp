// Somebody puts links in the place of folders while the store reads or writes there: nothing beyond
// them is read or written.
#include "dstack/files/entry.hpp"
#include "dstack/job/tree_reference.hpp"
#include "support/blobs.hpp"
#include "support/wait.hpp"
#include "unit/store/fixture.hpp"

#include <atomic>
#include <map>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::store;

namespace {

constexpr int rounds = 150;
constexpr std::string_view canary = "what no artifact may ever hold";

/// Goes on exchanging two names for one another, each time in one step.
class Swapper {
 public:
  Swapper(Path a, Path b)
      : thread_([this, a = std::move(a), b = std::move(b)] {
          while (!stop_) {
            if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0)
              ++swaps_;
          }
        }) {}

  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;

  ~Swapper() {
    stop_ = true;
    thread_.join();
  }

  /// Waits until it has been at work.
  void wait_for_swaps(int count) const {
    test::wait_until([&, before = swaps_.load()] { return swaps_ >= before + count; });
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> swaps_ = 0;
  std::thread thread_;
};

/// Everything below a folder: its mode and time, and its content.
std::map<std::string, std::string> all_of(const Path& folder) {
  std::map<std::string, std::string> all;
  for (fs::recursive_directory_iterator entry(folder), end; entry != end; ++entry) {
    const Path& path = entry->path();

    struct stat status {};

    REQUIRE(::lstat(path.c_str(), &status) == 0);
    std::string& known = all[path.string()];
    known = std::to_string(status.st_mode) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
            std::to_string(status.st_mtim.tv_nsec);
    if (S_ISREG(status.st_mode))
      known += " " + value_of(read_file(path));
  }
  return all;
}

/// A file system that cannot exchange two names has no such races to test.
bool can_swap(const Path& folder) {
  fs::create_directories(folder / "one");
  fs::create_directories(folder / "two");
  return ::renameat2(AT_FDCWD,
                     (folder / "one").c_str(),
                     AT_FDCWD,
                     (folder / "two").c_str(),
                     RENAME_EXCHANGE) == 0;
}

struct Race {
  TestHome test;
  TemporaryFolder folder = make_test_folder();
  Path inside = folder.path() / "inside";
  Path outside = folder.path() / "outside";
  Path link = folder.path() / "link";
  ObjectStore objects{test.home()};
  std::vector<std::string> warnings;

  bool holds_canary() const { return has_blob(objects, sha256(canary)); }
};

}  // namespace

TEST_CASE("a folder that becomes a link while it is captured leads to nothing outside") {
  Race race;
  if (!can_swap(race.folder.path()))
    SKIP("this file system cannot exchange two names");
  for (int i = 0; i < 20; ++i) {
    const std::string name = "deep/file" + std::to_string(i);
    write_file(race.inside / "out" / name, "ours");
    write_file(race.outside / name, canary);
  }
  ::link((race.outside / "deep/file0").c_str(), (race.outside / "other-name").c_str());
  fs::create_symlink(race.outside, race.link);
  const Swapper swapper(race.inside / "out", race.link);
  int captured = 0;
  for (int i = 0; i < rounds; ++i) {
    swapper.wait_for_swaps(1);
    captured += race.objects.capture_folder(race.inside, race.warnings) ? 1 : 0;
    captured += race.objects.capture_at(race.inside / "out", "out", race.warnings) ? 1 : 0;
    captured +=
        race.objects.capture_at(race.inside / "out/deep/file0", "out/deep/file0", race.warnings)
            ? 1
            : 0;
    std::vector<files::FoundFile> files = {{.path = "out/deep/file1"}, {.path = "out/deep/file2"}};
    captured +=
        race.objects.capture_files(race.inside, files, Known::stored, race.warnings) ? 1 : 0;
  }
  CHECK(captured > 0);
  CHECK_FALSE(race.holds_canary());
}

TEST_CASE("a folder that becomes a link while a tree is laid out lets nothing through") {
  Race race;
  if (!can_swap(race.folder.path()))
    SKIP("this file system cannot exchange two names");
  // With a mask that takes bits away the modes of folders are set one by one.
  const mode_t mask = GENERATE(mode_t{0022}, mode_t{0077});
  const LayOut mode = GENERATE(LayOut::merge, LayOut::where_free);
  const Path source = race.folder.path() / "source";
  for (int i = 0; i < 10; ++i)
    write_file(source / "a/b" / ("folder" + std::to_string(i)) / "file", "ours");
  write_file(source / "a/b/was-folder", "now a file");
  const job::TreeReference tree = value_of(race.objects.capture_folder(source, race.warnings));
  write_file(race.outside / "b/folder1/kept", canary);
  write_file(race.outside / "b/was-folder/kept", canary);
  ::chmod((race.outside / "b/folder1").c_str(), 0750);
  const auto before = all_of(race.outside);

  const mode_t own_mask = ::umask(mask);
  for (int i = 0; i < rounds; ++i) {
    require_ok(remove_tree(race.inside));
    write_file(race.inside / "a/b/was-folder/kept", "something");
    require_ok(remove_tree(race.link));
    fs::create_symlink(race.outside, race.link);
    const Swapper swapper(race.inside / "a", race.link);
    swapper.wait_for_swaps(1);
    (void)race.objects.lay_out(tree, race.inside, mode, nullptr);
  }
  ::umask(own_mask);
  CHECK(all_of(race.outside) == before);
}

TEST_CASE("files with several names are laid out as files of their own") {
  Race race;
  write_file(race.outside / "canary", canary);
  write_file(race.folder.path() / "source/file", "ours");
  const job::TreeReference tree =
      value_of(race.objects.capture_folder(race.folder.path() / "source", race.warnings));
  fs::create_directories(race.inside);
  REQUIRE(::link((race.outside / "canary").c_str(), (race.inside / "file").c_str()) == 0);

  require_ok(race.objects.lay_out(tree, race.inside, LayOut::merge));

  CHECK(value_of(read_file(race.inside / "file")) == "ours");
  CHECK(value_of(read_file(race.outside / "canary")) == canary);
}

TEST_CASE("a tree that is removed while its folders become links takes nothing else along") {
  Race race;
  if (!can_swap(race.folder.path()))
    SKIP("this file system cannot exchange two names");
  write_file(race.outside / "deep/kept", canary);
  ::chmod((race.outside / "deep").c_str(), 0500);
  const auto before = all_of(race.outside);
  for (int i = 0; i < rounds; ++i) {
    write_file(race.inside / "a/deep/file", "ours");
    ::chmod((race.inside / "a/deep").c_str(), 0);
    require_ok(remove_tree(race.link));
    fs::create_symlink(race.outside, race.link);
    {
      const Swapper swapper(race.inside / "a", race.link);
      (void)remove_tree(race.inside);
    }
    require_ok(remove_tree(race.inside));
    require_ok(remove_tree(race.link));
  }
  CHECK(all_of(race.outside) == before);
}
