#include "ui/browser.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/process/spawn.hpp"

#include <poll.h>

namespace dstack::cli {

namespace {

constexpr const char* page_name = "open.html";
/// Output of the opener after this is dropped: some openers run until the browser is closed.
constexpr int start_timeout_ms = 3000;

std::string escaped(const std::string& text) {
  std::string html;
  for (const char c : text)
    html += c == '&' ? "&amp;" : c == '"' ? "&quot;" : c == '<' ? "&lt;" : std::string(1, c);
  return html;
}

std::string page_to(const std::string& url) {
  return fmt::format(
      "<!DOCTYPE html><meta charset=\"utf-8\"><meta name=\"referrer\" "
      "content=\"no-referrer\"><meta http-equiv=\"refresh\" content=\"0;url={}\"><a "
      "href=\"{}\">open the application</a>\n",
      escaped(url),
      escaped(url));
}

}  // namespace

bool has_display() {
  return (nonempty_environment_variable("DISPLAY") ||
          nonempty_environment_variable("WAYLAND_DISPLAY")) &&
         !nonempty_environment_variable("SSH_CONNECTION");
}

Result<void> open_browser(const std::string& url, const Path& folder) {
  std::string address = url;
  if (url.find('?') != std::string::npos) {
    const Path page = folder / page_name;
    DSTACK_CHECK(make_folders(folder));
    DSTACK_CHECK(write_file_atomically(page, page_to(url), Durable::no, 0600));
    address = "file://" + page.string();
  }
  process::Command command;
  command.argv = {"xdg-open", address};
  command.group = process::Group::own_session;
  auto child = process::spawn(command);
  if (!child)
    return fail(ErrorCode::unavailable, "cannot open a browser: 'xdg-open' not found")
        .with_hint("install xdg-utils, or open the address yourself");
  pollfd polled{child->pidfd(), POLLIN, 0};
  if (::poll(&polled, 1, start_timeout_ms) > 0)
    if (const auto status = child->wait(); !process::succeeded(status))
      return fail(ErrorCode::unavailable,
                  "cannot open a browser: xdg-open ended with {}",
                  process::render(status))
          .with_hint("open the address yourself");
  return {};
}

}  // namespace dstack::cli
