// Starting a thread. That may fail (a limit of processes, of memory), which is an error like any
// other, never an exception.
#pragma once

#include "dstack/base/error.hpp"

#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace dstack {

template <typename Work>
Result<std::jthread> start_thread(Work work) {
  try {
    return std::jthread(std::move(work));
  } catch (const std::system_error& error) {
    return fail(ErrorCode::internal,
                "{}",
                std::string("cannot start a thread: ") + std::strerror(error.code().value()))
        .with_hint(
            "there are too many threads or too little memory: stop some programs, or raise the "
            "limit "
            "('ulimit -u', pids.max, TasksMax; of memory 'ulimit -v' and 'ulimit -d')");
  }
}

}  // namespace dstack
