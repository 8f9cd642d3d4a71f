// A process of this program that confines itself and becomes another: `dstack confined`. So nothing
// of it happens in the process that starts it, which goes on seeing everything.
#pragma once

#include "dstack/process/spawn.hpp"
#include "dstack/sandbox/confinement.hpp"

namespace dstack::sandbox {

/// The word after the program's name in the command line of such a process.
inline constexpr const char* confined_role = "confined";
/// Its descriptor with what it is to become, and
inline constexpr int confined_order_fd = 8;
/// that of a pipe: closed without a word when the program has been started inside, else with why
/// not.
inline constexpr int confined_report_fd = 9;

/// Its standard descriptors, its environment and further descriptors are those of the program.
/// Without process ids of its own it becomes the program. With such it stays outside as the process
/// that the program's end is told by: it ends as the program does, by the same exit code or signal,
/// and no signal but KILL and STOP concerns it. The first process inside takes no signal from
/// outside either; it reaps, and ends when nothing is left.
int confined_main();

/// Starts a program in a confinement: `command` says the rest, with `argv` for the program's
/// arguments and `program` unset. Returns when it has been started inside. unavailable: it was not,
/// and nothing of it ran; the message says what this machine refuses.
Result<process::Child> spawn_confined(process::Command command,
                                      const Confinement& confinement,
                                      const Program& program);

/// Starts a program that does nothing, to see whether this machine can have all of a confinement of
/// this kind. Takes a few milliseconds.
Result<void> try_confinement(const Confinement& confinement);

}  // namespace dstack::sandbox
