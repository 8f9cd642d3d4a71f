#include "dstack/run/apps.hpp"

#include "dstack/base/json.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::run {

using store::AppState;

namespace {

constexpr std::string_view app_word = "app ";

std::string origin(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

/// The path, with the secret where the application takes it from there.
std::string with_secret(std::string path, const provider::App& app, std::string_view secret) {
  if (path.empty() || path.front() != '/')
    path.insert(0, "/");
  if (app.token_query.empty() || secret.empty())
    return path;
  path += path.find('?') == std::string::npos ? '?' : '&';
  return path.append(app.token_query).append("=").append(secret);
}

store::AppRecord record_of(const provider::App& app,
                           std::size_t job,
                           std::size_t index,
                           std::uint16_t port,
                           std::string_view secret) {
  store::AppRecord record;
  record.job = job;
  record.index = index;
  record.name = app.name;
  record.url = app_url(app, port, secret);
  if (app.token_query.empty())
    record.password = secret;
  return record;
}

}  // namespace

std::string app_url(const provider::App& app, std::uint16_t port, std::string_view secret) {
  return origin(port) + with_secret(app.path, app, secret);
}

Apps::Apps(const provider::JobSpec& spec,
           std::size_t job,
           const std::vector<std::uint16_t>& ports,
           std::string_view secret,
           std::chrono::milliseconds limit,
           Clock::time_point now)
    : limit_(limit), late_at_(now + limit) {
  for (std::size_t i = 0; i < spec.apps.size(); ++i) {
    const provider::App& app = spec.apps[i];
    if (app.port >= ports.size())
      continue;
    const std::uint16_t port = ports[app.port];
    const bool known = !app.health.empty();
    apps_.push_back({record_of(app, job, i, port, secret),
                     AppProbe(port,
                              with_secret(app.health, app, secret),
                              known ? AppProbe::Answer::good : AppProbe::Answer::any),
                     origin(port) + (known ? app.health : "/"),
                     known});
  }
}

bool Apps::settled() const {
  return !asking_ || std::all_of(apps_.begin(), apps_.end(), [](const Watched& app) {
    return app.probe.answered();
  });
}

void Apps::add_to(std::vector<pollfd>& polled) const {
  if (!asking_)
    return;
  for (const Watched& app : apps_)
    if (app.probe.fd() >= 0)
      polled.push_back({app.probe.fd(), app.probe.events(), 0});
}

std::optional<Apps::Clock::time_point> Apps::next_step() const {
  std::optional<Clock::time_point> next;
  if (!asking_)
    return next;
  if (!told_ && !apps_.empty())
    next = Clock::time_point{};
  for (const Watched& app : apps_) {
    if (app.probe.answered())
      continue;
    Clock::time_point at = app.probe.next_step();
    if (app.record.state == AppState::starting)
      at = std::min(at, late_at_);
    next = next ? std::min(*next, at) : at;
  }
  return next;
}

std::vector<store::AppRecord> Apps::step(Clock::time_point now) {
  std::vector<store::AppRecord> news;
  for (Watched& app : apps_) {
    const AppState before = app.record.state;
    if (before != AppState::ready)
      app.probe.step(now);
    if (before != AppState::ready && app.probe.answered()) {
      app.record.state = AppState::ready;
      app.record.ready_at = dstack::now();
    } else if (before == AppState::starting && now >= late_at_) {
      if (!app.known)
        app.record.state = AppState::late;
      else if (!overdue_)
        overdue_ = app.record.name + " did not answer at " + app.address + " within " +
                   render_duration(limit_);
    }
    if (!told_ || app.record.state != before)
      news.push_back(app.record);
  }
  told_ = true;
  return news;
}

std::string Apps::unanswered() const {
  std::string sentence;
  for (const Watched& app : apps_)
    if (app.known && app.record.state != AppState::ready)
      sentence += (sentence.empty() ? "" : "; ") + app.record.name +
                  " ended before it answered at " + app.address;
  return sentence;
}

std::string render(const store::AppRecord& app) {
  Json json = {{"job", app.job},
               {"index", app.index},
               {"name", app.name},
               {"url", app.url},
               {"password", app.password},
               {"state", store::render(app.state)}};
  if (app.ready_at)
    json["ready_at"] = app.ready_at->time_since_epoch().count();
  return std::string(app_word) + render_json(json);
}

std::optional<store::AppRecord> parse_app(std::string_view text) {
  if (!text.starts_with(app_word))
    return std::nullopt;
  const auto json = parse_json(text.substr(app_word.size()), "a message about an application");
  if (!json || !json->is_object())
    return std::nullopt;
  const auto state = store::parse_app_state(json_string(*json, "state"));
  if (!state)
    return std::nullopt;
  store::AppRecord app;
  app.job = static_cast<std::size_t>(json_integer(*json, "job"));
  app.index = static_cast<std::size_t>(json_integer(*json, "index"));
  app.name = json_string(*json, "name");
  app.url = json_string(*json, "url");
  app.password = json_string(*json, "password");
  app.state = *state;
  if (json_member(*json, "ready_at") != nullptr)
    app.ready_at = Timestamp(std::chrono::milliseconds(json_integer(*json, "ready_at")));
  return app;
}

}  // namespace dstack::run
