// The exit codes of the program (docs/reference/cli.md).
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/store/records/run_record.hpp"

namespace dstack::cli {

namespace exit_code {
inline constexpr int success = 0;
inline constexpr int failure = 1;
inline constexpr int usage = 2;
inline constexpr int timed_out = 124;      ///< a job's timeout, or that of `wait`
inline constexpr int runner_failed = 125;  ///< of `run`: the runner itself failed
inline constexpr int interrupted = 130;    ///< ended by Ctrl-C
inline constexpr int broken_pipe = 141;    ///< the reader of standard output closed it
inline constexpr int terminated = 143;     ///< ended by SIGTERM
}  // namespace exit_code

inline int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::usage:
    case ErrorCode::configuration:
    case ErrorCode::not_found:
      return exit_code::usage;
    case ErrorCode::conflict:
    case ErrorCode::unavailable:
    case ErrorCode::damaged:
    case ErrorCode::internal:
      break;
  }
  return exit_code::failure;
}

/// The exit code of a command that followed a run.
int exit_code_of(const store::RunState& state);

}  // namespace dstack::cli
