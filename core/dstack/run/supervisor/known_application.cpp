#include "dstack/run/supervisor/known_application.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/base/format.hpp"

#include <algorithm>
#include <string_view>

namespace dstack::run {

namespace {

constexpr std::size_t longest_path = 4096;

bool may_be_in_path(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/-._~!$&()*+,;=:@%?").find(c) != std::string_view::npos;
}

/// With the query; "/" where it is not one.
std::string_view path_of(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  url.remove_prefix(std::min(url.find('/'), url.size()));
  const bool is_path = !url.empty() && url.size() <= longest_path &&
                       std::all_of(url.begin(), url.end(), may_be_in_path);
  return is_path ? url : "/";
}

}  // namespace

std::optional<job::Application> known_application(job::Application said,
                                                  const job::JobSpec& spec,
                                                  const std::vector<std::uint16_t>& ports) {
  if (said.index >= spec.apps.size() || spec.apps[said.index].port >= ports.size())
    return std::nullopt;
  const bool is_https = said.url.starts_with("https://");
  if (!is_https && !said.url.starts_with("http://"))
    return std::nullopt;
  const job::ApplicationSpec& app = spec.apps[said.index];
  said.name = app.name;
  said.url = fmt::format("{}://{}:{}{}",
                         is_https ? "https" : "http",
                         backend::local_host,
                         ports[app.port],
                         path_of(said.url));
  if (spec.token.empty())
    said.password.clear();
  return said;
}

}  // namespace dstack::run
