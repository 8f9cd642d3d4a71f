#include "dstack/job/application_host.hpp"

#include "dstack/base/format.hpp"

#include <algorithm>

namespace dstack::job {

namespace {

constexpr std::string_view local = "127.0.0.1:";
/// Of a label of a domain name, which has 63 at the most; the rest is for numbers.
constexpr std::size_t longest_label = 40;

/// Small letters, digits, and single '-' between them.
std::string label_of(std::string_view text, std::string_view if_empty) {
  std::string label;
  for (const char c : text.substr(0, longest_label)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      label += is_upper ? static_cast<char>(c - 'A' + 'a') : c;
    else if (!label.empty() && label.back() != '-')
      label += '-';
  }
  if (label.ends_with('-'))
    label.pop_back();
  return label.empty() ? std::string(if_empty) : label;
}

}  // namespace

std::string browser_host(std::string_view run,
                         std::size_t job,
                         std::size_t index,
                         std::string_view name) {
  const std::string number = job == 0 && index == 0 ? "" : fmt::format("--{}-{}", job, index);
  return fmt::format("{}{}.{}.localhost", label_of(name, "app"), number, label_of(run, "run"));
}

std::optional<std::string> browser_url(std::string_view run, const Application& app) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    std::string_view rest = app.url;
    if (!rest.starts_with(scheme) || !rest.substr(scheme.size()).starts_with(local))
      continue;
    rest.remove_prefix(scheme.size() + local.size());
    const std::size_t digits = rest.find_first_not_of("0123456789");
    if (digits == 0 || (digits != std::string_view::npos && rest[digits] != '/'))
      return std::nullopt;
    return fmt::format("{}{}:{}", scheme, browser_host(run, app.job, app.index, app.name), rest);
  }
  return std::nullopt;
}

}  // namespace dstack::job
