// What the providers that run a Python program share: a script, or a module. Part of each of them;
// uses only the SDK.
#pragma once

#include <string>
#include <vector>

#include <dstack/provider.hpp>

namespace programs {

/// The script's path for the interpreter, which is started in the working directory; never taken
/// for an option.
inline std::string script_of(const dstack::Workflow& workflow) {
  const std::string path = dstack::path_from(workflow.text("working_dir"), workflow.text("file"));
  return path.starts_with('-') ? "./" + path : path;
}

/// The script, or `option` and the module, and its arguments.
inline std::vector<std::string> program_of(const dstack::Workflow& workflow,
                                           const std::string& option) {
  std::vector<std::string> words;
  if (workflow.has("module")) {
    const std::string module = workflow.text("module");
    dstack::check_python_module("module", module);
    words = {option, module};
  } else {
    words = {script_of(workflow)};
  }
  for (std::string& argument : workflow.texts("args"))
    words.push_back(std::move(argument));
  return words;
}

}  // namespace programs
