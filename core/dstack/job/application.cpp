#include "dstack/job/application.hpp"

#include "dstack/base/json_fields.hpp"

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

void to_json(Json& json, ApplicationState state) {
  json = render(state);
}

void from_json(const Json& json, ApplicationState& state) {
  read_word(json, state, parse_application_state, "unknown application state");
}

template <class Fields, MaybeConst<Application> Self>
void fields(Fields& fields, Self& app) {
  fields.member("job", app.job);
  fields.member("index", app.index);
  fields.member("name", app.name);
  fields.member("url", app.url);
  fields.member("password", app.password);
  fields.required("state", app.state);
  fields.optional("ready_at", app.ready_at);
}

void to_json(Json& json, const Application& app) {
  write_fields(json, app);
}

void from_json(const Json& json, Application& app) {
  read_fields(json, app, "application");
}

}  // namespace dstack::job
