// What a command that has submitted a run goes on with: `run`, `restart`.
#pragma once

#include "command_line/context.hpp"
#include "dstack/run/client/submit.hpp"
#include "follow/signals.hpp"

#include <string>

namespace dstack::cli {

/// "note: …", on standard error.
void say(const Context& context, const std::string& notice);

/// Whether a command waits for the run's end.
enum class Follow { yes, detached };

/// Says what there is to say of a run that was just recorded, and follows it; or prints its name.
/// The exit code. `signals`: opened before the run was recorded, so that none is lost.
Result<int> go_on_with(Context& context,
                       store::Records& records,
                       Signals& signals,
                       run::Submitted& submitted,
                       Follow follow);

}  // namespace dstack::cli
