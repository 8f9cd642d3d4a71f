#include "dstack/python/passwords.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/environment_names.hpp"

#include <string_view>

namespace dstack::python {

namespace {

/// `ci:password@` of an address: the password, or a name that stands alone, which is a token.
std::string password_of(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos)
    return {};
  const std::string_view authority =
      address.substr(scheme + 3, address.find_first_of("/?#", scheme + 3) - scheme - 3);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos)
    return {};
  const std::string_view account = authority.substr(0, at);
  const std::size_t colon = account.find(':');
  if (colon == std::string_view::npos || colon + 1 == account.size())
    return std::string(account.substr(0, colon));
  return std::string(account.substr(colon + 1));
}

}  // namespace

std::string hidden_part(const std::string& name, const std::string& value) {
  if (value.find("://") != std::string::npos)
    return password_of(value);
  return job::is_base_environment_name(name) || value.starts_with('/') ? std::string() : value;
}

std::vector<std::string> passwords_in(const std::vector<std::string>& environment) {
  std::vector<std::string> found;
  for (const std::string& entry : environment) {
    const std::size_t sign = entry.find('=');
    const std::string name = to_upper(std::string_view(entry).substr(0, sign));
    const std::string value = entry.substr(sign + 1);
    if (name.starts_with("UV_INDEX_") && name.ends_with("_PASSWORD"))
      found.push_back(value);
    if (name.find("INDEX") == std::string::npos && name.find("PROXY") == std::string::npos &&
        name.find("FIND_LINKS") == std::string::npos)
      continue;
    for (const std::string_view places : split(value, ' '))
      for (const std::string_view place : split(places, ','))
        if (std::string password = password_of(place); !password.empty())
          found.push_back(std::move(password));
  }
  return found;
}

}  // namespace dstack::python
