#include "views/checks.hpp"

#include "command_line/exit_code.hpp"
#include "dstack/base/json.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

constexpr std::size_t width_of_status = 8;
constexpr std::size_t width_of_subject = 10;

std::string_view render(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::note:
      return "note";
    case Health::warning:
      return "warning";
    case Health::error:
      break;
  }
  return "error";
}

std::string mark(const ui::Stream& stream, Health health) {
  const ui::Colour colour = health == Health::ok        ? ui::Colour::green
                            : health == Health::note    ? ui::Colour::dim
                            : health == Health::warning ? ui::Colour::yellow
                                                        : ui::Colour::red;
  std::string text(render(health));
  text.resize(width_of_status - 1, ' ');
  return ui::paint(stream, colour, text);
}

}  // namespace

void print_checks(Context& context, const std::vector<Check>& checks) {
  const ui::Stream& stream = context.out.stream();
  std::string last;
  for (const Check& check : checks) {
    std::string subject = check.subject == last ? "" : check.subject;
    last = check.subject;
    subject.resize(width_of_subject, ' ');
    context.out.line(
        fmt::format("{} {}{}", mark(stream, check.health), subject, printable(check.detail)));
    if (!check.hint.empty())
      context.out.line(std::string(width_of_status + width_of_subject, ' ') +
                       ui::paint(stream, ui::Colour::dim, check.hint));
  }
}

void print_checks_as_json(Context& context, const std::vector<Check>& checks) {
  Json list = Json::array();
  for (const Check& check : checks)
    list.push_back({{"check", check.subject},
                    {"status", render(check.health)},
                    {"detail", check.detail},
                    {"hint", check.hint.empty() ? Json() : Json(check.hint)}});
  context.out.json(list);
}

int exit_code_of(const std::vector<Check>& checks) {
  const bool failed = std::any_of(checks.begin(), checks.end(), [](const Check& check) {
    return check.health == Health::error;
  });
  return failed ? exit_code::failure : exit_code::success;
}

}  // namespace dstack::cli
