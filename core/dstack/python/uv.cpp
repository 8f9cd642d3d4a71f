#include "dstack/python/uv.hpp"

#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/python/known_interpreters.hpp"
#include "dstack/python/search.hpp"
#include "dstack/python/settings.hpp"
#include "dstack/trust/belief.hpp"

#include <chrono>
#include <vector>

namespace dstack::python {

namespace {

constexpr std::chrono::seconds answer_timeout{20};
constexpr std::chrono::minutes download_timeout{10};

/// Not one that another user could replace: that is not even started.
bool runs(const std::string& uv, const Lookup& environment) {
  if (!trust::why_not_believed(uv, trust::Kind::program).empty())
    return false;
  process::Command command;
  command.argv = {uv, "--version"};
  command.environment = tool_environment(environment);
  const auto output = process::run(command, {}, answer_timeout);
  return output && process::succeeded(output->status) && output->out.starts_with("uv ");
}

/// The reason in uv's output: the innermost cause.
std::string reason(const std::string& output) {
  std::string last = "no reason given";
  for (std::string_view line : split(output, '\n')) {
    line = trim(line);
    for (const std::string_view label : {"error: ", "cause: ", "Caused by: "})
      if (line.starts_with(label))
        last = line.substr(label.size());
  }
  return last;
}

}  // namespace

std::optional<std::string> find_uv(const Lookup& environment) {
  std::vector<std::string> folders;
  const std::string path = environment("PATH").value_or("");
  for (const std::string_view folder : split(path, ':'))
    if (folder.starts_with('/'))
      folders.emplace_back(folder);
  if (const auto bin = environment("XDG_BIN_HOME"); bin && bin->starts_with('/'))
    folders.push_back(*bin);
  if (const auto home = environment("HOME"); home && home->starts_with('/'))
    for (const char* folder : {"/.local/bin", "/.cargo/bin"})
      folders.push_back(*home + folder);
  for (const std::string& folder : folders)
    if (const auto uv = process::find_program("uv", folder); uv && runs(*uv, environment))
      return uv;
  return std::nullopt;
}

Result<Interpreter> fetch_python(const std::string& uv,
                                 const Version& wanted,
                                 const Lookup& environment) {
  process::Command command;
  command.argv = {uv, "python", "install", render_version(wanted)};
  command.environment = installer_environment(environment);
  command.working_dir = "/";  // not a project whose .python-version or uv.toml says otherwise
  command.environment->push_back("UV_PYTHON_INSTALL_BIN=0");  // nothing is written to ~/.local/bin
  if (!environment("UV_HTTP_RETRIES"))
    command.environment->push_back("UV_HTTP_RETRIES=0");
  DSTACK_TRY(const auto output, process::run(command, {}, download_timeout));
  KnownInterpreters nothing_known;
  if (process::succeeded(output.status))
    for (const Candidate& candidate : uv_candidates(environment, wanted))
      if (auto interpreter = nothing_known.identify(candidate, environment))
        return std::move(*interpreter);
  return fail(ErrorCode::unavailable,
              "uv cannot download Python {}: {}",
              render_version(wanted),
              reason(output.err));
}

}  // namespace dstack::python
