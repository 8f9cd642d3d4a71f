// Reading a whole store: each object that is damaged or missing is found, and who needs it.
#include "dstack/store/check/check.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "unit/store/fixture.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

void flip_byte(const Path& file, std::size_t at) {
  const Fd open = value_of(open_file(file.string(), O_RDWR));
  char byte = 0;
  REQUIRE(::pread(open.get(), &byte, 1, static_cast<off_t>(at)) == 1);
  byte = static_cast<char>(byte ^ 1);
  REQUIRE(::pwrite(open.get(), &byte, 1, static_cast<off_t>(at)) == 1);
}

struct Example {
  TemporaryFolder folder = make_test_folder();
  files::Home home{folder.path() / "home"};
  ObjectStore objects{home};
  Path source = folder.path() / "source";
  std::vector<std::string> warnings;
  std::vector<Root> roots;

  static std::string content(int number) { return "content " + std::to_string(1000 + number); }

  void write(int first, int last) const {
    for (int i = first; i < last; ++i)
      write_file(source / std::to_string(i % 5) / std::to_string(i), content(i));
  }

  void capture(const std::string& run) {
    const auto tree = value_of(objects.capture_folder(source, warnings));
    roots.push_back({run, "artifact 'out' of workflow 'train'", {"best"}, tree});
  }

  Checked check(Repair repair = Repair::no, const std::vector<ObjectStore>& others = {}) {
    ObjectStore fresh(home);
    return value_of(check_store(fresh, roots, others, repair));
  }

  Path object(int number, bool executable = false) const {
    return objects.blob_path(sha256(content(number)), executable);
  }
};

}  // namespace

TEST_CASE("a store in which everything is as it was saved has no findings") {
  Example e;
  e.write(0, GENERATE(20, 700));  // as files, and in a pack
  e.capture("quiet-otter-1");
  const Checked checked = e.check();
  CHECK(checked.is_whole());
  CHECK(checked.findings.empty());
  CHECK(checked.objects > 20);
  CHECK_FALSE(fs::exists(e.home.root / "damaged"));
}

TEST_CASE(
    "each of 100 damaged objects is found, with the files that need it, and nothing is "
    "touched") {
  Example e;
  e.write(0, 100);
  e.capture("quiet-otter-1");
  e.capture("quiet-otter-2");
  for (int i = 0; i < 100; ++i)
    switch (i % 4) {
      case 0:
        flip_byte(e.object(i), 3);
        break;
      case 1:
        fs::resize_file(e.object(i), 4);
        break;
      case 2:
        fs::resize_file(e.object(i), 0);
        break;
      default:
        fs::remove(e.object(i));
    }
  const Checked checked = e.check();
  CHECK(checked.findings.size() == 100);
  for (const Finding& finding : checked.findings) {
    CHECK(finding.all_uses == 2);
    REQUIRE(finding.uses.size() == 2);
    CHECK(e.objects.blob_path(sha256(Example::content(std::stoi(finding.uses[0].path.substr(
                                  finding.uses[0].path.find('/') + 1)))),
                              false) == finding.object);
    CHECK_FALSE(finding.is_healed);
  }
  CHECK_FALSE(fs::exists(e.home.root / "damaged"));
  CHECK(e.check().findings.size() == 100);
}

TEST_CASE("a repair moves aside what it cannot make again, and the next capture stores it") {
  Example e;
  e.write(0, 4);
  e.capture("quiet-otter-1");
  flip_byte(e.object(2), 3);
  CHECK_FALSE(e.check(Repair::yes).is_whole());
  CHECK_FALSE(fs::exists(e.object(2)));
  const Checked again = e.check(Repair::yes);
  REQUIRE(again.findings.size() == 1);
  CHECK(again.findings[0].problem == "is missing");
  e.capture("quiet-otter-2");
  CHECK(e.check().findings.empty());
}

TEST_CASE("a repair makes a blob again from another copy of the same bytes") {
  Example e;
  e.write(0, 4);
  e.capture("quiet-otter-1");
  const int from = GENERATE(0, 1, 2);
  CAPTURE(from);
  std::vector<ObjectStore> others;
  TemporaryFolder other_home = make_test_folder();
  if (from == 0) {  // the executable twin
    fs::permissions(e.source / "2/2", fs::perms(0755));
    e.capture("quiet-otter-2");
    REQUIRE(fs::exists(e.object(2, true)));
  } else if (from == 1) {  // a pack that another process made at the same time
    fs::rename(e.home.root / "objects", e.home.root / "away");
    e.write(4, 700);
    e.capture("quiet-otter-2");
    require_ok(remove_tree(e.home.root / "objects"));
    fs::rename(e.home.root / "away", e.home.root / "objects");
  } else {
    others.emplace_back(files::Home{other_home.path() / "home"});
    value_of(others.front().capture_folder(e.source, e.warnings));
  }
  flip_byte(e.object(2), 3);

  const Checked checked = e.check(Repair::yes, others);

  REQUIRE(checked.findings.size() == 1);
  CHECK(checked.is_whole());
  CHECK(e.check().findings.empty());
  CHECK(value_of(ObjectStore(e.home).read_blob(sha256(Example::content(2)))) ==
        Example::content(2));
}

TEST_CASE("what is damaged and not needed goes with a repair") {
  Example e;
  e.write(0, 4);
  e.capture("quiet-otter-1");
  e.roots.clear();
  flip_byte(e.object(1), 3);
  CHECK_FALSE(e.check().is_whole());
  CHECK(e.check(Repair::yes).is_whole());
  CHECK_FALSE(fs::exists(e.object(1)));
  CHECK(e.check().findings.empty());
}

TEST_CASE("a tree, a list of times and an entry of a pack that are damaged are found") {
  Example e;
  e.write(0, GENERATE(4, 700));
  e.capture("quiet-otter-1");
  const bool is_packed = fs::exists(e.home.root / "packs") && !fs::is_empty(e.home.root / "packs");
  if (is_packed) {
    const Path pack = fs::directory_iterator(e.home.root / "packs")->path();
    flip_byte(pack, value_of(read_file(pack)).find(Example::content(33)) + 4);
  } else {
    const std::string hex = e.roots[0].tree.tree.render();
    flip_byte(e.home.root / "trees" / hex.substr(0, 2) / hex.substr(2), 20);
  }
  const std::string times = e.roots[0].tree.times.render();
  flip_byte(e.home.root / "trees" / times.substr(0, 2) / (times.substr(2) + ".t"), 20);
  const Checked checked = e.check();
  REQUIRE(checked.findings.size() == 2);
  for (const Finding& finding : checked.findings)
    CHECK(finding.all_uses == 1);
  CHECK_FALSE(e.check(Repair::yes).is_whole());
  e.capture("quiet-otter-2");
  CHECK(e.check().findings.empty());
}

TEST_CASE("a pack that is cut off is found, and what it had is stored anew") {
  Example e;
  e.write(0, 700);
  e.capture("quiet-otter-1");
  const Path pack = fs::directory_iterator(e.home.root / "packs")->path();
  fs::resize_file(pack, fs::file_size(pack) / 2);
  const Checked checked = e.check();
  CHECK(checked.findings.size() > 1);
  CHECK(checked.findings.front().object == pack);
  e.check(Repair::yes);
  CHECK_FALSE(fs::exists(pack));
  e.capture("quiet-otter-2");
  CHECK(e.check().findings.empty());
}
