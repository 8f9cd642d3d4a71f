// Holes of sparse files stay holes: in the store, and in what is laid out from it.
#include "dstack/base/fd.hpp"
#include "dstack/job/tree_reference.hpp"
#include "support/blobs.hpp"
#include "unit/store/fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

struct Sparse {
  TestHome home;
  TemporaryFolder folder = make_test_folder();
  Path source = folder.path() / "source";
  ObjectStore objects{home.home()};
  std::vector<std::string> warnings;

  Sparse() { fs::create_directories(source); }

  /// A file of this size in which only some bytes in the middle and at the end are written.
  void write(const std::string& name, std::uint64_t size, bool has_end) const {
    const Fd file = value_of(open_file((source / name).string(), O_WRONLY | O_CREAT));
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(size)) == 0);
    REQUIRE(::pwrite(file.get(), "middle", 6, static_cast<off_t>(size / 2)) == 6);
    if (has_end)
      REQUIRE(::pwrite(file.get(), "end", 3, static_cast<off_t>(size - 3)) == 3);
  }
};

std::uint64_t bytes_on_disk(const Path& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

}  // namespace

TEST_CASE("a sparse file takes as little in the store and where it is laid out") {
  const std::uint64_t size = GENERATE(mebibyte / 32, mebibyte, 3 * mebibyte, 40 * mebibyte + 5);
  const bool has_end = GENERATE(true, false);
  Sparse s;
  s.write("data.mdb", size, has_end);
  const std::uint64_t most = bytes_on_disk(s.source / "data.mdb") + 16 * 1024;
  if (bytes_on_disk(s.source / "data.mdb") >= size)
    SKIP("the file system of the temporary folder has no holes");

  const job::TreeReference tree = value_of(s.objects.capture_folder(s.source, s.warnings));
  const Path target = s.folder.path() / "target";
  require_ok(s.objects.lay_out(tree, target, LayOut::fresh));

  const std::string bytes = value_of(read_file(s.source / "data.mdb"));
  CHECK(bytes.size() == size);
  CHECK(bytes_on_disk(s.objects.blob_path(sha256(bytes), false)) <= most);
  CHECK(bytes_on_disk(target / "data.mdb") <= most);
  CHECK(value_of(read_file(target / "data.mdb")) == bytes);
  CHECK(has_blob(s.objects, sha256(bytes)));
}

TEST_CASE("a file that is nothing but a hole is one again") {
  Sparse s;
  const Fd file = value_of(open_file((s.source / "empty").string(), O_WRONLY | O_CREAT));
  REQUIRE(::ftruncate(file.get(), 9 * mebibyte) == 0);

  const job::TreeReference tree = value_of(s.objects.capture_folder(s.source, s.warnings));
  const Path target = s.folder.path() / "target";
  require_ok(s.objects.lay_out(tree, target, LayOut::fresh));

  CHECK(value_of(read_file(target / "empty")) == std::string(9 * mebibyte, '\0'));
  CHECK(bytes_on_disk(target / "empty") <= bytes_on_disk(s.source / "empty") + 16 * 1024);
}
