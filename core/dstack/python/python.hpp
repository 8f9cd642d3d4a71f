// Python environments: built once for each key, then shared.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/job_spec.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::python {

struct Interpreter {
  Path program;               ///< absolute
  std::string version;        ///< "3.10.13"
  std::string source;         ///< "active environment", "PATH", "uv", or where pyenv is: "~/.pyenv"
  std::string named_by = {};  ///< the file that asks for this version; may be empty

  bool operator==(const Interpreter&) const = default;
};

void to_json(Json& json, const Interpreter& interpreter);
void from_json(const Json& json, Interpreter& interpreter);

/// The environment variables that the search and the installers see.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

/// None is set.
inline std::optional<std::string> no_variables(const std::string& /*name*/) {
  return std::nullopt;
}

/// What one job adds to the caller's environment for the installers. Its values may be secrets.
struct JobInput {
  /// The job's own environment. Installers see of it their settings (`PIP_*`, `UV_*`), proxies,
  /// certificates, and what the requirement files use; it overrides the caller's.
  std::vector<std::pair<std::string, std::string>> environment = {};
  /// Addresses of package indexes: the first instead of PyPI, the others beside it. Empty: the
  /// caller's.
  std::vector<std::string> index = {};
  std::vector<std::string> hidden = {};  ///< values that no output may show
  std::string index_where = {};          ///< of `index` in the user's file; may be empty
};

struct FoundInterpreters {
  std::vector<Interpreter> usable;
  /// Each as a sentence: those that another user could replace (trust/belief.hpp). None is started.
  std::vector<std::string> passed_over;
};

/// All interpreters that are found, where possible without starting them. None in `project` is
/// started: it is what its environment says.
FoundInterpreters find_interpreters(const Lookup& environment, const Path& project = {});

/// Which Python is asked for.
struct VersionRequest {
  std::string version;        ///< "3.10"; empty: none is named
  std::string named_by = {};  ///< the file that names it; empty: the workflow
  std::string range = {};     ///< the specifiers of `requires-python`; empty: any version will do
  std::string range_by = {};  ///< the file that has them

  bool operator==(const VersionRequest&) const = default;
  auto operator<=>(const VersionRequest&) const = default;
};

struct Choice {
  Interpreter interpreter;
  std::string notice;  ///< "no version named: using Python 3.11.7 from PATH"; may be empty
};

/// What a choice may change.
enum class Effects {
  allowed,  ///< a version is downloaded, and results are cached in the home
  none      ///< a version that uv would download is an interpreter without a program; and no
            ///< interpreter in the project is started
};

/// The interpreter for a request: of the named version, else one in the range; among several the
/// active environment's, else 3.10, else the newest. One that another user could replace is passed
/// over, and named in the notice; that of the active environment is an error. A missing one is an
/// error that lists what was found and how to install it; `uv python install` is tried first, where
/// uv is present. Results are cached in the home and checked against the program's file.
Result<Choice> choose_interpreter(const VersionRequest& request,
                                  const Lookup& environment,
                                  const files::Home& home,
                                  Effects effects,
                                  const Path& project = {});

struct PythonEnvironment {
  Path folder;        ///< of the virtual environment; empty when the interpreter is used as it is
  Path program;       ///< the python to run
  Path bin;           ///< goes first in PATH
  bool made = false;  ///< it was built now
  Path packages;      ///< the file that lists its packages, a line each; empty without a folder
};

/// The environment for a request: the cached one, or built now with uv, else with venv and pip.
/// `code` is a folder where the requirement files can be read; the installer's output goes to
/// `output_fd`. Safe when two processes want the same one at once, or one dies half-way. A
/// failure's message has the installer's last lines. `job` adds to `environment`; its `index` is
/// taken from the request, with its place.
Result<PythonEnvironment> provide_environment(const job::PythonRequest& request,
                                              const Interpreter& interpreter,
                                              const Path& code,
                                              const files::Home& home,
                                              const Lookup& environment,
                                              int output_fd,
                                              const JobInput& job = {});

}  // namespace dstack::python
