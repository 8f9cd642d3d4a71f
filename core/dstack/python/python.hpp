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
  Path program;         ///< absolute
  std::string version;  ///< "3.10.13"
  std::string source;   ///< "active environment", "PATH", "~/.pyenv", "uv"

  bool operator==(const Interpreter&) const = default;
};

void to_json(Json& json, const Interpreter& interpreter);
void from_json(const Json& json, Interpreter& interpreter);

/// The environment variables that the search and the installers see.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

/// All interpreters that are found, where possible without starting them.
std::vector<Interpreter> find_interpreters(const Lookup& environment);

struct Choice {
  Interpreter interpreter;
  std::string notice;  ///< "no version named: using Python 3.11.7 from PATH"; may be empty
};

/// What a choice may change.
enum class Effects {
  allowed,  ///< a version is downloaded, and results are cached in the home
  none      ///< a version that uv would download is an interpreter without a program
};

/// The interpreter for a request. A named version that is missing is an error that lists what was
/// found and how to install it; `uv python install` is tried first, where uv is present. Results
/// are cached in the home and checked against the program's file.
Result<Choice> choose_interpreter(const job::PythonRequest& request,
                                  const Lookup& environment,
                                  const files::Home& home,
                                  Effects effects);

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
/// failure's message has the installer's last lines.
Result<PythonEnvironment> provide_environment(const job::PythonRequest& request,
                                              const Interpreter& interpreter,
                                              const Path& code,
                                              const files::Home& home,
                                              const Lookup& environment,
                                              int output_fd);

}  // namespace dstack::python
