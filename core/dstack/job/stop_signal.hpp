// The signals by which a job can be asked to stop: those that a program may catch, and that end one
// which does not, or that servers document for this. By name, without SIG.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::job {

/// "TERM" first, which is what a job gets that names none.
const std::vector<std::string>& stop_signals();
/// On this machine; nothing when it is none of them. Empty: that of TERM.
std::optional<int> stop_signal_number(std::string_view name);

/// Begins the first line of a shell's script whose job is stopped by this signal: the shell waits for
/// the program that it runs, which saves, and starts no other. By itself it would survive INT and
/// QUIT, and go on with the next command. Empty for TERM, which ends it. Commands may set another
/// trap.
std::string stop_trap(std::string_view name);

}  // namespace dstack::job
