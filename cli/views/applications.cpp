#include "views/applications.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/application_host.hpp"

#include <array>

#include <unistd.h>

namespace dstack::cli {

std::string port_of(std::string_view url) {
  const std::size_t colon = url.find(':', url.find("//"));
  if (colon == std::string_view::npos)
    return {};
  url.remove_prefix(colon + 1);
  return std::string(url.substr(0, url.find_first_not_of("0123456789")));
}

std::string shown_url(const std::string& run, const job::Application& app) {
  return job::browser_url(run, app).value_or(app.url);
}

std::string render_app(const ui::Stream& stream,
                       const std::string& run,
                       const job::Application& app) {
  std::string text =
      fmt::format("{} at {}",
                  printable(app.name),
                  ui::paint(stream, ui::Colour::cyan, printable(shown_url(run, app))));
  if (!app.password.empty())
    text +=
        fmt::format(", password {}", ui::paint(stream, ui::Colour::bold, printable(app.password)));
  return text;
}

std::optional<std::string> ssh_command(const job::Application& app) {
  // "client's address, its port, the address it came to, the port there"
  const auto connection = environment_variable("SSH_CONNECTION");
  if (!connection)
    return std::nullopt;
  const auto fields = split(*connection, ' ');
  const std::string port = port_of(app.url);
  if (fields.size() != 4 || port.empty())
    return std::nullopt;
  const std::string user = user_name(::geteuid()).value_or("");
  return fmt::format("ssh -N -L {}:127.0.0.1:{}{} {}{}",
                     port,
                     port,
                     fields[3] == "22" ? "" : fmt::format(" -p {}", fields[3]),
                     user.empty() ? "" : user + "@",
                     fields[2]);
}

}  // namespace dstack::cli
