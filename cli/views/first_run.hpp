// What is special about the first run of a project: with 'trust: ask' in config.yaml the user is
// shown first what it would run, and which secrets it would get; it gets fewer of them.
#pragma once

#include "command_line/context.hpp"

namespace dstack::cli {

/// Whether to go on: the project has runs on record, or is in a trusted folder, or the user agrees
/// to what is shown. usage: there is no terminal to ask on.
Result<bool> agree_to_first_run(const Context& context,
                                const run::Workbench& bench,
                                store::Records& records,
                                const run::SubmitRequest& request);

/// Says which secrets of the user the first run here gets only if the project names them.
Result<void> note_withheld_secrets(const Context& context);

/// What is shown: each workflow with its provider and commands, and the secrets, a line each.
std::string describe_first_run(const plan::Plan& plan);

}  // namespace dstack::cli
