#include "dstack/python/content_record.hpp"

#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::python;

namespace {

/// A finished environment: files, a folder, links.
struct Environment {
  TemporaryFolder root = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-content-");
  Path folder = root.path() / "key";

  Environment() {
    REQUIRE(make_folders(folder / "lib"));
    write("lib/x.py", "x = 1\n");
    write("lib/y.py", "y = 1\n");
    REQUIRE(::symlink("x.py", (folder / "lib/link").c_str()) == 0);
    REQUIRE(record_content(folder));
    write("complete", "later than the record");
  }

  void write(const std::string& path, const std::string& text) const {
    REQUIRE(write_file_atomically(folder / path, text, Durable::no));
  }

  std::string change() const {
    auto found = find_change(folder);
    if (!found)
      FAIL(render(found.error()));
    return *found;
  }
};

}  // namespace

TEST_CASE("an environment that nobody touched is as it was made") {
  const Environment environment;
  CHECK(environment.change().empty());
  struct stat status;
  REQUIRE(::stat(content_record_of(environment.folder).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("what only looks changed is not") {
  const Environment environment;
  // Another environment links the same file, which changes the inode's time.
  const Path other = environment.root.path() / "other.py";
  REQUIRE(::link((environment.folder / "lib/x.py").c_str(), other.c_str()) == 0);
  // The same content under another inode.
  environment.write("lib/y.py", "y = 1\n");
  const std::string before = read_file(content_record_of(environment.folder)).value();
  CHECK(environment.change().empty());
  // It is read once, and known as it is now.
  const std::string after = read_file(content_record_of(environment.folder)).value();
  CHECK(after != before);
  CHECK(environment.change().empty());
  CHECK(read_file(content_record_of(environment.folder)).value() == after);
}

TEST_CASE("each change is found") {
  const Environment environment;
  SECTION("other content, with the size and the time of before") {
    const Path file = environment.folder / "lib/x.py";
    struct stat before;
    REQUIRE(::stat(file.c_str(), &before) == 0);
    environment.write("lib/x.py", "x = 2\n");
    const timespec times[2] = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
    CHECK(environment.change() == "'lib/x.py' was changed");
  }
  SECTION("a file is added") {
    environment.write("lib/sitecustomize.py", "");
    CHECK(environment.change() == "'lib/sitecustomize.py' was added");
  }
  SECTION("a file is removed") {
    REQUIRE(::unlink((environment.folder / "lib/y.py").c_str()) == 0);
    CHECK(environment.change() == "'lib/y.py' was removed");
  }
  SECTION("a link leads elsewhere") {
    REQUIRE(::unlink((environment.folder / "lib/link").c_str()) == 0);
    REQUIRE(::symlink("y.py", (environment.folder / "lib/link").c_str()) == 0);
    CHECK(environment.change() == "'lib/link' was changed");
  }
  SECTION("a file takes the place of a link") {
    REQUIRE(::unlink((environment.folder / "lib/link").c_str()) == 0);
    environment.write("lib/link", "x.py");
    CHECK(environment.change() == "'lib/link' was changed");
  }
}

TEST_CASE("an environment of an earlier version has no record, and is taken as it is") {
  const Environment environment;
  REQUIRE(::unlink(content_record_of(environment.folder).c_str()) == 0);
  environment.write("lib/x.py", "x = 3\n");
  CHECK(environment.change().empty());
}
