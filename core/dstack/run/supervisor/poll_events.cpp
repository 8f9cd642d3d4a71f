#include "dstack/run/supervisor/poll_events.hpp"

#include "dstack/run/protocol/mailbox.hpp"

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

}  // namespace

Result<Happened> PollEvents::wait() {
  auto& [mailbox, saver, recorder, reservations, runners] = sources_;
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
  patience_ = {};
  reservations.note_events(std::span(polled).subspan(first_lease));
  Happened happened;
  // In any case: the last words of a runner that has just ended are there.
  while (auto message = mailbox.take())
    happened.mail.push_back(*std::move(message));
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
