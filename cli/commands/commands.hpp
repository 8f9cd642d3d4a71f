// All commands. Each is in the source of its name in this folder.
#pragma once

#include "command_line/action.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace dstack::cli {

struct Command {
  std::string_view name;     ///< one word, or two: "artifacts list"
  std::string_view summary;  ///< one sentence without its full stop
  std::unique_ptr<Action> (*make)();
  std::string_view alias = {};
};

std::unique_ptr<Action> make_run();
std::unique_ptr<Action> make_restart();
std::unique_ptr<Action> make_ps();
std::unique_ptr<Action> make_logs();
std::unique_ptr<Action> make_metrics();
std::unique_ptr<Action> make_stop();
std::unique_ptr<Action> make_wait();
std::unique_ptr<Action> make_rm();
std::unique_ptr<Action> make_prune();
std::unique_ptr<Action> make_gc();
std::unique_ptr<Action> make_du();
std::unique_ptr<Action> make_artifacts_list();
std::unique_ptr<Action> make_artifacts_download();
std::unique_ptr<Action> make_artifacts_cat();
std::unique_ptr<Action> make_artifacts_rescue();
std::unique_ptr<Action> make_tags_list();
std::unique_ptr<Action> make_tags_add();
std::unique_ptr<Action> make_tags_delete();
std::unique_ptr<Action> make_tag();
std::unique_ptr<Action> make_secrets_list();
std::unique_ptr<Action> make_secrets_add();
std::unique_ptr<Action> make_secrets_delete();
std::unique_ptr<Action> make_secrets_rotate();
std::unique_ptr<Action> make_workflows();
std::unique_ptr<Action> make_validate();
std::unique_ptr<Action> make_graph();
std::unique_ptr<Action> make_audit();
std::unique_ptr<Action> make_app();
std::unique_ptr<Action> make_compare();
std::unique_ptr<Action> make_show();
std::unique_ptr<Action> make_code();
std::unique_ptr<Action> make_providers_list();
std::unique_ptr<Action> make_providers_show();
std::unique_ptr<Action> make_providers_trust();
std::unique_ptr<Action> make_providers_new();
std::unique_ptr<Action> make_providers_check();
std::unique_ptr<Action> make_completion();
std::unique_ptr<Action> make_schema();
std::unique_ptr<Action> make_doctor();
std::unique_ptr<Action> make_trust();

/// In the order of the help.
const std::vector<Command>& all_commands();
/// By its name or alias; null when there is none.
const Command* find_command(std::string_view name);
/// Whether two-word commands begin with this word: "tags".
bool is_group(std::string_view word);
/// The options that may precede a command's name: the global ones, and `--version`.
Syntax declare_program(Globals& globals, bool& version);
/// The whole syntax of a command, with the global options. Refers to both.
Syntax declare(const Command& command, Action& action, Globals& globals);

}  // namespace dstack::cli
