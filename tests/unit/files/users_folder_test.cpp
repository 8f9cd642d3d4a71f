#include "dstack/files/users_folder.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"

#include <cerrno>
#include <fstream>

using namespace dstack;
using dstack::test::failure_of;
using dstack::test::value_of;

namespace {

struct Folder {
  TemporaryFolder temporary = value_of(TemporaryFolder::make(fs::temp_directory_path()));
  Path root = temporary.path() / "project";
  Path elsewhere = temporary.path() / "elsewhere";

  Folder() {
    fs::create_directories(root / "there");
    fs::create_directories(elsewhere);
    fs::create_symlink(elsewhere, root / "out");
    fs::create_symlink("there", root / "inside");
    std::ofstream((root / "file").string()) << "text";
  }
};

}  // namespace

TEST_CASE(
    "folders are made beneath the user's, and a link or a file in their place is a conflict") {
  const Folder folder;
  const auto users = value_of(files::UsersFolder::open(folder.root));
  REQUIRE(users.make_folders("there/a/b"));
  CHECK(fs::is_directory(folder.root / "there/a/b"));
  REQUIRE(users.make_folders(""));
  for (const char* path : {"out", "out/a", "inside/a", "file", "file/a"}) {
    INFO(path);
    const Error error = failure_of(users.make_folders(path));
    CHECK(error.code == ErrorCode::conflict);
    CHECK_FALSE(users.open_parent(std::string(path) + "/x"));
    CHECK(failure_of(users.make_parent(std::string(path) + "/x")).code == ErrorCode::conflict);
  }
  CHECK(fs::is_empty(folder.elsewhere));
  CHECK_FALSE(fs::exists(folder.root / "there/a/a"));
  CHECK(users.obstacle("out/a/b") == "out");
  CHECK(users.obstacle("there/a/b") == std::nullopt);
}

TEST_CASE("the user's folder may be a link itself") {
  const Folder folder;
  const auto users = value_of(files::UsersFolder::open(folder.root / "out"));
  REQUIRE(users.make_folders("a"));
  CHECK(fs::is_directory(folder.elsewhere / "a"));
}

TEST_CASE("nothing is opened or made where Git finds a repository") {
  const Folder folder;
  fs::create_directories(folder.root / ".git/hooks");
  const auto users = value_of(files::UsersFolder::open(folder.root));
  for (const char* path : {".git", ".git/hooks/x", "there/.GIT", "there/git~1/hooks"}) {
    INFO(path);
    CHECK(failure_of(users.make_folders(path)).code == ErrorCode::configuration);
    errno = 0;
    CHECK_FALSE(users.open_parent(path));
    CHECK(errno == EPERM);
    CHECK(failure_of(users.make_parent(path)).code == ErrorCode::configuration);
  }
  CHECK_FALSE(fs::exists(folder.root / "there/.GIT"));
}
