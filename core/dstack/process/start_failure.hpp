// Why a program could not be started, and the next step. The system has one
// number for several reasons: ENOENT is a program that is not there, the interpreter of a script,
// or the folder to start in.
#pragma once

#include "dstack/base/error.hpp"

#include <string>

namespace dstack::process {

struct Command;

/// What a message calls it: "bash", and for a process of our own its role, "dstack exec".
std::string shown(const Command& command);

/// `error` is the errno of the attempt. ErrorCode::not_found when there is no such program.
Failure start_failure(const Command& command, int error);

}  // namespace dstack::process
