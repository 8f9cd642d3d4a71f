#include "commands/commands.hpp"

namespace dstack::cli {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      {"run", "Run a workflow, or a provider, and follow it", make_run},
      {"ps", "List runs: the unfinished ones, or the last", make_ps, "runs"},
      {"logs", "Show what the jobs of a run printed", make_logs},
      {"stop", "Stop a run, or one workflow of it", make_stop},
      {"show", "Show all that is known about a run", make_show},
      {"code", "Take out the code that a run ran with", make_code},
      {"rm", "Forget finished, untagged runs", make_rm},
      {"artifacts list", "List the files that a run saved", make_artifacts_list},
      {"artifacts download", "Copy what a run saved into a folder", make_artifacts_download},
      {"tags list", "List the tags of the project", make_tags_list},
      {"tags add", "Give the artifacts of a run a name", make_tags_add},
      {"tags delete", "Take a name away again", make_tags_delete, "untag"},
      {"tag", "Give the artifacts of a run a name: 'tag RUN -n TAG'", make_tag},
      {"workflows", "List the workflows of the project", make_workflows},
      {"validate", "Check the files of the project", make_validate},
      {"graph", "Draw which workflow depends on which", make_graph},
      {"providers list", "List the providers, and why one was not taken", make_providers_list},
      {"providers show", "Describe a provider and its properties", make_providers_show},
      {"doctor", "Show what this machine has to run jobs with", make_doctor},
  };
  return commands;
}

}  // namespace dstack::cli
