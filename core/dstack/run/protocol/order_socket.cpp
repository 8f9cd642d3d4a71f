#include "dstack/run/protocol/order_socket.hpp"

#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/descriptor_message.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

bool is_plain(const JobOrder& order) {
  const job::JobSpec& spec = order.spec;
  const bool is_program = agent_role(spec).empty();
  const bool needs_nothing_made = !spec.python && !spec.sandbox && spec.tools.empty() &&
                                  spec.apps.empty() && order.links.empty();
  const bool holds_nothing =
      spec.resources == job::Resources() && spec.ports == 0 && !spec.master && order.gpus.empty();
  const bool has_no_secrets = !has_secrets(order) && order.env_files.empty() && spec.token.empty();
  return is_program && needs_nothing_made && holds_nothing && has_no_secrets;
}

std::string job_of_runner(const std::string& run, std::size_t job) {
  return fmt::format("{}/{}", run, job);
}

Result<void> give_order(int socket, int order, int lock) {
  return send_descriptors(socket, std::array{order, lock});
}

RunnerState take_state(int socket) {
  char word = 0;
  const ssize_t count = ::recv(socket, &word, sizeof word, MSG_DONTWAIT);
  if (count > 0)
    return RunnerState::ready;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? RunnerState::busy : RunnerState::gone;
}

Result<std::optional<Fd>> take_order_socket() {
  struct stat input {};

  if (::fstat(STDIN_FILENO, &input) != 0 || !S_ISSOCK(input.st_mode))
    return std::optional<Fd>();
  Fd socket(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!socket)
    return fail_errno("cannot take the socket of a runner");
  DSTACK_CHECK(leave_empty_input());
  return std::optional(std::move(socket));
}

Result<std::optional<GivenOrder>> take_given_order(int socket) {
  auto received = receive_descriptors(socket);
  if (received.size() != 2)
    return std::nullopt;
  const auto text = read_order(received[0].get());
  if (!text)
    return Failure(text.error());
  DSTACK_TRY(auto order, parse_job_order(*text));
  return GivenOrder{std::move(order), std::move(received[1])};
}

bool say_ready(int socket) {
  const char word = 0;
  return ::send(socket, &word, sizeof word, MSG_NOSIGNAL) == sizeof word;
}

}  // namespace dstack::run
