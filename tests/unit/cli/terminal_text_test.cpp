#include "ui/terminal_text.hpp"

#include "support/catch.hpp"

#include <random>

using dstack::ui::TerminalText;

namespace {

std::string show(std::string_view text, TerminalText::Moves moves) {
  TerminalText terminal(moves);
  std::string shown = terminal.take(text);
  return shown + terminal.finish();
}

std::string alone(std::string_view text) {
  return show(text, TerminalText::Moves::progress_bars);
}

}  // namespace

TEST_CASE("colours, characters and progress bars reach the terminal as they are") {
  for (const std::string_view text : {"plain\n",
                                      "gr\xc3\xbcn \xe2\x9c\x93 \xf0\x9f\x9a\x80\n",
                                      "10%\r\033[K20%\r\n",
                                      "\033[38;5;196mred\033[0m \033[38:2::1:2:3mtrue\033[m",
                                      "one\ntwo\033[1A\r\033[2K\tthree\b",
                                      ""})
    CHECK(alone(text) == text);
}

TEST_CASE("what would control the terminal is shown as text, or removed") {
  CHECK(alone("\033]0;title\a") == "\\x1b]0;title\\x07");
  CHECK(alone("\033]8;;http://x\033\\link\033]8;;\033\\").find('\033') == std::string::npos);
  CHECK(alone("\033P+q544e\033\\") == "\\x1bP+q544e\\x1b\\");
  CHECK(alone("\033c") == "\\x1bc");
  CHECK(alone("a\033[?1049h\033[6n\033[>4;2m\033[21t\033[1;1Hb") == "ab");
  CHECK(alone("\x9b"
              "2J") == "\\x9b2J");
  CHECK(alone("\xc2\x9b"
              "2J") == "\\xc2\\x9b2J");
  CHECK(alone(std::string_view("\0\x0e\x7f", 3)) == "\\x00\\x0e\\x7f");
  CHECK(show("\r\033[K\033[31mx\n", TerminalText::Moves::none) == "\\x0d\033[31mx\\x0a");
}

TEST_CASE("what is incomplete is shown at the end") {
  CHECK(alone("50%\033") == "50%\\x1b");
  CHECK(alone("50%\033[3") == "50%\\x1b[3");
  CHECK(alone("50%\xe2\x9c") == "50%\\xe2\\x9c");
  TerminalText terminal(TerminalText::Moves::progress_bars);
  CHECK(terminal.take("Go on? ") == "Go on? ");
  CHECK(terminal.take("\033[" + std::string(1000, '1')).size() > 900);  // no colour is that long
}

TEST_CASE("the pieces of a stream may end anywhere") {
  static constexpr std::string_view pieces[] = {
      "\033",     "[",    "]",    "31", ";",  "m",    "K",    "?",
      "H",        "\a",   "\\",   "\r", "\n", "\xc3", "\xbc", "\xe2\x9c\x93",
      "\xf0\x9f", "\x9b", "text", "\b", "\t", ">"};
  std::mt19937 random(4);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int piece = 0; piece < 12; ++piece)
      text += pieces[random() % std::size(pieces)];
    TerminalText terminal(TerminalText::Moves::progress_bars);
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 5;
      shown += terminal.take(std::string_view(text).substr(at, size));
      at += size;
    }
    shown += terminal.finish();
    if (shown != alone(text))
      CHECK(shown == alone(text));
  }
}
