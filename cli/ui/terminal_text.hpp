// Sanitizes the output of a job for a terminal. Colours, and the cursor movements of progress bars,
// pass; other control sequences (clipboard, title, answers) are shown as text.
// Source: ECMA-48, and the control sequences of xterm.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::ui {

/// A stream of bytes in pieces of any size; for one thread.
class TerminalText {
 public:
  enum class Moves {
    none,           ///< colours alone: for a line with a prefix
    progress_bars,  ///< also carriage return, line feed, up, down, sideways, erasing
  };

  explicit TerminalText(Moves moves) : moves_(moves) {}

  /// What can be shown so far. The beginning of a sequence or a character, at most a few bytes, is
  /// held back.
  std::string take(std::string_view bytes);
  /// At the end of the stream: what was held back.
  std::string finish();

 private:
  std::string sanitize(std::string_view text) const;

  Moves moves_;
  std::string held_;
};

/// Bytes of UTF-8 before a last character whose other bytes are still to come; the end when there
/// is none.
std::size_t whole_characters(std::string_view text);

}  // namespace dstack::ui
