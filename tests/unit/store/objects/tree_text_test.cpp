#include "dstack/store/objects/tree_text.hpp"

#include "dstack/files/entry.hpp"
#include "unit/store/fixture.hpp"

using namespace dstack;
using namespace dstack::store;

namespace {

Tree some_tree() {
  Tree tree;
  tree.entries = {{files::EntryType::file, sha256("a"), 0, "a"},
                  {files::EntryType::folder, sha256("b"), 12, "a b"},
                  {files::EntryType::link, sha256("c"), 3, "new\nline"},
                  {files::EntryType::executable, sha256("d"), 18446744073709551615U, "\xff\x01"}};
  return tree;
}

}  // namespace

TEST_CASE("a tree is read back from its text") {
  CHECK(value_of(parse_tree(render_tree(some_tree()))) == some_tree());
  CHECK(value_of(parse_tree(render_tree({}))) == Tree{});
}

TEST_CASE("a tree's text is as its grammar says") {
  Tree tree;
  tree.entries = {{files::EntryType::executable, sha256(""), 7, "run me"}};

  const std::string expected =
      std::string("dstack-tree 1\nx ") + sha256("").render() + " 7 run me" + '\0';
  CHECK(render_tree(tree) == expected);
}

TEST_CASE("times are read back from their text") {
  const std::vector<Attributes> times{
      {0}, {1}, {-1}, {1700000000123456789}, {INT64_MIN}, {INT64_MAX}};

  CHECK(value_of(parse_times(render_times(times))) == times);
  CHECK(render_times({{7}}) == "dstack-times 1\n7\n");  // as every version reads it
  CHECK(value_of(parse_times(render_times({}))).empty());
}

TEST_CASE("what is closed is beside the times, in octal") {
  const std::vector<Attributes> entries{{7}, {-8, 0044}, {9, 0755}};

  CHECK(render_times(entries) == "dstack-times 2\n7\n-8 44\n9 755\n");
  CHECK(value_of(parse_times(render_times(entries))) == entries);
}

TEST_CASE("damaged texts are refused") {
  const auto is_damage = [](const auto& parsed) {
    return failure_of(parsed).message.starts_with("the store holds a damaged ");
  };
  const std::string good = render_tree(some_tree());
  for (std::size_t size = 0; size < good.size(); ++size) {
    // Cut between two entries it is another tree; its digest shows that.
    if (size >= 14 && (size == 14 || good[size - 1] == '\0'))
      continue;
    CHECK(is_damage(parse_tree(good.substr(0, size))));
  }
  const auto entry = [](const std::string& name, const std::string& size = "1") {
    return "f " + sha256("").render() + " " + size + " " + name + '\0';
  };
  const std::string header = "dstack-tree 1\n";
  CHECK(parse_tree(header + entry("a") + entry("b")));
  CHECK(is_damage(parse_tree(header + entry("b") + entry("a"))));
  CHECK(is_damage(parse_tree(header + entry("a") + entry("a"))));
  for (const std::string name : {"", ".", "..", "a/b", "/"})
    CHECK(is_damage(parse_tree(header + entry(name))));
  for (const std::string size : {"", "01", "-1", "+1", "x", "18446744073709551616"})
    CHECK(is_damage(parse_tree(header + entry("a", size))));
  CHECK(is_damage(parse_tree("dstack-tree 2\n")));
  CHECK(is_damage(parse_times("dstack-times 1\n1")));
  CHECK(is_damage(parse_times("dstack-times 1\n01\n")));
  CHECK(is_damage(parse_times("dstack-times 1\n\n")));
  CHECK(is_damage(parse_times("dstack-times 1\n1 44\n")));  // of the second version alone
  CHECK(is_damage(parse_times("dstack-times 2\n1\n")));     // of the first
  for (const std::string closed : {"0", "044", "8", "22", "1044", "-1", "", "44 "})
    CHECK(is_damage(parse_times("dstack-times 2\n1 " + closed + "\n")));
}

TEST_CASE("objects have a place for each kind") {
  const std::string hex = sha256("x").render();

  CHECK(object_name(Kind::blob, sha256("x")) ==
        "objects/" + hex.substr(0, 2) + "/" + hex.substr(2));
  CHECK(object_name(Kind::executable, sha256("x")) ==
        "objects/" + hex.substr(0, 2) + "/" + hex.substr(2) + ".x");
  CHECK(object_name(Kind::tree, sha256("x")) == "trees/" + hex.substr(0, 2) + "/" + hex.substr(2));
  CHECK(object_name(Kind::times, sha256("x")) ==
        "trees/" + hex.substr(0, 2) + "/" + hex.substr(2) + ".t");
}
