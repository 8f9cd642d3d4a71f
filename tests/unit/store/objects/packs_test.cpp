// Many small files that are saved together: they are in one file of the store, and come out as they
// went in.
#include "dstack/store/objects/packs.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "unit/store/fixture.hpp"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

class Box {
 private:
  TemporaryFolder folder_ = make_test_folder();

 public:
  files::Home home{folder_.path() / "home"};
  ObjectStore objects{home};

  Path source() const { return folder_.path() / "source"; }

  Path target() const { return folder_.path() / "target"; }

  static std::string content(std::size_t number) { return "content " + std::to_string(number); }

  void write(std::size_t first, std::size_t last) const {
    for (std::size_t i = first; i < last; ++i)
      write_file(source() / std::to_string(i % 7) / std::to_string(i), content(i));
  }

  job::TreeReference capture() {
    std::vector<std::string> warnings;
    const auto tree = value_of(objects.capture_folder(source(), warnings));
    CHECK(warnings.empty());
    return tree;
  }

  /// Another process.
  ObjectStore other() const { return ObjectStore(home); }

  /// All files of the store by kind: names of the packs, number of loose objects.
  std::set<std::string> packs() const {
    std::set<std::string> names;
    boost::system::error_code error;
    for (fs::directory_iterator each(home.root / "packs", error), end; each != end; ++each)
      if (Digest::parse(each->path().filename().string()))
        names.insert(each->path().filename().string());
    return names;
  }

  std::size_t loose() const {
    std::size_t count = 0;
    boost::system::error_code error;
    for (fs::recursive_directory_iterator each(home.root / "objects", error), end; each != end;
         ++each)
      count += fs::is_regular_file(each->status()) ? 1U : 0U;
    return count;
  }

  Path only_pack() const {
    const auto names = packs();
    REQUIRE(names.size() == 1);
    return home.root / "packs" / *names.begin();
  }
};

std::vector<std::pair<std::string, std::string>> contents_of(const Path& folder) {
  std::vector<std::pair<std::string, std::string>> contents;
  for (fs::recursive_directory_iterator each(folder), end; each != end; ++each)
    if (fs::is_regular_file(each->symlink_status()))
      contents.emplace_back(fs::relative(each->path(), folder).string(),
                            value_of(read_file(each->path())));
  std::sort(contents.begin(), contents.end());
  return contents;
}

void check_laid_out(const ObjectStore& objects,
                    const job::TreeReference& tree,
                    const Path& source,
                    const Path& target) {
  require_ok(remove_tree(target));
  require_ok(objects.lay_out(tree, target, LayOut::fresh));
  CHECK(contents_of(target) == contents_of(source));
}

}  // namespace

TEST_CASE("many small files become one pack, and come out as they were") {
  Box box;
  box.write(0, fewest_packed);
  write_file(box.source() / "empty", "");
  write_file(box.source() / "again", Box::content(3));
  write_file(box.source() / "program", "#!/bin/sh\n");
  write_file(box.source() / "plain", "#!/bin/sh\n");
  REQUIRE(::chmod((box.source() / "program").c_str(), 0755) == 0);
  write_file(box.source() / "largest", std::string(largest_packed, 'l'));
  write_file(box.source() / "larger", std::string(largest_packed + 1, 'L'));
  REQUIRE(::symlink("program", (box.source() / "link").c_str()) == 0);

  const auto tree = box.capture();
  CHECK(box.packs().size() == 1);
  CHECK(box.loose() == 1);  // the larger one

  check_laid_out(box.objects, tree, box.source(), box.target());
  check_laid_out(box.other(), tree, box.source(), box.target());

  struct stat status {};

  REQUIRE(::stat((box.target() / "program").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
  CHECK(fs::read_symlink(box.target() / "link") == "program");
  CHECK(value_of(box.other().read_blob(sha256(Box::content(3)))) == Box::content(3));
  // Over what is there: equal files are known to be equal.
  std::vector<std::string> replaced;
  write_file(box.target() / "0/0", "other");
  require_ok(box.objects.lay_out(tree, box.target(), LayOut::merge, &replaced));
  CHECK(replaced == std::vector<std::string>{"0/0"});
}

TEST_CASE("a blob of a pack is read from its first byte on") {
  Box box;
  box.write(0, fewest_packed);
  for (const TreeFile& file : value_of(box.objects.list(box.capture()))) {
    const Fd open = value_of(box.objects.open_blob(file));
    std::string bytes(static_cast<std::size_t>(file.size), '\0');
    CHECK(value_of(read_some(open.get(), bytes.data(), bytes.size())) == bytes.size());
    CHECK(sha256(bytes) == file.digest);
  }
}

TEST_CASE("few new files make no pack, whether or not many are known") {
  Box box;
  box.write(0, fewest_packed - 1);
  box.capture();
  CHECK(box.packs().empty());
  CHECK(box.loose() == fewest_packed - 1);

  box.write(fewest_packed - 1, fewest_packed + 10);
  REQUIRE(::chmod((box.source() / "0/518").c_str(), 0755) == 0);
  // In both forms.
  write_file(box.source() / "both/plain", "both");
  write_file(box.source() / "both/program", "both");
  REQUIRE(::chmod((box.source() / "both/program").c_str(), 0755) == 0);
  const auto tree = box.capture();
  CHECK(box.packs().empty());
  CHECK(box.loose() == fewest_packed + 12);
  CHECK(has_no_drafts(box.home));
  check_laid_out(box.objects, tree, box.source(), box.target());
}

TEST_CASE("trees of many folders are in the pack, too") {
  Box box;
  for (std::size_t i = 0; i < fewest_packed; ++i)
    write_file(box.source() / std::to_string(i) / "file", Box::content(i));
  const auto tree = box.capture();
  CHECK(box.packs().size() == 1);
  std::size_t trees = 0;
  for (fs::recursive_directory_iterator each(box.home.root / "trees"), end; each != end; ++each)
    trees += fs::is_regular_file(each->status()) ? 1U : 0U;
  CHECK(trees == 1);  // the list of times
  CHECK(box.other().has_tree(tree));
  check_laid_out(box.other(), tree, box.source(), box.target());
  CHECK(box.capture() == tree);
  CHECK(box.packs().size() == 1);
}

TEST_CASE("what a pack holds is not stored again") {
  Box box;
  box.write(0, fewest_packed);
  const auto first = box.capture();
  const auto packs = box.packs();
  CHECK(box.capture() == first);
  ObjectStore other = box.other();
  std::vector<std::string> warnings;
  CHECK(value_of(other.capture_folder(box.source(), warnings)) == first);
  CHECK(box.packs() == packs);
  CHECK(box.loose() == 0);

  write_file(box.source() / "new", "new");
  const auto second = box.capture();
  CHECK(box.packs() == packs);
  CHECK(box.loose() == 1);
  check_laid_out(box.objects, second, box.source(), box.target());
}

TEST_CASE("a store that was open before finds what another process has packed since") {
  Box box;
  const ObjectStore reader = box.other();
  CHECK_FALSE(reader.read_blob(sha256(Box::content(1))));
  box.write(0, fewest_packed);
  box.capture();
  CHECK(value_of(reader.read_blob(sha256(Box::content(1)))) == Box::content(1));
}

TEST_CASE("many packs have an index, without which all is found as well") {
  constexpr std::size_t packs = 10;
  Box box;
  std::vector<job::TreeReference> trees;
  for (std::size_t i = 0; i < packs; ++i) {
    require_ok(remove_tree(box.source()));
    box.write(i * fewest_packed, (i + 1) * fewest_packed);
    trees.push_back(box.capture());
  }
  CHECK(box.packs().size() == packs);
  const Path index = box.home.root / "packs/index";
  CHECK(fs::exists(index));
  SECTION("with it") {}
  SECTION("without it") {
    fs::remove(index);
  }
  SECTION("damaged") {
    write_file(index, "dstack-pack-index 1\n\x7f");
  }
  SECTION("cut off") {
    REQUIRE(::truncate(index.c_str(), static_cast<off_t>(fs::file_size(index) / 2)) == 0);
  }
  SECTION("of entries that lead nowhere") {
    std::string bytes = value_of(read_file(index));
    bytes.replace(bytes.size() - 8, 8, "\xff\xff\xff\xff\xff\xff\xff\xff");
    write_file(index, bytes);
    trees.clear();  // what that entry was is not known; the others are found
  }
  for (const job::TreeReference& tree : trees)
    for (const TreeFile& file : value_of(box.other().list(tree)))
      CHECK(sha256(value_of(box.other().read_blob(file.digest))) == file.digest);
}

TEST_CASE("an index that names a pack which has gone is not used") {
  constexpr std::size_t packs = 10;
  Box box;
  for (std::size_t i = 0; i < packs; ++i) {
    require_ok(remove_tree(box.source()));
    box.write(i * fewest_packed, (i + 1) * fewest_packed);
    box.capture();
  }
  fs::remove(box.home.root / "packs" / *box.packs().begin());
  std::size_t found = 0;
  for (std::size_t i = 0; i < packs; ++i)
    found += box.other().read_blob(sha256(Box::content(i * fewest_packed))) ? 1U : 0U;
  CHECK(found == packs - 1);
}

TEST_CASE("damage to a pack is named, never taken for content, and made good by the next capture") {
  Box box;
  box.write(0, fewest_packed);
  const auto tree = box.capture();
  const Path pack = box.only_pack();
  SECTION("cut off") {
    REQUIRE(::truncate(pack.c_str(), 100) == 0);
  }
  SECTION("empty, as after a power cut that nothing was synced before") {
    REQUIRE(::truncate(pack.c_str(), 0) == 0);
  }
  SECTION("of another version") {
    const Fd file(::open(pack.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(file.get(), "dstack-pack 2", 13, 0) == 13);
  }
  ObjectStore other = box.other();
  const Error error = failure_of(other.lay_out(tree, box.target(), LayOut::fresh));
  CHECK(error.message.find("the store lacks") != std::string::npos);
  std::vector<std::string> warnings;
  const auto again = value_of(other.capture_folder(box.source(), warnings));
  CHECK(again == tree);
  check_laid_out(box.other(), tree, box.source(), box.target());
}

TEST_CASE("content that was changed within a pack is not given out") {
  Box box;
  box.write(0, fewest_packed);
  box.capture();
  std::string bytes = value_of(read_file(box.only_pack()));
  const std::string one = Box::content(100);
  bytes[bytes.find(one)] = 'C';
  const Fd file(::open(box.only_pack().c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(write_all(file.get(), bytes));
  CHECK(failure_of(box.other().read_blob(sha256(one))).message.find("damaged pack") !=
        std::string::npos);
}
