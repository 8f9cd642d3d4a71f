#include "dstack/run/runner/applications.hpp"

#include "dstack/base/json.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/application.hpp"
#include "dstack/secrets/masker.hpp"

#include <algorithm>

namespace dstack::run {

using job::ApplicationState;

namespace {

constexpr std::chrono::milliseconds between_looks{100};
constexpr int most_ipv6_tries = 20;

std::string root_of(const ApplicationAddress& address, std::uint16_t port) {
  return fmt::format("{}://127.0.0.1:{}{}", address.scheme, port, address.base);
}

/// The path, with the secret where the application takes it from there.
std::string with_secret(std::string path,
                        const job::ApplicationSpec& app,
                        std::string_view secret) {
  if (path.empty() || path.front() != '/')
    path.insert(0, "/");
  if (app.token_query.empty() || secret.empty())
    return path;
  path += path.find('?') == std::string::npos ? '?' : '&';
  return path.append(app.token_query).append("=").append(secret);
}

job::Application record_of(const job::ApplicationSpec& app,
                           std::size_t job,
                           std::size_t index,
                           std::uint16_t port,
                           std::string_view secret) {
  job::Application record;
  record.job = job;
  record.index = index;
  record.name = app.name;
  record.url = app_url(app, port, secret);
  if (app.token_query.empty())
    record.password = secret;
  return record;
}

ApplicationProbe probe_of(const job::ApplicationSpec& app,
                          std::uint16_t port,
                          std::string_view secret,
                          const ApplicationAddress& address) {
  return {root_of(address, port) + with_secret(app.health, app, secret),
          app.health.empty() ? ApplicationProbe::Answer::any : ApplicationProbe::Answer::good};
}

}  // namespace

std::string app_url(const job::ApplicationSpec& app,
                    std::uint16_t port,
                    std::string_view secret,
                    const ApplicationAddress& address) {
  return root_of(address, port) + with_secret(app.path, app, secret);
}

job::Application without_secret(job::Application app, std::string_view secret) {
  if (const std::size_t at = secret.empty() ? std::string::npos : app.url.rfind(secret);
      at != std::string::npos)
    app.url.replace(at, secret.size(), secrets::mask);
  if (!app.password.empty())
    app.password = secrets::mask;
  return app;
}

std::string Applications::Watched::asked() const {
  return root_of(address, port) + (is_known() ? spec.health : "/");
}

Applications::Applications(const job::JobSpec& spec,
                           std::size_t job,
                           const std::vector<std::uint16_t>& ports,
                           std::string_view secret,
                           std::chrono::milliseconds limit,
                           Clock::time_point now,
                           Path private_folder,
                           const PortOwners* owners)
    : owners_(owners),
      secret_(secret),
      private_folder_(std::move(private_folder)),
      limit_(limit),
      late_at_(now + limit) {
  for (std::size_t i = 0; i < spec.apps.size(); ++i) {
    const job::ApplicationSpec& app = spec.apps[i];
    if (app.port >= ports.size())
      continue;
    const std::uint16_t port = ports[app.port];
    apps_.push_back(
        {app, port, {}, record_of(app, job, i, port, secret), probe_of(app, port, secret, {})});
  }
}

void Applications::look_for_addresses(Clock::time_point now) {
  if (private_folder_.empty() || now < next_look_)
    return;
  next_look_ = now + between_looks;
  for (Watched& app : apps_) {
    if (app.probe.answered())
      continue;
    const auto address = read_application_address(private_folder_, app.spec.port);
    if (!address || *address == app.address)
      continue;
    app.address = *address;
    app.record.url = app_url(app.spec, app.port, secret_, *address);
    app.probe = probe_of(app.spec, app.port, secret_, *address);
  }
}

bool Applications::settled() const {
  return !asking_ || std::all_of(apps_.begin(), apps_.end(), [](const Watched& app) {
    return app.probe.answered();
  });
}

void Applications::add_to(std::vector<pollfd>& polled) const {
  if (!asking_)
    return;
  for (const Watched& app : apps_)
    if (app.probe.fd() >= 0)
      polled.push_back({app.probe.fd(), app.probe.events(), 0});
}

std::optional<Applications::Clock::time_point> Applications::next_step() const {
  std::optional<Clock::time_point> next;
  if (!asking_)
    return next;
  if (!reported_ && !apps_.empty())
    next = Clock::time_point{};
  for (const Watched& app : apps_) {
    if (app.probe.answered())
      continue;
    Clock::time_point at = app.probe.next_step();
    if (app.record.state == ApplicationState::starting)
      at = std::min(at, late_at_);
    next = next ? std::min(*next, at) : at;
  }
  return next;
}

std::vector<job::Application> Applications::step(Clock::time_point now) {
  look_for_addresses(now);
  std::vector<job::Application> changed;
  for (Watched& app : apps_) {
    const ApplicationState before = app.record.state;
    if (before != ApplicationState::ready)
      ask(app, now);
    if (before != ApplicationState::ready && app.probe.answered() && may_be_ready(app, now)) {
      app.record.state = ApplicationState::ready;
      app.record.ready_at = dstack::now();
    } else if (before == ApplicationState::starting && now >= late_at_) {
      if (!app.is_known())
        app.record.state = ApplicationState::late;
      else if (!overdue_)
        overdue_ = fmt::format("{} did not answer at {} within {}",
                               app.record.name,
                               app.asked(),
                               render_duration(limit_));
    }
    if (!reported_ || app.record.state != before)
      changed.push_back(app.record);
  }
  reported_ = true;
  return changed;
}

void Applications::ask(Watched& app, Clock::time_point now) {
  const auto owner =
      owners_ != nullptr && app.probe.wants_to_ask(now) ? owners_->look(app.port) : std::nullopt;
  if (owner) {
    if (owner->kind == PortOwner::Kind::stranger)
      stranger_ = describe_stranger(app.port, *owner);
    if (stranger_ || (owner->kind == PortOwner::Kind::nobody && !owners_->is_container()))
      return app.probe.put_off(now);
    app.listener = owner->listener;
  }
  app.probe.step(now);
}

bool Applications::keeps_ipv6(Watched& app, const PortOwner& owner) {
  if (owner.has_ipv6)
    return true;
  auto kept = keep_ipv6_port(app.port);
  if (kept) {
    app.kept_ipv6 = *std::move(kept);
    return true;
  }
  // A program of the job may just be about to listen there. Whoever holds it without listening
  // could begin to at any time.
  if (++app.ipv6_tries == most_ipv6_tries)
    stranger_ = fmt::format("port {} is the job's, but somebody else has it at ::1", app.port);
  return false;
}

bool Applications::may_be_ready(Watched& app, Clock::time_point now) {
  const auto owner = owners_ != nullptr ? owners_->look(app.port) : std::nullopt;
  if (!owner)
    return true;
  if (owner->kind == PortOwner::Kind::stranger)
    stranger_ = describe_stranger(app.port, *owner);
  else if (owner->listener == app.listener && keeps_ipv6(app, *owner))
    return true;
  app.probe.forget(now);
  return false;
}

std::string Applications::unanswered() const {
  std::string sentence;
  for (const Watched& app : apps_)
    if (app.is_known() && app.record.state != ApplicationState::ready)
      sentence += fmt::format("{}{} ended before it answered at {}",
                              sentence.empty() ? "" : "; ",
                              app.record.name,
                              app.asked());
  return sentence;
}

}  // namespace dstack::run
