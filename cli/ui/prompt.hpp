// Questions to the user, asked only on a terminal.
#pragma once

#include "ui/messages.hpp"

#include <memory>
#include <string>

namespace dstack::ui {

/// Standard input and standard error are the terminal, and this process is in its foreground.
bool can_ask();

/// True for yes. Without a terminal, an error that names `-y`; `what` is the action: "removing run
/// 'x'".
Result<bool> confirm(const Messages& messages,
                     const std::string& question,
                     const std::string& what);

/// Reads a line after the question, without echo. An error without a terminal, after Ctrl-C, and
/// when several lines are pasted.
Result<std::string> ask_hidden(const Messages& messages, const std::string& question);

/// While it exists, keys are read one at a time, without echo; its end restores the terminal.
class KeyMode {
 public:
  enum class Interrupt { signal, key };

  /// Whether Ctrl-C sends its signal or is a key like the others.
  explicit KeyMode(Interrupt interrupt = Interrupt::signal);
  KeyMode(const KeyMode&) = delete;
  KeyMode& operator=(const KeyMode&) = delete;
  ~KeyMode();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dstack::ui
