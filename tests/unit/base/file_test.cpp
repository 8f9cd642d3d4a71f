#include "dstack/base/file.hpp"

#include "dstack/base/abandoned_writes.hpp"
#include "dstack/base/fd.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;

TEST_CASE("relative paths have one normal form") {
  CHECK(normal_relative_path("./data") == "data");
  CHECK(normal_relative_path("data/") == "data");
  CHECK(normal_relative_path("a//b/./c") == "a/b/c");
  CHECK(normal_relative_path(".") == "");
  CHECK_FALSE(normal_relative_path("../x").has_value());
  CHECK_FALSE(normal_relative_path("a/../../x").has_value());
  CHECK_FALSE(normal_relative_path("/etc").has_value());
}

TEST_CASE("an atomic write leaves the new content and no temporary file") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path file = folder->path() / "record";
  REQUIRE(write_file_atomically(file, "one", Durable::yes));
  REQUIRE(write_file_atomically(file, "two", Durable::no));
  CHECK(*read_file(file) == "two");
  CHECK(std::distance(fs::directory_iterator(folder->path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a tree goes as a whole, read-only folders included, and a link's target stays") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path tree = folder->path() / "tree";
  const Path outside = folder->path() / "outside";
  REQUIRE(make_folders(tree / "a" / "b"));
  REQUIRE(make_folders(outside));
  REQUIRE(write_file_atomically(tree / "a" / "b" / "file", "x", Durable::no));
  REQUIRE(write_file_atomically(outside / "keep", "x", Durable::no));
  fs::create_symlink(outside, tree / "link");
  REQUIRE(::chmod((tree / "a" / "b").c_str(), 0500) == 0);
  REQUIRE(::chmod((tree / "a").c_str(), 0500) == 0);

  CHECK(remove_tree(tree));

  CHECK_FALSE(fs::exists(tree));
  CHECK(fs::exists(outside / "keep"));
}

TEST_CASE("a tree goes however deep it is, with few descriptors") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path tree = folder->path() / "tree";
  REQUIRE(make_folders(tree / ".removed-0" / "inner"));  // a name that the removal itself may want
  REQUIRE(write_file_atomically(tree / ".removed-1", "x", Durable::no));
  const auto root = open_file(tree.string(), O_RDONLY | O_DIRECTORY);
  REQUIRE(root);
  Fd at(::dup(root->get()));
  for (int level = 0; level < 1500; ++level) {
    REQUIRE(::mkdirat(at.get(), "folder", 0755) == 0);
    Fd next(::openat(at.get(), "folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(next);
    const Fd file(::openat(next.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(file);
    if (level % 100 == 99)
      REQUIRE(::fchmod(at.get(), 0500) == 0);
    at = std::move(next);
  }
  at.reset();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{200, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  const auto removed = remove_tree(tree);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  if (!removed)
    FAIL(render(removed.error()));
  CHECK_FALSE(fs::exists(tree));
}

TEST_CASE("an error about a file names it and the reason") {
  const auto text = read_file("/nonexistent/file");
  REQUIRE_FALSE(text);
  CHECK(text.error().message == "cannot open '/nonexistent/file': No such file or directory");
}

TEST_CASE("what a dead writer left beside a file is removed, and nothing of a living one") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  const Path left = folder.path() / "file.tmp-1-1";
  const Path being_written = folder.path() / "file.tmp-2-2";
  const Path other = folder.path() / "file.tmp";
  for (const Path& path : {left, being_written, other})
    REQUIRE(write_file_atomically(path, "x", Durable::no));
  const auto writer = open_file(being_written.string(), O_RDONLY);
  REQUIRE(writer);
  REQUIRE(lock_exclusive(writer->get(), Wait::no).value());
  remove_abandoned_writes(folder.path());
  CHECK_FALSE(fs::exists(left));
  CHECK(fs::exists(being_written));
  CHECK(fs::exists(other));
  remove_abandoned_writes(folder.path() / "absent");
}

TEST_CASE("what never ends or says too much is not read as a file") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path at = folder->path() / "source";
  const std::string target =
      GENERATE(as<std::string>(), "", "/dev/zero", "/proc/self/environ", "/proc/self/cmdline");
  INFO(target);
  if (target.empty())
    REQUIRE(::mkfifo(at.c_str(), 0600) == 0);
  else
    fs::create_symlink(target, at);
  const auto text = read_file(at);
  REQUIRE_FALSE(text);
  CHECK(text.error().code == ErrorCode::configuration);
  CHECK(text.error().message.find(at.string()) != std::string::npos);
  CHECK_FALSE(open_source(at));
}

TEST_CASE("a link to a file is read, and so is a file of the kernel's where it is asked for") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  REQUIRE(write_file_atomically(folder->path() / "file", "text", Durable::no));
  fs::create_symlink("file", folder->path() / "link");
  CHECK(read_file(folder->path() / "link").value_or("") == "text");
  CHECK_FALSE(read_kernel_file("/proc/self/cmdline").value_or("").empty());
}
