#include "dstack/run/protocol/mailbox.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr const char* socket_name = "mailbox";
constexpr std::string_view app_prefix = "app ";
constexpr std::string_view pipe_prefix = "pipe ";
constexpr std::string_view supervise_prefix = "supervise ";
constexpr std::string_view stop_prefix = "stop ";
constexpr std::string_view waits_prefix = "waits ";
constexpr std::string_view gives_up_prefix = "gives-up ";
constexpr std::size_t longest_message = 16 * 1024;

/// The address by way of an open folder: a socket's path has at most 107 bytes, a home's may be
/// longer.
sockaddr_un address_in(int folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(
      address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, socket_name);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<Mailbox> Mailbox::open(const Path& run_folder) {
  DSTACK_TRY(const Fd folder, open_file(run_folder.string(), O_PATH | O_DIRECTORY));
  Mailbox mailbox;
  mailbox.socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!mailbox.socket_)
    return fail_errno("cannot make a socket");
  ::unlinkat(folder.get(), socket_name, 0);
  const sockaddr_un address = address_in(folder.get());
  if (::bind(mailbox.socket_.get(), generic(address), sizeof address) != 0)
    return fail_errno("cannot make a socket in '{}'", run_folder.string());
  return mailbox;
}

std::optional<std::string> Mailbox::take() {
  std::array<char, longest_message> buffer;
  const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0)
    return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(count));
}

namespace {

/// Nobody has made it yet, or who did is dead.
bool is_absence(int error_number) {
  return files::is_missing(error_number) || error_number == ECONNREFUSED;
}

Result<bool> send_once(const Path& run_folder, std::string_view message) {
  auto sender = MailboxSender::open(run_folder);
  if (!sender && is_absence(sender.error().number))
    return false;
  if (!sender)
    return fail(std::move(sender).error());
  return sender->send(message);
}

}  // namespace

Result<MailboxSender> MailboxSender::open(const Path& run_folder) {
  MailboxSender sender;
  sender.run_folder_ = run_folder;
  DSTACK_TRY(sender.folder_, open_file(run_folder.string(), O_PATH | O_DIRECTORY));
  sender.socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!sender.socket_)
    return fail_errno("cannot make a socket");
  const timeval patience{2, 0};
  ::setsockopt(sender.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return sender;
}

Result<bool> MailboxSender::send(std::string_view message) const {
  const sockaddr_un address = address_in(folder_.get());
  if (::sendto(socket_.get(),
               message.data(),
               message.size(),
               MSG_NOSIGNAL,
               generic(address),
               sizeof address) >= 0)
    return true;
  if (is_absence(errno))
    return false;
  return fail_errno("cannot reach the supervisor in '{}'", run_folder_.string());
}

Result<bool> send(const Path& run_folder, std::string_view message) {
  return with_patience([&] { return send_once(run_folder, message); });
}

bool post(const Path& run_folder, std::string_view message) {
  return send_once(run_folder, message).value_or(false);
}

std::string render(const StopMessage& message) {
  return fmt::format("{}{}{}",
                     stop_prefix,
                     job::render(message.request),
                     message.workflow ? fmt::format(" {}", *message.workflow) : "");
}

std::optional<StopMessage> parse_stop(std::string_view text) {
  if (!text.starts_with(stop_prefix))
    return std::nullopt;
  const auto fields = split(text.substr(stop_prefix.size()), ' ');
  const auto request = job::parse_stop_request(fields.front());
  if (!request || fields.size() > 2)
    return std::nullopt;
  StopMessage message{*request};
  if (fields.size() == 2 && !(message.workflow = parse_number<std::size_t>(fields[1])))
    return std::nullopt;
  return message;
}

std::string render(const StateMessage& message) {
  std::string text = fmt::format("{} {} {} {}",
                                 message.job,
                                 job::render(message.status),
                                 message.at.time_since_epoch().count(),
                                 message.attempt);
  if (message.elapsed)
    text += fmt::format(" {}", message.elapsed->count());
  return text;
}

std::optional<StateMessage> parse_state(std::string_view text) {
  const auto fields = split(trim(text), ' ');
  if (fields.size() < 4)
    return std::nullopt;
  const auto job = parse_number<std::size_t>(fields[0]);
  const auto status = job::parse_status(fields[1]);
  const auto at = parse_number<std::int64_t>(fields[2]);
  const auto attempt = parse_number<std::size_t>(fields[3]);
  if (!job || !status || !at || !attempt)
    return std::nullopt;
  StateMessage message{*job, *status, Timestamp(std::chrono::milliseconds(*at)), *attempt};
  if (fields.size() > 4)
    if (const auto elapsed = parse_number<std::int64_t>(fields[4]))
      message.elapsed = std::chrono::milliseconds(*elapsed);
  return message;
}

std::string render_output_pipe(std::uint64_t inode) {
  return fmt::format("{}{}", pipe_prefix, inode);
}

std::optional<std::uint64_t> parse_output_pipe(std::string_view text) {
  if (!text.starts_with(pipe_prefix))
    return std::nullopt;
  return parse_number<std::uint64_t>(text.substr(pipe_prefix.size()));
}

std::string render_supervise(const std::string& run) {
  return fmt::format("{}{}", supervise_prefix, run);
}

std::optional<std::string> parse_supervise(std::string_view text) {
  if (!text.starts_with(supervise_prefix))
    return std::nullopt;
  return std::string(text.substr(supervise_prefix.size()));
}

std::string render(const TroubleMessage& message) {
  const bool waits = message.kind == TroubleMessage::Kind::waits;
  return fmt::format("{}{} {} {}",
                     waits ? waits_prefix : gives_up_prefix,
                     message.job,
                     message.attempt,
                     message.text.substr(0, longest_message / 2));
}

std::string describe_full_disk(const Error& error) {
  return fmt::format("disk full: {}", error.message);
}

std::optional<TroubleMessage> parse_trouble(std::string_view text) {
  TroubleMessage message;
  if (text.starts_with(gives_up_prefix))
    message.kind = TroubleMessage::Kind::gives_up;
  else if (!text.starts_with(waits_prefix))
    return std::nullopt;
  const auto fields = split(text, ' ');
  const auto job = fields.size() > 3 ? parse_number<std::size_t>(fields[1]) : std::nullopt;
  const auto attempt = fields.size() > 3 ? parse_number<std::size_t>(fields[2]) : std::nullopt;
  if (!job || !attempt)
    return std::nullopt;
  message.job = *job;
  message.attempt = *attempt;
  message.text = text.substr(static_cast<std::size_t>(fields[3].data() - text.data()));
  return message;
}

std::string render(const job::Application& app) {
  return std::string(app_prefix) + render_json(app);
}

std::optional<job::Application> parse_app(std::string_view text) {
  if (!text.starts_with(app_prefix))
    return std::nullopt;
  const auto json = parse_json(text.substr(app_prefix.size()), "a message about an application");
  if (!json)
    return std::nullopt;
  auto app = from_json_value<job::Application>(*json, "a message about an application");
  return app ? std::optional(*std::move(app)) : std::nullopt;
}

}  // namespace dstack::run
