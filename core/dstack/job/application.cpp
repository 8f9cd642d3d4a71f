#include "dstack/job/application.hpp"

namespace dstack::job {

std::string_view render(ApplicationState state) {
  switch (state) {
    case ApplicationState::starting:
      return "starting";
    case ApplicationState::ready:
      return "ready";
    case ApplicationState::late:
      return "late";
  }
  return "starting";
}

std::optional<ApplicationState> parse_application_state(std::string_view text) {
  for (const ApplicationState state :
       {ApplicationState::starting, ApplicationState::ready, ApplicationState::late})
    if (text == render(state))
      return state;
  return std::nullopt;
}

}  // namespace dstack::job
