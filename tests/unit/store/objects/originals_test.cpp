// Large files of a folder that is about to be removed: they become the stored objects themselves,
// where that is safe.
#include "dstack/store/objects/originals.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/objects/packs.hpp"
#include "unit/store/fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

struct Artifact {
  TemporaryFolder folder = make_test_folder();
  ObjectStore objects{files::Home{folder.path() / "home"}};
  Path workspace = folder.path() / "workspace";
  Path file = workspace / "model/weights";
  std::string bytes = std::string(3'000'000, 'w');
  std::vector<std::string> warnings;

  Artifact() { write_file(file, bytes); }

  void capture(Originals originals) {
    value_of(objects.capture_at(workspace / "model", "model", warnings, originals));
  }

  static struct stat status_of(const Path& path) {
    struct stat status {};

    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
  }

  Path object() const { return objects.blob_path(sha256(bytes), false); }

  /// Whether the stored object is the very file of the workspace; its bytes are right in any case.
  bool is_taken() const {
    CHECK(value_of(objects.read_blob(sha256(bytes))) == bytes);
    return status_of(object()).st_ino == status_of(file).st_ino;
  }
};

bool grants_leases(const Path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file && ::fcntl(file.get(), F_SETLEASE, F_RDLCK) == 0;
}

}  // namespace

TEST_CASE("a large file of a folder that goes becomes the object, without a copy of it") {
  Artifact a;
  if (!grants_leases(a.file))
    SKIP("the file system of the temporary folder has no leases");
  ::chmod(a.file.c_str(), 0664);
  a.capture(Originals::go);
  CHECK(a.is_taken());
  CHECK(a.warnings.empty());
  CHECK((Artifact::status_of(a.object()).st_mode & 07777) == 0644);

  // What makes it safe: when the folder has gone, nobody else has the object.
  CHECK(fs::exists(a.file));
  fs::remove_all(a.workspace);
  CHECK(Artifact::status_of(a.object()).st_nlink == 1);
  CHECK(value_of(a.objects.read_blob(sha256(a.bytes))) == a.bytes);
}

TEST_CASE("a program keeps its x bit when it becomes the object") {
  Artifact a;
  ::chmod(a.file.c_str(), 0700);
  a.capture(Originals::go);
  CHECK((Artifact::status_of(a.objects.blob_path(sha256(a.bytes), true)).st_mode & 07777) == 0755);
}

TEST_CASE("a large file of a folder that stays is copied") {
  Artifact a;
  a.capture(Originals::stay);
  CHECK_FALSE(a.is_taken());
}

TEST_CASE("a file that somebody could still write to is copied, wherever it is") {
  Artifact a;
  SECTION("it has a second name") {
    fs::create_hard_link(a.file, a.folder.path() / "elsewhere");
    a.capture(Originals::go);
    CHECK_FALSE(a.is_taken());
  }
  SECTION("it is open for writing") {
    const Fd writer(::open(a.file.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(writer);
    a.capture(Originals::go);
    CHECK_FALSE(a.is_taken());
  }
  SECTION("it is another user's") {
    if (::geteuid() != 0)
      SKIP("only root can give a file away");
    REQUIRE(::chown(a.file.c_str(), 65534, 65534) == 0);
    a.capture(Originals::go);
    CHECK_FALSE(a.is_taken());
  }
}

TEST_CASE(
    "from the least size on that is no part of a pack, files are taken, smaller ones copied") {
  Artifact a;
  for (const std::size_t size : {std::size_t{largest_packed}, std::size_t{largest_packed + 1}}) {
    a.bytes = std::string(size, 's');
    write_file(a.file, a.bytes);
    if (!grants_leases(a.file))
      SKIP("the file system of the temporary folder has no leases");
    a.capture(Originals::go);
    CHECK(a.is_taken() == (size > largest_packed));
    fs::remove(a.file);
  }
}

TEST_CASE("files of a folder that stays after all are no objects any more") {
  Artifact a;
  if (!grants_leases(a.file))
    SKIP("the file system of the temporary folder has no leases");
  write_file(a.workspace / "model/small", "s");
  REQUIRE(::chmod(a.file.c_str(), 0755) == 0);
  a.capture(Originals::go);
  const Path object = a.objects.blob_path(sha256(a.bytes), true);
  const auto before = Artifact::status_of(a.file);
  REQUIRE(Artifact::status_of(object).st_ino == before.st_ino);

  require_ok(take_back_originals(a.objects.home(), a.workspace));
  const auto after = Artifact::status_of(a.file);
  CHECK(after.st_ino != before.st_ino);
  CHECK(after.st_mode == before.st_mode);
  CHECK(after.st_mtim.tv_sec == before.st_mtim.tv_sec);
  CHECK(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  CHECK(Artifact::status_of(object).st_nlink == 1);
  write_file(a.file, "changed");
  CHECK(value_of(a.objects.read_blob(sha256(a.bytes))) == a.bytes);
  CHECK(has_no_drafts(a.objects.home()));
}

TEST_CASE("what a first attempt has taken, a second one takes for the same") {
  Artifact a;
  a.capture(Originals::go);
  const auto first = Artifact::status_of(a.object());
  a.capture(Originals::go);
  CHECK(Artifact::status_of(a.object()).st_ino == first.st_ino);
  CHECK(a.warnings.empty());
  CHECK(has_no_drafts(a.objects.home()));
}
