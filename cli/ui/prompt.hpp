// Questions to a person. Only where a person can answer: nobody is ever asked through a pipe.
#pragma once

#include "ui/messages.hpp"

#include <memory>
#include <string>

namespace dstack::ui {

/// Standard input and standard error are the terminal, and we are in its foreground.
bool can_ask();

/// True for yes. Without a terminal: an error that names `-y`; `what` is the deed: "removing run
/// 'x'".
Result<bool> confirm(const Messages& messages,
                     const std::string& question,
                     const std::string& what);

/// What a person types behind the question, unseen: to the end of the line. Without a terminal to
/// ask at, when it is broken off with Ctrl-C, and when several lines are pasted, an error.
Result<std::string> ask_hidden(const Messages& messages, const std::string& question);

/// One key at a time while it lives, without echo; the terminal's settings come back with its end.
class KeyMode {
 public:
  enum class Interrupt { signal, key };

  /// Whether Ctrl-C sends its signal, or is a key like the others.
  explicit KeyMode(Interrupt interrupt = Interrupt::signal);
  KeyMode(const KeyMode&) = delete;
  KeyMode& operator=(const KeyMode&) = delete;
  ~KeyMode();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dstack::ui
