// What a job prints, made harmless for a terminal. Colours, and moving the cursor where a progress
// bar does, are let through; whatever else would drive the terminal (its clipboard, its title, its
// answers) is shown as text.
// Source: ECMA-48, and the control sequences of xterm.
#pragma once

#include <string>
#include <string_view>

namespace dstack::ui {

/// A stream of bytes, wherever its pieces end: for one thread.
class TerminalText {
 public:
  enum class Moves {
    none,           ///< colours alone: for a line with something in front of it
    progress_bars,  ///< also carriage return, line feed, up, down, sideways, erasing
  };

  explicit TerminalText(Moves moves) : moves_(moves) {}

  /// What can be shown so far. Held back is the beginning of a sequence or a character, at most a
  /// few bytes.
  std::string take(std::string_view bytes);
  /// The stream has ended: what was held back.
  std::string finish();

 private:
  std::string tame(std::string_view text) const;

  Moves moves_;
  std::string held_;
};

}  // namespace dstack::ui
