#include "dstack/store/objects/tree_index.hpp"

#include "unit/store/fixture.hpp"

using namespace dstack;
using namespace dstack::store;

namespace {

std::string record_of(const Tree& tree) {
  const std::string text = render_tree(tree);
  return render_tree_record(sha256(text), text);
}

Tree tree_of(const std::string& name) {
  return {{{files::EntryType::file, sha256(name), 7, name},
           {files::EntryType::folder, sha256("folder " + name), 9, name + "-folder"},
           {files::EntryType::executable, sha256(name), 7, name + "-x"}}};
}

}  // namespace

TEST_CASE("a record says what a tree names, and files of both modes apart") {
  const Tree tree = tree_of("a");
  const std::string bytes = record_of(tree);
  const TreeRecord record(bytes.data());

  CHECK(record.digest() == sha256(render_tree(tree)));
  REQUIRE(record.trees() == 1);
  CHECK(record.tree(0) == sha256("folder a"));
  REQUIRE(record.blobs() == 2);
  CHECK(record.blob(0).name == short_name(sha256("a"), false));
  CHECK(record.blob(1).name == short_name(sha256("a"), true));
  CHECK(record.blob(0).name != record.blob(1).name);
  CHECK(record.blob(0).size == 7);
  CHECK(record.bytes() == bytes);
}

TEST_CASE("what follows a damaged record is not believed, what precedes it is") {
  const TestHome test;
  test.open();
  std::string all;
  for (int i = 0; i < 3000; ++i)
    all += record_of(tree_of(std::to_string(i)));
  const std::size_t size = all.size() / 3000;
  const auto digest = [](int number) {
    return sha256(render_tree(tree_of(std::to_string(number))));
  };
  append_to_tree_index(test.home(), all);
  TreeIndex whole = TreeIndex::load(test.home());
  CHECK(whole.find(digest(0)));
  CHECK(whole.find(digest(2999)));
  CHECK_FALSE(whole.find(digest(3000)));

  all[1500 * size + size / 2] ^= 1;
  require_ok(write_tree_index(test.home(), all));

  const TreeIndex damaged = TreeIndex::load(test.home());
  CHECK(damaged.find(digest(1000)));
  CHECK_FALSE(damaged.find(digest(1700)));
}
