#include "ui/terminal.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"

#include <array>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace dstack::ui {

namespace {

/// As setlocale() would decide, without loading a locale.
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto set = nonempty_environment_variable(name);
    if (!set)
      continue;
    const std::string value = to_lower(*set);
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

bool wants_colour(bool live, ColourChoice choice) {
  if (choice != ColourChoice::automatic)
    return choice == ColourChoice::always;
  if (nonempty_environment_variable("NO_COLOR"))
    return false;
  const auto forced = nonempty_environment_variable("CLICOLOR_FORCE");
  return live || (forced && *forced != "0");
}

std::size_t number_from_environment(const char* name) {
  const auto value = environment_variable(name);
  const long number = value ? std::strtol(value->c_str(), nullptr, 10) : 0;
  return number > 0 && number < 10'000 ? static_cast<std::size_t>(number) : 0;
}

const char* escape(Colour colour) {
  switch (colour) {
    case Colour::plain:
      break;
    case Colour::bold:
      return "\033[1m";
    case Colour::dim:
      return "\033[2m";
    case Colour::red:
      return "\033[31m";
    case Colour::green:
      return "\033[32m";
    case Colour::yellow:
      return "\033[33m";
    case Colour::blue:
      return "\033[34m";
    case Colour::magenta:
      return "\033[35m";
    case Colour::cyan:
      return "\033[36m";
  }
  return "";
}

}  // namespace

Stream describe_stream(int fd, ColourChoice choice) {
  Stream stream;
  stream.fd = fd;
  stream.terminal = ::isatty(fd) == 1;
  stream.live = stream.terminal && environment_variable("TERM").value_or("dumb") != "dumb";
  stream.unicode = stream.live && locale_is_utf8();
  stream.colour = wants_colour(stream.live, choice);
  return stream;
}

ScreenSize screen_size(const Stream& stream) {
  ScreenSize size;
  winsize window{};
  if (stream.terminal && ::ioctl(stream.fd, TIOCGWINSZ, &window) == 0) {
    if (window.ws_col > 0)
      size.columns = window.ws_col;
    if (window.ws_row > 0)
      size.rows = window.ws_row;
  }
  if (const std::size_t columns = number_from_environment("COLUMNS"); columns > 0)
    size.columns = columns;
  return size;
}

std::string paint(const Stream& stream, Colour colour, std::string_view text) {
  if (!stream.colour || colour == Colour::plain || text.empty())
    return std::string(text);
  return fmt::format("{}{}\033[0m", escape(colour), text);
}

Colour nth_colour(std::size_t index) {
  static constexpr std::array palette = {
      Colour::cyan, Colour::yellow, Colour::green, Colour::magenta, Colour::blue};
  return palette[index % palette.size()];
}

std::string cut(const Stream& stream, std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns)
    return std::string(text);
  const std::string_view mark = stream.unicode ? "…" : "...";
  const std::size_t mark_width = stream.unicode ? 1 : 3;
  if (columns <= mark_width)
    return std::string(columns, '.');
  std::size_t end = 0;
  while (end < text.size()) {
    std::size_t next = end + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0u) == 0x80)
      ++next;
    if (display_width(text.substr(0, next)) > columns - mark_width)
      break;
    end = next;
  }
  while (end > 0 && text[end - 1] == ' ')
    --end;
  return std::string(text.substr(0, end)) + std::string(mark);
}

}  // namespace dstack::ui
