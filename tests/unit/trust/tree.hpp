// A folder of the caller's, whoever runs the test, with folders and files in it.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/trust/ownership.hpp"
#include "support/catch.hpp"

#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace dstack::test {

struct Tree {
  TemporaryFolder folder =
      TemporaryFolder::make(fs::temp_directory_path(), "dstack-trust-").value();

  Path root() const { return fs::canonical(folder.path()); }

  Path file(const std::string& path, mode_t mode = 0644) const {
    REQUIRE(make_folders((root() / path).parent_path()));
    REQUIRE(write_file_atomically(root() / path, "", Durable::no, mode));
    return root() / path;
  }

  static void change_mode(const Path& path, mode_t mode) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
};

}  // namespace dstack::test
