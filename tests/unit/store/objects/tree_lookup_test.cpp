#include "dstack/store/objects/tree_lookup.hpp"

#include "unit/store/fixture.hpp"

using namespace dstack;
using namespace dstack::store;

TEST_CASE("files and links of several trees are found by their paths, folders are not") {
  const TestHome home;
  ObjectStore objects(home.home());
  std::vector<job::TreeReference> trees;
  std::vector<std::string> warnings;
  for (const char* name : {"first", "second"}) {
    const auto folder = make_test_folder();
    write_file(folder.path() / name / "below" / "file", name);
    write_file(folder.path() / "file", name);
    fs::create_symlink("file", folder.path() / name / "link");
    trees.push_back(value_of(objects.capture_folder(folder.path(), warnings)));
  }
  TreeLookup lookup(objects, trees);
  for (const char* path :
       {"file", "first/below/file", "first/link", "second/below/file", "second/link"}) {
    INFO(path);
    CHECK(value_of(lookup.has_file(path)));
  }
  for (const char* path : {"",
                           "first",
                           "first/below",
                           "first/below/",
                           "first/below/fil",
                           "first/below/file/more",
                           "first/link/below",
                           "third",
                           "first/second"}) {
    INFO(path);
    CHECK_FALSE(value_of(lookup.has_file(path)));
  }
}

TEST_CASE("only the folders on the way to a path are read") {
  const TestHome home;
  ObjectStore objects(home.home());
  const auto folder = make_test_folder();
  write_file(folder.path() / "a" / "file", "a");
  write_file(folder.path() / "b" / "file", "b");
  std::vector<std::string> warnings;
  const std::vector<job::TreeReference> trees = {
      value_of(objects.capture_folder(folder.path(), warnings))};
  const Tree root = value_of(objects.read_tree(trees[0].tree));
  const std::string digest = root.entries[1].digest.render();
  REQUIRE(fs::remove(home.home().root / "trees" / digest.substr(0, 2) / digest.substr(2)));
  TreeLookup lookup(objects, trees);
  CHECK(value_of(lookup.has_file("a/file")));
  CHECK_FALSE(lookup.has_file("b/file"));
}
