// An application of a job, as it is shown to people while the job runs.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/base/time.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::job {

/// Whether an application of a job answers.
enum class ApplicationState {
  starting,
  ready,  ///< it has answered
  late,   ///< it has not answered, for longer than applications take
};
std::string_view render(ApplicationState state);
std::optional<ApplicationState> parse_application_state(std::string_view text);
void to_json(Json& json, ApplicationState state);
void from_json(const Json& json, ApplicationState& state);

/// An application of a job that people open in a browser. It exists while its job runs.
struct Application {
  std::size_t job = 0;
  std::size_t index = 0;  ///< among those of its job
  std::string name = {};
  std::string url = {};       ///< complete: with the job's token, where the address takes it
  std::string password = {};  ///< to be typed in; empty: none
  ApplicationState state = ApplicationState::starting;
  std::optional<Timestamp> ready_at = {};

  bool operator==(const Application&) const = default;
};

void to_json(Json& json, const Application& app);
void from_json(const Json& json, Application& app);

}  // namespace dstack::job
