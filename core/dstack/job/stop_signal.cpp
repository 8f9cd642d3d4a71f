#include "dstack/job/stop_signal.hpp"

#include "dstack/base/format.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <signal.h>

namespace dstack::job {

namespace {

constexpr std::array<std::pair<std::string_view, int>, 7> known = {{{"TERM", SIGTERM},
                                                                    {"INT", SIGINT},
                                                                    {"HUP", SIGHUP},
                                                                    {"QUIT", SIGQUIT},
                                                                    {"USR1", SIGUSR1},
                                                                    {"USR2", SIGUSR2},
                                                                    {"WINCH", SIGWINCH}}};

std::vector<std::string> names_of_known() {
  std::vector<std::string> names;
  for (const auto& [name, number] : known)
    names.emplace_back(name);
  return names;
}

}  // namespace

const std::vector<std::string>& stop_signals() {
  static const std::vector<std::string> names = names_of_known();
  return names;
}

std::optional<int> stop_signal_number(std::string_view name) {
  if (name.empty())
    return SIGTERM;
  const auto* const found = std::find_if(
      known.begin(), known.end(), [&](const auto& signal) { return signal.first == name; });
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

std::string stop_trap(std::string_view name) {
  const auto number = stop_signal_number(name);
  if (!number || *number == SIGTERM)
    return {};
  return fmt::format("trap 'exit {}' {}; ", 128 + *number, name);
}

}  // namespace dstack::job
