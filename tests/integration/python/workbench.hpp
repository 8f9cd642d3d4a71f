// Real installations without a network: packages that a test makes itself, in a home of its own.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/python/python.hpp"
#include "support/environment_folder.hpp"

#include <functional>
#include <optional>
#include <string>

/// A uv that runs: the machine's own, else one installed for the tests; nothing, with the reason,
/// when there is none.
std::optional<std::string> uv_for_tests(std::string& reason);

struct Workbench : EnvironmentFolder {
  enum class With { pip, uv };

  /// The code in `code/`, variables without anything of the user's, no index. `usable` tells
  /// whether this machine has the installer.
  explicit Workbench(With installer);

  bool usable() const { return reason.empty(); }

  dstack::Path code() const { return root / "code"; }

  /// A wheel in `code/wheels` with one module, `NAME.py`.
  void add_wheel(const std::string& name,
                 const std::string& version,
                 const std::string& module,
                 const std::string& metadata = "") const;
  /// A local project in `code/FOLDER` with one module, built by a backend of its own, so that no
  /// other is needed.
  void add_project(const std::string& folder,
                   const std::string& name,
                   const std::string& module) const;

  dstack::Result<dstack::python::PythonEnvironment> provide(
      const dstack::job::PythonRequest& request) const;
  /// The same where it must work.
  dstack::python::PythonEnvironment provided(const dstack::job::PythonRequest& request) const;

  /// What the installers and we have said.
  std::string log() const;

  dstack::python::Interpreter interpreter;
  std::string reason;  ///< why it is not usable
};

/// Runs a program with a clean environment; its output and error together, then "exit code N".
std::string outcome(std::vector<std::string> argv, const std::string& path = "/usr/bin:/bin");

/// Runs `body` in a process that is an ordinary user's, who owns `folder`; what it returns is what
/// went wrong.
std::string as_ordinary_user(const dstack::Path& folder, const std::function<std::string()>& body);
