// A project in a folder of its own, with a home beside it, and Git when it is installed.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/source/snapshot.hpp"
#include "support/blobs.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/variables.hpp"

#include <cstdlib>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

using test::failure_of;
using test::SetVariable;
using test::value_of;

inline TemporaryFolder make_test_folder() {
  const char* set = std::getenv("TMPDIR");
  return value_of(
      TemporaryFolder::make(set != nullptr && *set != '\0' ? set : "/tmp", "dstack-source-test-"));
}

inline bool has_git() {
  const std::string path = test::own_variable("PATH").value_or("/usr/bin:/bin");
  return process::find_program("git", path).has_value();
}

/// Lists the code and takes it into the store.
inline Result<Snapshot> take_snapshot(const Path& project,
                                      store::ObjectStore& objects,
                                      const SnapshotOptions& options) {
  DSTACK_TRY(Listing listing, Listing::make(project, objects.home(), options));
  return std::move(listing).capture(objects);
}

struct TestProject {
  TemporaryFolder folder = make_test_folder();
  Path root = folder.path() / "project";
  store::ObjectStore objects{files::Home{folder.path() / "home"}};
  SnapshotOptions options;
  // Nothing of the machine's configuration, and nobody's repository above the folder.
  SetVariable global{"GIT_CONFIG_GLOBAL", "/dev/null"};
  SetVariable system{"GIT_CONFIG_NOSYSTEM", "1"};
  SetVariable home{"HOME", folder.path().string()};

  TestProject() { fs::create_directories(root); }

  void write(const std::string& path, std::string_view text) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream((root / path).string(), std::ios::binary) << text;
  }

  std::string git_in(const Path& where, std::vector<std::string> arguments) const {
    process::Command command;
    command.argv = {"git",
                    "-c",
                    "user.name=Tester",
                    "-c",
                    "user.email=tester@example.com",
                    "-c",
                    "init.defaultBranch=main",
                    "-c",
                    "protocol.file.allow=always"};
    for (std::string& argument : arguments)
      command.argv.push_back(std::move(argument));
    command.working_dir = where.string();
    const auto output = value_of(process::run(command));
    INFO(output.err);
    REQUIRE(process::succeeded(output.status));
    return output.out;
  }

  std::string git(std::vector<std::string> arguments) const {
    return git_in(root, std::move(arguments));
  }

  void commit_all(const Path& where) const {
    git_in(where, {"add", "-A"});
    git_in(where, {"commit", "-q", "-m", "work"});
  }

  void commit_all() const { commit_all(root); }

  Snapshot take() { return value_of(take_snapshot(root, objects, options)); }

  /// What is really stored, as PATH=CONTENT.
  std::vector<std::string> contents(const Snapshot& snapshot) const {
    std::vector<std::string> lines;
    for (const store::TreeFile& file : value_of(objects.list(snapshot.tree)))
      lines.push_back(file.path + "=" + value_of(objects.read_blob(file.digest)));
    return lines;
  }
};

using Names = std::vector<std::string>;

}  // namespace dstack::source
