// An input that is copied before a run starts: a line when there is much of it.
#pragma once

#include "dstack/job/input_file.hpp"
#include "ui/live.hpp"
#include "ui/messages.hpp"

#include <cstdint>
#include <string>

namespace dstack::cli {

/// For one thread. The line goes with it.
class InputProgress {
 public:
  explicit InputProgress(const ui::Messages& messages)
      : messages_(messages), line_(messages.stream()) {}

  /// `done` and `all` in bytes.
  void show(const job::InputFile& input, std::uint64_t done, std::uint64_t all);

 private:
  const ui::Messages& messages_;
  ui::LiveBlock line_;
  std::string noted_;  ///< the input that a line was printed for
};

}  // namespace dstack::cli
