// Builds one environment with uv, else with venv and pip.
#pragma once

#include "dstack/python/installer.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/requirements.hpp"

#include <optional>
#include <string>

namespace dstack::python {

struct BuildOrder {
  const Requirements& requirements;
  const Interpreter& interpreter;
  Path folder;                       ///< of the environment; does not exist yet
  std::vector<std::string> files;    ///< what to install, relative to the stage
  Path locked;                       ///< the folder of the lock in the stage; empty: there is none
  std::optional<std::string> uv;     ///< the program
  std::optional<std::string> conda;  ///< the program; set where a conda file is named
};

/// In an environment's folder: its packages, a line each.
inline constexpr const char* packages_file = "packages.txt";

Failure uv_is_missing(const job::RequirementsSource& lock);

/// Beside an environment's folder: all that its installers have written.
Path log_of(const Path& folder);

/// Makes the environment, records its packages in that file and makes all of it but the folder
/// itself read-only. A failure leaves an unfinished folder.
Result<void> build_environment(const BuildOrder& order, const InstallContext& context);

}  // namespace dstack::python
