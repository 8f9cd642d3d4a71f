#include "dstack/run/runner/job_command.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/stop_signal.hpp"
#include "dstack/run/protocol/job_order.hpp"

namespace dstack::run {

JobCommand job_command(const job::JobSpec& spec, const Path& script_file) {
  if (!spec.argv.empty() && spec.setup.empty())
    return {spec.argv, ""};
  std::vector<std::string> lines = spec.setup;
  lines.insert(lines.end(), spec.commands.begin(), spec.commands.end());
  if (!spec.argv.empty())
    lines.emplace_back("exec \"$@\"");
  const std::string script = job::stop_trap(spec.stop_signal) + join(lines, "\n");
  JobCommand command{{"bash", "-e", "-c", script, "bash"}, ""};
  if (script.size() >= longest_script_argument)
    command = {{"bash", "-e", script_file.string()}, script + "\n"};
  command.arguments.insert(command.arguments.end(), spec.argv.begin(), spec.argv.end());
  return command;
}

}  // namespace dstack::run
