// What standard output and standard error are connected to, and what may be written there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::ui {

enum class ColourChoice { automatic, always, never };

/// One of the two output streams. A value, taken once at the start.
struct Stream {
  int fd = 1;
  bool terminal = false;  ///< it is a terminal
  bool colour = false;    ///< escape sequences for colour are wanted
  bool unicode = false;   ///< symbols beyond ASCII are wanted; never in a pipe
  bool live = false;      ///< the cursor may be moved
};

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// Respects NO_COLOR, CLICOLOR_FORCE and TERM=dumb; `choice` overrides the first two.
Stream describe_stream(int fd, ColourChoice choice);
/// The current size: the terminal may be resized at any time.
ScreenSize screen_size(const Stream& stream);

enum class Colour { plain, bold, dim, red, green, yellow, blue, magenta, cyan };

/// The text in this colour, or as it is where the stream wants none.
std::string paint(const Stream& stream, Colour colour, std::string_view text);
/// A colour for the n-th of several things; neighbours differ.
Colour nth_colour(std::size_t index);

/// At most `columns` cells of the text, which has no escapes; a cut is marked by "…" or "...".
std::string cut(const Stream& stream, std::string_view text, std::size_t columns);

}  // namespace dstack::ui
