// Permissions that were taken away stay away; all others are the usual ones, or the umask's.
#include "dstack/files/entry.hpp"
#include "dstack/job/tree_reference.hpp"
#include "unit/store/fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::store;

namespace {

mode_t mode_of(const Path& path) {
  struct stat status;
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}

  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

struct Closed {
  TestHome home;
  TemporaryFolder folder = make_test_folder();
  Path source = folder.path() / "source";
  Path target = folder.path() / "target";
  ObjectStore objects{home.home()};
  std::vector<std::string> warnings;

  void write(const std::string& path, mode_t mode) const {
    write_file(source / path, path);
    REQUIRE(::chmod((source / path).c_str(), mode) == 0);
  }

  void close(const std::string& path, mode_t mode) const {
    fs::create_directories(source / path);
    REQUIRE(::chmod((source / path).c_str(), mode) == 0);
  }

  job::TreeReference capture() { return value_of(objects.capture_folder(source, warnings)); }

  void lay_out(const job::TreeReference& tree, LayOut how, Place place = Place::of_job) const {
    require_ok(objects.lay_out(tree, target, how, nullptr, place));
  }
};

}  // namespace

TEST_CASE(
    "a file and a folder are never opened, whatever the umask, and what is in them is there") {
  Closed c;
  c.write("key", 0600);
  c.write("read-only", 0444);
  c.write("tool", 0700);
  c.write("group", 0664);
  c.write("private/inner", 0644);
  c.write("fixed/inner", 0640);
  c.close("private", 0700);
  c.close("fixed", 0500);
  const job::TreeReference tree = c.capture();
  const Umask mask(GENERATE(mode_t{0}, mode_t{0022}, mode_t{0077}));

  c.lay_out(tree, GENERATE(LayOut::fresh, LayOut::merge));

  CHECK(mode_of(c.target / "key") == 0600);
  CHECK(mode_of(c.target / "read-only") == 0444);
  CHECK(mode_of(c.target / "tool") == 0700);
  CHECK(mode_of(c.target / "group") == 0644);
  CHECK(mode_of(c.target / "private") == 0700);
  CHECK(mode_of(c.target / "private/inner") == 0644);
  CHECK(mode_of(c.target / "fixed") == 0500);
  CHECK(mode_of(c.target / "fixed/inner") == 0640);
  require_ok(remove_tree(c.target));
  require_ok(remove_tree(c.source));
}

TEST_CASE("what is written for the user has the modes of the umask, less what was closed") {
  Closed c;
  c.write("plain", 0644);
  c.write("tool", 0755);
  c.write("key", 0600);
  c.write("private/inner", 0644);
  c.close("private", 0700);
  const job::TreeReference tree = c.capture();
  const mode_t umask = GENERATE(mode_t{0002}, mode_t{0022}, mode_t{0077});
  const Umask mask(umask);

  c.lay_out(tree, LayOut::fresh, Place::of_user);

  CHECK(mode_of(c.target / "plain") == (0666U & ~umask));
  CHECK(mode_of(c.target / "tool") == (0777U & ~umask));
  CHECK(mode_of(c.target / "key") == 0600);
  CHECK(mode_of(c.target / "private") == 0700);
  CHECK(mode_of(c.target / "private/inner") == (0666U & ~umask));
}

TEST_CASE("a folder of two trees is as closed as both have it, and can be merged into") {
  Closed c;
  c.write("shared/one", 0644);
  c.close("shared", 0555);
  const job::TreeReference first = c.capture();
  REQUIRE(::chmod((c.source / "shared").c_str(), 0750) == 0);
  write_file(c.source / "shared/two", "2");
  const job::TreeReference second = c.capture();

  c.lay_out(first, LayOut::fresh);
  c.lay_out(second, LayOut::merge);

  CHECK(mode_of(c.target / "shared") == 0550);
  CHECK(value_of(read_file(c.target / "shared/two")) == "2");
  require_ok(remove_tree(c.target));
}

TEST_CASE("a folder of the user's own keeps its mode when inputs are laid out in it") {
  Closed c;
  c.write("shared/one", 0644);
  c.close("shared", 0700);
  const job::TreeReference tree = c.capture();
  fs::create_directories(c.target / "shared");
  REQUIRE(::chmod((c.target / "shared").c_str(), 0775) == 0);

  c.lay_out(tree, LayOut::where_free, Place::of_user);

  CHECK(mode_of(c.target / "shared") == 0775);
  CHECK(fs::exists(c.target / "shared/one"));
}

TEST_CASE("files that are captured by a list bring the modes of the folders above them") {
  Closed c;
  c.write("private/deep/file", 0644);
  c.close("private", 0700);
  std::vector<files::FoundFile> files{{.path = "private/deep/file"}};

  c.lay_out(value_of(c.objects.capture_files(c.source, files, Known::perhaps, c.warnings)),
            LayOut::fresh);

  CHECK(mode_of(c.target / "private") == 0700);
  CHECK(mode_of(c.target / "private/deep") == 0755);
}

TEST_CASE("a closed file of a folder that goes is copied, and stays closed where it is") {
  Closed c;
  write_file(c.source / "out/key", std::string(3'000'000, 'k'));
  REQUIRE(::chmod((c.source / "out/key").c_str(), 0600) == 0);

  value_of(c.objects.capture_at(c.source / "out", "out", c.warnings, Originals::go));

  struct stat status;
  REQUIRE(::lstat((c.source / "out/key").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(status.st_nlink == 1);
}
