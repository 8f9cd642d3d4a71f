#include "dstack/trust/trusted_folders.hpp"

#include "support/results.hpp"
#include "support/variables.hpp"
#include "unit/trust/tree.hpp"

using namespace dstack;
using namespace dstack::trust;
using dstack::test::SetVariable;
using dstack::test::Tree;
using dstack::test::value_of;

namespace {

std::vector<std::string> paths(const std::vector<TrustedFolder>& folders) {
  std::vector<std::string> all;
  for (const TrustedFolder& each : folders)
    all.push_back(each.folder.string());
  return all;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("trusted folders are kept, each once, until they are removed") {
  const Tree tree;
  const Path file = tree.root() / "config" / "trusted-folders.json";
  TrustedFolders trusted = value_of(TrustedFolders::load(file));
  CHECK(trusted.folders().empty());

  CHECK(trusted.add("/b"));
  CHECK(trusted.add("/a"));
  CHECK_FALSE(trusted.add("/b"));
  REQUIRE(trusted.save());

  TrustedFolders again = value_of(TrustedFolders::load(file));
  CHECK(paths(again.folders()) == Paths{"/a", "/b"});
  CHECK(again.folders().front().since);
  CHECK(again.remove("/a"));
  CHECK_FALSE(again.remove("/a"));
  REQUIRE(again.save());
  CHECK(paths(value_of(TrustedFolders::load(file)).folders()) == Paths{"/b"});
}

TEST_CASE("a list of trusted folders is for its user alone") {
  const Tree tree;
  const Path file = tree.root() / "list";
  TrustedFolders trusted = value_of(TrustedFolders::load(file));
  trusted.add("/a");
  REQUIRE(trusted.save());

  struct stat status {};

  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  Tree::change_mode(file, 0666);
  const auto loaded = TrustedFolders::load(file);
  REQUIRE_FALSE(loaded);
  CHECK_THAT(loaded.error().message, Catch::Contains("others can write to"));
}

TEST_CASE("a damaged list of trusted folders is an error") {
  const Tree tree;
  for (const char* text : {"{\"half\": ", "[]", "{\"relative\": \"2026-01-01\"}", "{\"/a\": 1}"}) {
    REQUIRE(write_file_atomically(tree.root() / "list", text, Durable::no, 0600));
    CHECK_FALSE(TrustedFolders::load(tree.root() / "list"));
  }
}

TEST_CASE("DSTACK_TRUST names absolute paths, and anything else is passed over") {
  const SetVariable set("DSTACK_TRUST", "/usr/../usr/bin::here:/nowhere/../nowhere");

  const TrustVariable variable = trust_variable();

  CHECK(paths(variable.folders).front() == fs::canonical("/usr/bin").string());
  CHECK(variable.folders.size() == 2);
  CHECK(variable.passed_over == Paths{"here"});
}

TEST_CASE("what is below a trusted folder is trusted, and nothing beside it") {
  const Tree tree;
  REQUIRE(make_folders(tree.root() / "a" / "b"));
  REQUIRE(make_folders(tree.root() / "ab"));
  const SetVariable own("XDG_CONFIG_HOME", (tree.root() / "config").string());

  const SetVariable set("DSTACK_TRUST", (tree.root() / "a").string());
  CHECK(is_trusted(tree.root() / "a"));
  CHECK(is_trusted(tree.root() / "a" / "b"));
  CHECK_FALSE(is_trusted(tree.root() / "ab"));
  CHECK_FALSE(is_trusted(tree.root()));
  const SetVariable all("DSTACK_TRUST", "/");
  CHECK(is_trusted(tree.root()));
}

TEST_CASE("the list is in the folder of the user's settings") {
  const SetVariable other("XDG_CONFIG_HOME", "/own");
  CHECK(trusted_folders_file() == "/own/dstack/trusted-folders.json");
  const SetVariable relative("XDG_CONFIG_HOME", "own");
  const Tree tree;
  const SetVariable home("HOME", tree.root().string());
  CHECK(trusted_folders_file() == tree.root() / ".config/dstack/trusted-folders.json");
}

TEST_CASE("a HOME of another user's is not where the list is") {
  if (::geteuid() != 0)
    SKIP("only root can give files away");
  const Tree tree;
  REQUIRE(::chown(tree.root().c_str(), 65534, 65534) == 0);
  const SetVariable none("XDG_CONFIG_HOME", "");
  const SetVariable home("HOME", tree.root().string());

  CHECK(trusted_folders_file().string().find(tree.root().string()) == std::string::npos);
}
