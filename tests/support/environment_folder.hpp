// A folder for one test, with the few calls that fill it.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/python/python.hpp"
#include "support/catch.hpp"
#include "support/variables.hpp"

#include <map>
#include <string>
#include <string_view>

struct EnvironmentFolder {
  dstack::TemporaryFolder own_folder =
      std::move(*dstack::TemporaryFolder::make(dstack::fs::temp_directory_path()));
  dstack::Path root = own_folder.path();
  std::map<std::string, std::string> variables;

  dstack::Path write(const std::string& name, std::string_view text, unsigned mode = 0644) const {
    const dstack::Path path = root / name;
    REQUIRE(dstack::make_folders(path.parent_path()));
    REQUIRE(dstack::write_file_atomically(path, text, dstack::Durable::no, mode));
    return path;
  }

  dstack::python::Lookup lookup() const { return dstack::test::lookup_in(variables); }

  dstack::files::Home home() const { return {root / "dstack home"}; }
};
