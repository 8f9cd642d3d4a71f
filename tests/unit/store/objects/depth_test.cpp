// Trees as deep as a path can be, and deeper ones.
#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "unit/store/fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

constexpr std::size_t longest_path = 4095;

/// A thousand folders, each in the one before, then some with long names, and a file whose path
/// below `top` has just `length` bytes.
void make_deep(const Path& top, std::size_t length) {
  const std::string long_name(200, 'l');
  fs::create_directories(top);
  Fd at = value_of(open_file(top.string(), O_RDONLY | O_DIRECTORY));
  const auto enter_new = [&](const std::string& name) {
    REQUIRE(::mkdirat(at.get(), name.c_str(), 0755) == 0);
    at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(at);
    length -= name.size() + 1;
  };
  for (int level = 0; level < 1000; ++level)
    enter_new("d");
  while (length > 250)
    enter_new(long_name);
  const std::string name(length, 'f');
  const Fd file(::openat(at.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(file);
  require_ok(write_all(file.get(), "deep"));
}

bool holds_an_object(const files::Home& home) {
  boost::system::error_code none;
  const Path trees = home.root / "trees";
  return fs::exists(trees) && !fs::is_empty(trees, none);
}

}  // namespace

TEST_CASE("an artifact as deep as a path can be is stored, laid out and removed") {
  const TestHome home;
  ObjectStore objects(home.home());
  const TemporaryFolder folder = make_test_folder();
  make_deep(folder.path() / "out", longest_path - std::string("out/").size());
  std::vector<std::string> warnings;

  const auto tree = value_of(objects.capture_at(folder.path() / "out", "out", warnings));
  const auto files = value_of(objects.list(tree));
  REQUIRE(files.size() == 1);
  CHECK(files[0].path.size() == longest_path);

  require_ok(objects.lay_out(tree, folder.path() / "again", LayOut::fresh));
  const auto again = value_of(objects.capture_at(folder.path() / "again/out", "out", warnings));
  CHECK(again.tree == tree.tree);
  require_ok(remove_tree(folder.path() / "again"));
  CHECK_FALSE(fs::exists(folder.path() / "again"));
}

TEST_CASE("an artifact that goes deeper is refused, and nothing of it is stored") {
  const TestHome home;
  ObjectStore objects(home.home());
  const TemporaryFolder folder = make_test_folder();
  // Too deep in itself; and only by the name that stands before it where it is laid out.
  const std::size_t length = GENERATE(2 * longest_path, longest_path - 3);
  make_deep(folder.path() / "out", length);
  std::vector<std::string> warnings;

  const auto tree = objects.capture_at(folder.path() / "out", "out", warnings);

  REQUIRE_FALSE(tree);
  CHECK(tree.error().code == ErrorCode::unavailable);
  CHECK(tree.error().message.find("is nested too deeply") != std::string::npos);
  CHECK(tree.error().message.size() < 200);
  CHECK(tree.error().hint.find("tar") != std::string::npos);
  CHECK_FALSE(holds_an_object(home.home()));
}
