// Reports the end of a run to a command: the run as JSON on its standard input, the most important
// facts in its environment.
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/signal.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/report/delivery.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

extern char** environ;

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t kept_output = 4096;  ///< bytes of the end
constexpr int most_reads = 32;             ///< of what is left in the pipe at the end

/// The supervisor's own, which is that of the command that started the run, and:
std::vector<std::string> environment_for(const Notification& notification) {
  const std::array<std::pair<std::string, std::string>, 5> ours = {{
      {"DSTACK_HOME", notification.home.root.string()},
      {"DSTACK_RUN", notification.run},
      {"DSTACK_STATUS", notification.status},
      {"DSTACK_PROJECT", notification.project},
      {notification_variable, notification.id},
  }};
  std::vector<std::string> environment;
  for (const auto& [name, value] : ours)
    environment.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    bool is_ours = false;
    for (const auto& variable : ours)
      is_ours = is_ours || variable.first == name;
    if (!is_ours)
      environment.emplace_back(text);
  }
  return environment;
}

/// A relative program is next to the file that names it.
std::vector<std::string> resolved(std::vector<std::string> argv, const Path& home) {
  std::string& program = argv.front();
  if (program.find('/') != std::string::npos && program.front() != '/')
    program = (home / program).lexically_normal().string();
  return argv;
}

/// The end of what the command writes.
class Output {
 public:
  explicit Output(Fd pipe) : pipe_(std::move(pipe)) { ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK); }

  int fd() const { return pipe_.get(); }

  /// False when there is nothing now.
  bool take() {
    std::array<char, kept_output> buffer;
    const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (count == 0)
      pipe_.reset();
    if (count <= 0)
      return false;
    end_.append(buffer.data(), static_cast<std::size_t>(count));
    if (end_.size() > kept_output)
      end_.erase(0, end_.size() - kept_output);
    return true;
  }

  std::string last() {
    for (int reads = 0; reads < most_reads && pipe_ && take(); ++reads) {
    }
    return last_line(end_);
  }

 private:
  Fd pipe_;
  std::string end_;
};

/// False when it takes longer. What it has started may go on, and keep the pipe.
bool ends_in_time(const process::Child& child, Output& output, std::chrono::milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0)
      return false;
    std::array<pollfd, 2> polled = {pollfd{child.pidfd(), POLLIN, 0},
                                    pollfd{output.fd(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), static_cast<int>(left)) < 0 && errno != EINTR)
      return false;
    if (polled[1].revents != 0)
      output.take();
    if (polled[0].revents != 0)
      return true;
  }
}

Attempt failed(std::string reason) {
  return {Attempt::Outcome::failed, std::move(reason)};
}

}  // namespace

Attempt run_command(const config::Receiver& receiver, const Notification& notification) {
  // Processes of an attempt whose supervisor was killed.
  process::kill_marked(notification_variable, notification.id);
  auto input = hand_over_order(notification.body);
  auto pipe = make_pipe();
  if (!input || !pipe)
    return failed(render((input ? pipe.error() : input.error())));
  process::Command command;
  command.argv = resolved(receiver.command, notification.home.root);
  command.environment = environment_for(notification);
  command.working_dir = notification.home.root.string();
  command.descriptors = {{0, input->get()}, {1, pipe->write_end.get()}, {2, pipe->write_end.get()}};
  command.group = process::Group::own_session;
  auto child = process::spawn(command);
  if (!child)
    return {child.error().code == ErrorCode::not_found ? Attempt::Outcome::hopeless
                                                       : Attempt::Outcome::failed,
            render(child.error())};
  pipe->write_end.reset();
  Output output(std::move(pipe->read_end));
  if (!ends_in_time(*child, output, receiver.timeout)) {
    ::kill(-child->pid(), SIGKILL);
    process::kill_marked(notification_variable, notification.id);
    child->wait();
    return failed(fmt::format("it did not end within {}", render_duration(receiver.timeout)));
  }
  const process::ExitStatus status = child->wait();
  if (process::succeeded(status))
    return {};
  const std::string said = output.last();
  return failed(process::render(status) + (said.empty() ? "" : fmt::format(": {}", said)));
}

}  // namespace dstack::run
