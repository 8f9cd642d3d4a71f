#include "ui/output.hpp"

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace dstack::ui {

namespace {

constexpr std::size_t pending_limit = 64 * 1024;

/// For a standard output that another process made non-blocking.
void wait_until_writable(int fd) {
  pollfd polled{fd, POLLOUT, 0};
  ::poll(&polled, 1, -1);
}

}  // namespace

void Output::write(std::string_view text) {
  if (pending_.size() + text.size() > pending_limit)
    flush();
  if (text.size() > pending_limit)
    send(text);
  else
    pending_ += text;
}

void Output::json(const Json& document) {
  line(render_json_pretty(document));
}

void Output::flush() {
  send(pending_);
  pending_.clear();
}

void Output::send(std::string_view bytes) {
  while (!bytes.empty() && !closed()) {
    const ssize_t count = ::write(stream_.fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      wait_until_writable(stream_.fd);
    } else if (errno != EINTR) {
      closed_ = errno == EPIPE;
      failed_ = !closed_;
      if (failed_)
        error_ = fail_errno("cannot write to standard output").value();
      if (when_closed_)
        when_closed_();
    }
  }
}

Result<void> Output::status() const {
  if (failed_)
    return fail(error_).with_hint("{}", hint_);
  return {};
}

void JsonArray::add(const Json& element) {
  out_.write(is_empty_ ? "[\n" : ",\n");
  is_empty_ = false;
  std::string text = "  ";
  for (const char c : render_json_pretty(element)) {
    text += c;
    if (c == '\n')
      text += "  ";
  }
  out_.write(text);
}

void JsonArray::finish() {
  out_.line(is_empty_ ? "[]" : "\n]");
}

}  // namespace dstack::ui
