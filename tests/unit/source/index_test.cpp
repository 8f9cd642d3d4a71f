#include "dstack/source/index.hpp"

#include "dstack/files/entry.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

namespace {

Index some_index() {
  Index index;
  index.root = {12345, "c0ffee"};
  index.tree = {sha256("tree"), sha256("times"), 2, 30};
  index.files.push_back({"a\nb", {files::EntryType::link, 1, 2, -3, 4}, sha256("x")});
  index.files.push_back(
      {"c", {files::EntryType::executable, ~0ULL, 5, 6, INT64_MAX, 0055}, sha256("y")});
  index.closed_folders = {{"private", 0055}, {"private/read-only", 0222}};
  return index;
}

}  // namespace

TEST_CASE("an index is read back from its text") {
  const Index before = some_index();

  const auto after = parse_index(render_index(before));

  REQUIRE(after);
  CHECK(after->root == before.root);
  CHECK(after->tree == before.tree);
  CHECK(after->closed_folders == before.closed_folders);
  REQUIRE(after->files.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(after->files[i].path == before.files[i].path);
    CHECK(after->files[i].state == before.files[i].state);
    CHECK(after->files[i].digest == before.files[i].digest);
  }
  CHECK(parse_index(render_index({})));
}

TEST_CASE("a damaged index is none") {
  const std::string good = render_index(some_index());
  for (std::size_t i = 0; i < good.size(); ++i) {
    CHECK_FALSE(parse_index(good.substr(0, i)));
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    CHECK_FALSE(parse_index(flipped));
  }
  CHECK_FALSE(parse_index(good + "x"));
}

TEST_CASE("a state read within the tick of its last change proves nothing") {
  constexpr std::int64_t second = 1'000'000'000;
  const auto settled = [](std::int64_t modified, std::int64_t changed, std::int64_t now) {
    return is_settled({files::EntryType::file, 1, 1, modified, changed}, now);
  };

  CHECK(settled(10 * second + 1, 10 * second + 1, 11 * second));
  CHECK_FALSE(settled(10 * second + 1, 10 * second + 1, 10 * second + 2));
  CHECK_FALSE(settled(1, 10 * second + 1, 10 * second + 2));
  CHECK_FALSE(settled(20 * second + 1, 10 * second, 11 * second));  // a time in the future
  CHECK_FALSE(settled(10 * second, 10 * second, 11 * second));      // whole seconds are kept there
  CHECK(settled(10 * second, 10 * second, 13 * second));
}
