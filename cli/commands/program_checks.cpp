#include "commands/program_checks.hpp"

#include "commands/engines.hpp"
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/python/python.hpp"
#include "dstack/trust/belief.hpp"

#include <chrono>

namespace dstack::cli {

Check check_program(const std::string& name, Health when_missing, const std::string& hint) {
  const auto program = process::find_program(name, environment_variable("PATH").value_or(""));
  if (!program)
    return {name, when_missing, "not found", hint};
  if (const std::string why = trust::why_not_believed(*program, trust::Kind::program); !why.empty())
    return {name,
            Health::warning,
            fmt::format("'{}' is not believed: {}", *program, why),
            trust::how_to_trust(real_path(*program).parent_path())};
  process::Command command;
  command.argv = {*program, "--version"};
  const auto output = process::run(command, {}, std::chrono::seconds(2));
  if (!output || !process::succeeded(output->status))
    return {name, Health::warning, fmt::format("{} does not answer", *program)};
  // "git version 2.39.5" → "2.39.5"
  std::string version(trim(output->out.substr(0, output->out.find('\n'))));
  for (const std::string& prefix : {fmt::format("{} version ", name), fmt::format("{} ", name)})
    if (version.rfind(prefix, 0) == 0)
      version.erase(0, prefix.size());
  return {name, Health::ok, fmt::format("{} ({})", version, *program)};
}

void check_engines(std::vector<Check>& checks) {
  for (const Engine& engine : find_engines()) {
    if (!engine.version.empty())
      checks.push_back(
          {engine.name, Health::ok, fmt::format("{} ({})", engine.version, engine.socket)});
    else if (!engine.program.empty())
      checks.push_back(
          {engine.name, Health::note, fmt::format("{}, but {}", engine.program, engine.trouble)});
    else
      checks.push_back({engine.name, Health::note, "not found; only container workflows need it"});
  }
}

void check_pythons(const Path& project, std::vector<Check>& checks) {
  const auto found = python::find_interpreters(environment_variable, project);
  for (const python::Interpreter& python : found.usable)
    checks.push_back(
        {"python",
         Health::ok,
         fmt::format("{} ({}, {})", python.version, python.program.string(), python.source)});
  for (const std::string& sentence : found.passed_over)
    checks.push_back({"python", Health::warning, sentence});
  if (found.usable.empty())
    checks.push_back({"python",
                      Health::warning,
                      "none found",
                      "install python3, or uv, which fetches any version"});
}

}  // namespace dstack::cli
