#include "ui/prompt.hpp"

#include "dstack/base/text.hpp"

#include <termios.h>
#include <unistd.h>

namespace dstack::ui {

struct KeyMode::State {
  termios before;
};

bool can_ask() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1 &&
         ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

Result<bool> confirm(const Messages& messages,
                     const std::string& question,
                     const std::string& what) {
  if (!can_ask())
    return fail(ErrorCode::usage,
                what + " needs a yes, and there is no terminal to ask at",
                "add '-y' to say yes beforehand");
  messages.raw(question + " [y/N] ");
  std::string answer;
  for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';)
    answer += c;
  const std::string word = to_lower(trim(answer));
  return word == "y" || word == "yes";
}

KeyMode::KeyMode() {
  termios settings{};
  if (::tcgetattr(STDIN_FILENO, &settings) != 0)
    return;
  state_ = std::make_unique<State>(State{settings});
  settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
}

KeyMode::~KeyMode() {
  if (state_)
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &state_->before);
}

}  // namespace dstack::ui
