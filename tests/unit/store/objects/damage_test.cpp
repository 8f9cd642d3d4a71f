// Objects that are not what they were: never given out, and replaced by the next capture.
#include "dstack/base/fd.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/packs.hpp"
#include "unit/store/fixture.hpp"

#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

enum class Harm { flip, cut, empty, remove, swap };

constexpr std::array all_harms = {Harm::flip, Harm::cut, Harm::empty, Harm::remove, Harm::swap};

void flip_byte(const Path& file, std::size_t at) {
  const Fd open = value_of(open_file(file.string(), O_RDWR));
  char byte = 0;
  REQUIRE(::pread(open.get(), &byte, 1, static_cast<off_t>(at)) == 1);
  byte = static_cast<char>(byte ^ 1);
  REQUIRE(::pwrite(open.get(), &byte, 1, static_cast<off_t>(at)) == 1);
}

/// `other` is an object of the same size.
void harm(Harm how, const Path& object, const Path& other) {
  const auto size = fs::file_size(object);
  switch (how) {
    case Harm::flip:
      return flip_byte(object, size / 2);
    case Harm::cut:
      return fs::resize_file(object, size - 1);
    case Harm::empty:
      return fs::resize_file(object, 0);
    case Harm::remove:
      fs::remove(object);
      return;
    case Harm::swap:
      fs::rename(object, object.string() + "-");
      fs::rename(other, object);
      fs::rename(object.string() + "-", other);
  }
}

/// A folder of files in pairs of the same size, and its store.
struct Example {
  TemporaryFolder folder = make_test_folder();
  files::Home home{folder.path() / "home"};
  ObjectStore objects{home};
  Path source = folder.path() / "source";
  Path target = folder.path() / "target";
  std::vector<std::string> warnings;

  static std::string content(const std::string& name, std::size_t size) {
    std::string bytes(size, name.back());
    return bytes.replace(0, std::min(size, name.size()), name, 0, size);
  }

  void write(const std::string& name, std::size_t size) const {
    write_file(source / name, content(name, size));
  }

  job::TreeReference capture() {
    ObjectStore again(home);  // another process
    return value_of(again.capture_folder(source, warnings));
  }

  Path object(const std::string& name, std::size_t size, bool executable = false) const {
    return objects.blob_path(sha256(content(name, size)), executable);
  }

  /// Nothing but what was saved is there.
  void check_target(const std::string& damaged) const {
    CHECK_FALSE(fs::exists(target / damaged));
    for (fs::recursive_directory_iterator each(target), end; each != end; ++each)
      if (fs::is_regular_file(each->status()))
        CHECK(value_of(read_file(each->path())) ==
              value_of(read_file(source / each->path().lexically_relative(target))));
  }
};

}  // namespace

TEST_CASE("what is damaged is not laid out, and the next capture replaces it") {
  const std::size_t size = GENERATE(std::size_t{9}, std::size_t{70'000});
  const bool executable = GENERATE(false, true);
  const LayOut mode = GENERATE(LayOut::fresh, LayOut::merge, LayOut::where_free, LayOut::shared);
  for (const Harm how : all_harms) {
    CAPTURE(size, executable, static_cast<int>(mode), static_cast<int>(how));
    Example e;
    e.write("a", size);
    e.write("b", size);
    for (const char* name : {"a", "b"})
      fs::permissions(e.source / name, executable ? fs::perms(0755) : fs::perms(0644));
    const auto tree = e.capture();
    harm(how, e.object("a", size, executable), e.object("b", size, executable));

    const Error error = failure_of(e.objects.lay_out(tree, e.target, mode));

    CHECK(error.code == ErrorCode::damaged);
    CHECK_THAT(error.message, Catch::Contains("'a': ") || Catch::Contains("'b': "));
    CHECK_THAT(error.hint, Catch::Contains("doctor --store --repair"));
    if (how != Harm::swap)
      e.check_target("a");
    // Of two that were swapped only one was found, the other shows the next time.
    for (int i = 0; i < 2 && !e.objects.lay_out(tree, e.folder.path() / "again", mode); ++i)
      CHECK(e.capture() == tree);
    require_ok(remove_tree(e.target));
    require_ok(e.objects.lay_out(tree, e.target, mode));
    CHECK(value_of(read_file(e.target / "a")) == Example::content("a", size));
    CHECK(value_of(read_file(e.target / "b")) == Example::content("b", size));
  }
}

TEST_CASE("one that is copied and hashed by two threads is proven as well") {
  constexpr std::size_t size = 9'000'000;
  Example e;
  e.write("a", size);
  const auto tree = e.capture();
  require_ok(e.objects.lay_out(tree, e.target, LayOut::fresh));
  e.check_target("none");
  flip_byte(e.object("a", size), size - 1);
  require_ok(remove_tree(e.target));
  CHECK(failure_of(e.objects.lay_out(tree, e.target, LayOut::fresh)).code == ErrorCode::damaged);
  e.check_target("a");
}

TEST_CASE("damage in a pack is not given out, and the next capture replaces it") {
  Example e;
  for (int i = 0; i < 700; ++i)
    e.write(std::to_string(1000 + i), 40);
  const auto tree = e.capture();
  const Path packs = e.home.root / "packs";
  const Path pack = fs::directory_iterator(packs)->path();
  const std::string bytes = value_of(read_file(pack));
  const std::string wanted = Example::content("1234", 40);
  const std::size_t at = bytes.find(wanted);
  REQUIRE(at != std::string::npos);
  flip_byte(pack, at + 3);

  const Error error = failure_of(e.objects.lay_out(tree, e.target, LayOut::fresh));
  CHECK(error.code == ErrorCode::damaged);
  CHECK_THAT(error.message, Catch::Contains("'1234': ") && Catch::Contains("damaged pack"));
  e.check_target("1234");
  CHECK(failure_of(e.objects.read_blob(sha256(wanted))).code == ErrorCode::damaged);

  CHECK(e.capture() == tree);
  CHECK(fs::exists(e.object("1234", 40)));
  require_ok(remove_tree(e.target));
  require_ok(ObjectStore(e.home).lay_out(tree, e.target, LayOut::fresh));
  e.check_target("none");
}

TEST_CASE("an index of packs that leads elsewhere is dropped, and nothing is lost") {
  Example e;
  for (int pack = 0; pack < 10; ++pack) {
    require_ok(remove_tree(e.source));
    for (int i = 0; i < 700; ++i)
      e.write(std::to_string(pack * 1000 + i), 30);
    e.capture();
  }
  const Path index = e.home.root / "packs/index";
  std::string bytes = value_of(read_file(index));
  const Digest wanted = sha256(Example::content("9100", 30));
  const std::string digest(reinterpret_cast<const char*>(wanted.bytes.data()), wanted.bytes.size());
  const std::size_t at = bytes.find(digest);
  if (at == std::string::npos)
    SKIP("the last pack is outside the index");
  bytes[at + digest.size()] = static_cast<char>(bytes[at + digest.size()] ^ 8);  // its place
  write_file(index, bytes);

  CHECK(value_of(ObjectStore(e.home).read_blob(wanted)) == Example::content("9100", 30));
  CHECK_FALSE(fs::exists(e.home.root / "damaged"));
}

TEST_CASE("trees and lists of times that are damaged are replaced by the next capture") {
  const char* ending = GENERATE("", ".t");
  const Harm how = GENERATE(Harm::flip, Harm::cut, Harm::empty, Harm::remove);
  Example e;
  e.write("a", 9);
  const auto tree = e.capture();
  const std::string hex = (*ending == '\0' ? tree.tree : tree.times).render();
  harm(how, e.home.root / "trees" / hex.substr(0, 2) / (hex.substr(2) + ending), {});

  CHECK(failure_of(e.objects.lay_out(tree, e.target, LayOut::fresh)).code == ErrorCode::damaged);
  CHECK_FALSE(e.objects.has_tree(tree));
  CHECK(e.capture() == tree);
  require_ok(e.objects.lay_out(tree, e.target, LayOut::fresh));
}

TEST_CASE("an object that was replaced since it was read is not moved aside") {
  Example e;
  e.write("a", 9);
  const auto tree = e.capture();
  const Path object = e.object("a", 9);
  const Fd open = value_of(e.objects.open_blob(value_of(e.objects.list(tree)).front()));
  fs::rename(object, object.string() + "-");
  CHECK(e.capture() == tree);
  require_ok(e.objects.prove(value_of(e.objects.list(tree)).front()));
  CHECK(fs::exists(object));
}

TEST_CASE("the stamp of damage changes with each finding and with nothing else") {
  Example e;
  e.write("a", 9);
  e.write("b", 9);
  const auto tree = e.capture();
  require_ok(e.objects.lay_out(tree, e.target, LayOut::fresh));
  CHECK(e.objects.damage_stamp() == 0);
  flip_byte(e.object("a", 9), 0);
  CHECK_FALSE(e.objects.read_blob(sha256(Example::content("a", 9))));
  const auto first = e.objects.damage_stamp();
  CHECK(first != 0);
  e.capture();
  CHECK(e.objects.damage_stamp() == first);
}
