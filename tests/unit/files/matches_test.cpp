#include "dstack/files/matches.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"

#include <fstream>

using namespace dstack;
using dstack::test::failure_of;
using dstack::test::value_of;

namespace {

struct Folder {
  TemporaryFolder temporary = value_of(TemporaryFolder::make(fs::temp_directory_path()));
  Path root = temporary.path() / "workspace";

  Folder() { fs::create_directories(root); }

  void write(const std::string& path) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream((root / path).string()) << path;
  }

  /// As PATH, or PATH=INSIDE where the two differ.
  std::vector<std::string> find(const std::string& pattern) const {
    std::vector<std::string> found;
    for (const files::Match& match : value_of(files::find_matches(root, pattern)))
      found.push_back(match.path == match.inside ? match.path : match.path + "=" + match.inside);
    return found;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a pattern finds files and folders, and does not look into what it matches") {
  const Folder folder;
  for (const char* path : {"b.csv", "a.csv", "out/c.csv", "out/deep/d.csv", "run-1.csv/inner.csv"})
    folder.write(path);
  CHECK(folder.find("*.csv") == Names{"a.csv", "b.csv", "run-1.csv"});
  CHECK(folder.find("out/**/*.csv") == Names{"out/c.csv", "out/deep/d.csv"});
  CHECK(folder.find("out/*") == Names{"out/c.csv", "out/deep"});
  CHECK(folder.find("*.pt").empty());
  CHECK(folder.find("gone/*.pt").empty());
}

TEST_CASE("what is called like a pattern is found by its name alone") {
  const Folder folder;
  folder.write("a[1].csv");
  folder.write("a1.csv");
  CHECK(folder.find("a[1].csv") == Names{"a[1].csv"});
  CHECK(folder.find("a[12].csv") == Names{"a1.csv"});
}

TEST_CASE("a pattern goes through a link inside the folder, and not through one that leads out") {
  const Folder folder;
  folder.write("runs/5/a.pt");
  fs::create_symlink("runs/5", folder.root / "latest");
  fs::create_directories(folder.temporary.path() / "outside");
  fs::create_symlink("../outside", folder.root / "out");
  CHECK(folder.find("latest/*.pt") == Names{"latest/a.pt=runs/5/a.pt"});
  CHECK(folder.find("**/*.pt") == Names{"runs/5/a.pt"});  // no link is followed on the way
  CHECK(folder.find("lat*") == Names{"latest"});
  CHECK(failure_of(files::find_matches(folder.root, "out/*.pt")).code == ErrorCode::unavailable);
}

TEST_CASE("nothing of a repository of Git is a match, however it is reached") {
  const Folder folder;
  for (const char* path : {".git/hooks/pre-commit", "sub/.GIT/config", "sub/data"})
    folder.write(path);
  fs::create_symlink(".git", folder.root / "link");
  CHECK(folder.find(".git").empty());
  CHECK(folder.find(".git/hooks").empty());
  CHECK(folder.find("link").empty());
  CHECK(folder.find("link/hooks").empty());
  CHECK(folder.find("*/hooks").empty());
  CHECK(folder.find("**/config").empty());
  CHECK(folder.find(".g*/**").empty());
  CHECK(folder.find("sub/*") == Names{"sub/data"});
}
