// A folder for one test, with the few calls that fill it.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/python/python.hpp"
#include "support/catch.hpp"

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

  dstack::python::Lookup lookup() const {
    return [copy = variables](const std::string& name) -> std::optional<std::string> {
      const auto found = copy.find(name);
      return found == copy.end() ? std::nullopt : std::optional(found->second);
    };
  }

  dstack::files::Home home() const { return {root / "dstack home"}; }
};
