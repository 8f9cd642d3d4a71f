#include "commands/commands.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

void declare_globals(Syntax& syntax, Globals& globals) {
  syntax.common_options()
      .flag("-h,--help", globals.help, "show this help")
      .flag("-q,--quiet", globals.quiet, "only results and errors")
      .flag("-v,--verbose", globals.verbose, "also say what the program does, on standard error")
      .option("--project", "DIR", globals.project, "look for the project from DIR upwards")
      .option("--provider-path",
              "DIR|FILE",
              globals.provider_paths,
              "look for providers there first: a folder or a library; may be repeated")
      .option("--color", "auto|always|never", globals.color, "when to use colour");
}

}  // namespace

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      {"run", "Run a workflow, or a provider, and follow it", make_run},
      {"restart", "Run again what a run has run, or what failed of it", make_restart},
      {"ps", "List runs: the unfinished ones, or the last", make_ps, "runs"},
      {"logs", "Show what the jobs of a run printed", make_logs},
      {"wait", "Wait for the end of runs", make_wait},
      {"stop", "Stop a run, or one workflow of it", make_stop},
      {"app", "Open, or print, the address of a run's application", make_app},
      {"show", "Show the details of a run", make_show},
      {"metrics", "Show the metrics that the jobs of runs reported", make_metrics},
      {"compare", "Compare runs: variables, metrics, durations", make_compare},
      {"code", "Show or export the code of a run", make_code},
      {"rm", "Remove finished, untagged runs", make_rm},
      {"prune", "Remove finished, untagged runs by a rule", make_prune},
      {"gc", "Free the disk space that nothing needs any more", make_gc},
      {"du", "Show where the disk space is", make_du},
      {"artifacts list", "List the files that a run saved", make_artifacts_list},
      {"artifacts download", "Copy what a run saved into a folder", make_artifacts_download},
      {"artifacts cat", "Write a file that a run saved to standard output", make_artifacts_cat},
      {"artifacts rescue", "Save what a run could not save when it ended", make_artifacts_rescue},
      {"tags list", "List the tags of the project", make_tags_list},
      {"tags add", "Tag the artifacts of a run", make_tags_add},
      {"tags delete", "Delete a tag", make_tags_delete, "untag"},
      {"tag", "Tag the artifacts of a run: 'tag RUN -n TAG'", make_tag},
      {"secrets list", "List the secrets that jobs of the project get", make_secrets_list},
      {"secrets add", "Store a password or token for jobs, encrypted", make_secrets_add},
      {"secrets delete", "Delete a secret", make_secrets_delete},
      {"secrets rotate", "Re-encrypt all secrets with a new key", make_secrets_rotate},
      {"workflows", "List the workflows of the project", make_workflows},
      {"validate", "Check the files of the project", make_validate},
      {"graph", "Draw the dependency graph of the workflows", make_graph},
      {"providers list", "List the providers, and why some are not used", make_providers_list},
      {"providers show", "Describe a provider and its properties", make_providers_show},
      {"providers trust", "Allow the providers of a project to run", make_providers_trust},
      {"providers new", "Write a small project that builds a provider", make_providers_new},
      {"providers check", "Check a provider's library and report problems", make_providers_check},
      {"trust", "Trust a folder in which other users can write", make_trust},
      {"audit", "Show what was done with this home, and by whom", make_audit},
      {"completion", "Print the completions of a shell", make_completion},
      {"schema", "Print the JSON Schema of '.dstack/workflows.yaml'", make_schema},
      {"doctor", "Check what this machine has for running jobs", make_doctor},
  };
  return commands;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands())
    if (command.name == name || (!command.alias.empty() && command.alias == name))
      return &command;
  return nullptr;
}

bool is_group(std::string_view word) {
  return std::any_of(all_commands().begin(), all_commands().end(), [&](const Command& command) {
    return command.name.size() > word.size() && command.name.starts_with(word) &&
           command.name[word.size()] == ' ';
  });
}

Syntax declare_program(Globals& globals, bool& version) {
  Syntax syntax("dstack", "");
  declare_globals(syntax, globals);
  syntax.flag("-V,--version", version, "print the version");
  return syntax;
}

Syntax declare(const Command& command, Action& action, Globals& globals) {
  Syntax syntax(fmt::format("dstack {}", command.name), std::string(command.summary));
  action.declare(syntax);
  declare_globals(syntax, globals);
  return syntax;
}

}  // namespace dstack::cli
