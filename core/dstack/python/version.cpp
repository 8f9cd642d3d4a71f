#include "dstack/python/version.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::python {

std::optional<Version> parse_version(std::string_view text) {
  Version version;
  for (const std::string_view part : split(text, '.')) {
    const auto number = parse_number<int>(part);
    if (!number || *number < 0)
      return std::nullopt;
    version.push_back(*number);
  }
  if (version.size() > 3)
    return std::nullopt;
  return version;
}

std::string render_version(const Version& version) {
  std::vector<std::string> parts;
  for (const int part : version)
    parts.push_back(std::to_string(part));
  return join(parts, ".");
}

bool matches(const Version& version, const Version& wanted) {
  return version.size() >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), version.begin());
}

bool may_match(const Version& known, const Version& wanted) {
  return matches(known, wanted) || matches(wanted, known);
}

}  // namespace dstack::python
