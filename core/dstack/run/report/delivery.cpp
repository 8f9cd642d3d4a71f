#include "dstack/run/report/delivery.hpp"

#include "dstack/base/text.hpp"

namespace dstack::run {

namespace {

constexpr std::size_t longest_line = 200;  ///< bytes

std::string cut(std::string_view line) {
  std::string text(trim(line).substr(0, longest_line));
  if (text.size() == longest_line)
    text.resize(find_invalid_utf8(text).value_or(text.size()));
  return text;
}

}  // namespace

std::string first_line(std::string_view text) {
  for (const std::string_view line : split(text, '\n'))
    if (!trim(line).empty())
      return cut(line);
  return {};
}

std::string last_line(std::string_view text) {
  std::string last;
  for (const std::string_view line : split(text, '\n'))
    if (!trim(line).empty())
      last = cut(line);
  return last;
}

Attempt deliver(const config::Receiver& receiver, const Notification& notification) {
  return receiver.command.empty() ? post_webhook(receiver, notification)
                                  : run_command(receiver, notification);
}

}  // namespace dstack::run
