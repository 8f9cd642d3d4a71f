#include "dstack/run/supervisor/poll_events.hpp"

#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include <poll.h>

namespace dstack::run {

namespace {

/// A runner that was just starting when the supervisor before died is polled for, and so is a
/// record that could not be read; everything else is an event.
constexpr int look_again_ms = 100;

/// A run that a job has submitted is none of its processes: it does not end with the job.
void supervise(const files::Home& home, const std::string& run) {
  log_decision(fmt::format("starts a supervisor for run '{}', which a job has submitted", run));
  if (const auto started = ensure_supervised(home, run); !started)
    log_decision(render(started.error()));
}

void take_mail(Mailbox& mailbox, const files::Home& home, std::vector<std::string>& mail) {
  while (auto message = mailbox.take()) {
    if (const auto run = parse_supervise(*message))
      supervise(home, *run);
    else
      mail.push_back(*std::move(message));
  }
}

}  // namespace

Result<Happened> PollEvents::wait() {
  auto& [mailbox, saver, recorder, reservations, runners, home] = sources_;
  const auto watched = runners.watched();
  std::vector<pollfd> polled = {
      {mailbox.fd(), POLLIN, 0}, {saver.fd(), POLLIN, 0}, {recorder.fd(), POLLIN, 0}};
  const std::size_t others = polled.size();
  for (const auto& [fd, job] : watched)
    polled.push_back({fd, POLLIN, 0});
  const std::size_t first_idle = polled.size();
  for (const int fd : runners.idle().watched())
    polled.push_back({fd, POLLIN, 0});
  const std::size_t first_lease = polled.size();
  reservations.add_events(polled);
  if (::poll(polled.data(), polled.size(), runners.any_unknown() ? look_again_ms : -1) < 0 &&
      errno != EINTR) {
    const Error error = system_error(errno, "cannot wait for jobs");
    return patience_.wait(error) ? Result<Happened>(Happened()) : fail(error);
  }
  patience_.succeeded();
  reservations.note_events(std::span(polled).subspan(first_lease));
  Happened happened;
  // In any case: the last words of a runner that has just ended are there.
  take_mail(mailbox, home, happened.mail);
  if (polled[1].revents != 0)
    happened.saved = saver.take_finished();
  if (polled[2].revents != 0) {
    DSTACK_TRY(happened.recorded, recorder.take());
  }
  for (std::size_t i = 0; i < watched.size(); ++i)
    if (polled[i + others].revents != 0 && runners.read_record(watched[i].second))
      happened.ended.push_back(watched[i].second);
  const auto has_event = [](const pollfd& p) { return p.revents != 0; };
  if (std::any_of(polled.begin() + static_cast<std::ptrdiff_t>(first_idle),
                  polled.begin() + static_cast<std::ptrdiff_t>(first_lease),
                  has_event))
    runners.idle().drop_ended();
  look_for_unknown(happened);
  return happened;
}

void PollEvents::look_for_unknown(Happened& happened) {
  if (!sources_.runners.any_unknown())
    return;
  const LocalRunners::Found found = sources_.runners.look_again();
  happened.found = found.watched > 0;
  happened.ended.insert(happened.ended.end(), found.ended.begin(), found.ended.end());
}

}  // namespace dstack::run
