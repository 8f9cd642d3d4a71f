#include "ui/prompt.hpp"

#include "dstack/base/text.hpp"

#include <optional>

#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

namespace dstack::ui {

struct KeyMode::State {
  termios before;
};

namespace {

/// One character of UTF-8 may be several bytes.
void erase_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80)
    text.pop_back();
  if (!text.empty())
    text.pop_back();
}

/// Whether text follows the line that was just read, as when several lines are pasted. It is
/// discarded: otherwise the shell would run it.
bool took_further_lines() {
  constexpr int max_wait_ms = 100;  // a paste may come in pieces
  bool found = false;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  char c = 0;
  while (::poll(&input, 1, max_wait_ms) == 1 && ::read(STDIN_FILENO, &c, 1) == 1)
    found = found || !trim(std::string_view(&c, 1)).empty();
  return found;
}

}  // namespace

bool can_ask() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1 &&
         ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

Result<bool> confirm(const Messages& messages,
                     const std::string& question,
                     const std::string& what) {
  if (!can_ask())
    return fail(ErrorCode::usage, "{} needs confirmation, and there is no terminal to ask on", what)
        .with_hint("add '-y' to confirm in advance");
  messages.raw(fmt::format("{} [y/N] ", question));
  std::string answer;
  for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';)
    answer += c;
  const std::string word = to_lower(trim(answer));
  return word == "y" || word == "yes";
}

Result<std::string> ask_hidden(const Messages& messages, const std::string& question) {
  if (!can_ask())
    return fail(ErrorCode::usage, "there is no terminal to ask on")
        .with_hint("pass the value on standard input");
  constexpr char control_c = 3;
  constexpr char control_d = 4;
  constexpr char control_u = 21;
  constexpr char backspace = 8;
  constexpr char erase = 127;
  std::optional<KeyMode> keys(KeyMode::Interrupt::key);
  messages.raw(question);
  std::string answer;
  answer.reserve(4096);  // growing would leave a copy in memory
  char key = 0;
  while (::read(STDIN_FILENO, &key, 1) == 1 && key != '\n' && key != '\r') {
    if (key == control_c || (key == control_d && answer.empty())) {
      messages.raw("\n");
      keys.reset();  // restores the terminal
      if (key == control_c)
        ::raise(SIGINT);
      return fail(ErrorCode::conflict, "nothing was changed");
    }
    if (key == control_d)
      break;
    if (key == control_u)
      answer.clear();
    else if (key != backspace && key != erase)
      answer += key;
    else
      erase_character(answer);
  }
  messages.raw("\n");
  if (took_further_lines())
    return fail(ErrorCode::usage, "more than one line was pasted, and nothing was changed")
        .with_hint("pass several lines on standard input: '< FILE'");
  return answer;
}

KeyMode::KeyMode(Interrupt interrupt) {
  termios settings{};
  if (::tcgetattr(STDIN_FILENO, &settings) != 0)
    return;
  state_ = std::make_unique<State>(State{settings});
  settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  if (interrupt == Interrupt::key)
    settings.c_lflag &= ~static_cast<tcflag_t>(ISIG);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
}

KeyMode::~KeyMode() {
  if (state_)
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &state_->before);
}

}  // namespace dstack::ui
