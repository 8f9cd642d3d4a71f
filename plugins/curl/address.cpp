#include "address.hpp"

#include "url.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string_view>

#include <curl/curl.h>

namespace curl {

namespace {

/// "token", "api_key", "X-Amz-Signature": in doubt it is a secret.
bool looks_secret(std::string_view parameter) {
  static constexpr std::array<std::string_view, 10> parts = {
      "token", "key", "secret", "pass", "pwd", "auth", "sig", "cred", "session", "jwt"};
  const std::string name = lower(parameter);
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return name.find(part) != std::string::npos;
  });
}

void add_credential(std::string_view value, std::vector<std::string>& credentials) {
  credentials.emplace_back(value);
  int size = 0;
  if (char* decoded =
          curl_easy_unescape(nullptr, value.data(), static_cast<int>(value.size()), &size)) {
    credentials.emplace_back(decoded, static_cast<std::size_t>(size));
    curl_free(decoded);
  }
}

/// The query for people, and what it leaves out.
std::string shown_query(std::string_view query, std::vector<std::string>& credentials) {
  std::string shown;
  while (!query.empty()) {
    const std::size_t end = query.find_first_of("&;");
    const std::string_view parameter = query.substr(0, end);
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && looks_secret(parameter.substr(0, equals))) {
      shown.append(parameter.substr(0, equals + 1)).append("***");
      add_credential(parameter.substr(equals + 1), credentials);
    } else {
      shown.append(parameter);
    }
    if (end == std::string_view::npos)
      break;
    shown += query[end];
    query.remove_prefix(end + 1);
  }
  return shown;
}

[[noreturn]] void refuse_scheme(std::string_view scheme) {
  throw dstack::Error("'" + std::string(scheme) + "' is not supported",
                      "a URL begins with https:// or http://");
}

/// The part up to `://`.
void check_scheme(const std::string& url) {
  const std::size_t end = url.find("://");
  const bool has_scheme =
      end != std::string::npos && end > 0 &&
      std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(end), [](unsigned char c) {
        return std::isalnum(c) || c == '+' || c == '-' || c == '.';
      });
  if (!has_scheme)
    throw dstack::Error("the URL has no scheme", "begin it with https:// or http://");
  const std::string scheme = lower(url.substr(0, end));
  if (scheme != "http" && scheme != "https")
    refuse_scheme(scheme + "://");
}

}  // namespace

Address parse_address(const std::string& url) {
  check_scheme(url);
  const UrlHandle handle(curl_url(), curl_url_cleanup);
  // People paste paths with spaces; they are sent as %20.
  const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_URLENCODE);
  if (code != CURLUE_OK)
    throw dstack::Error(std::string("this is not a URL: ") + lower(curl_url_strerror(code)));
  Address address;
  address.host = part_of(handle, CURLUPART_HOST);
  address.user = part_of(handle, CURLUPART_USER, CURLU_URLDECODE);
  address.password = part_of(handle, CURLUPART_PASSWORD, CURLU_URLDECODE);
  address.origin = lower(part_of(handle, CURLUPART_SCHEME)) + "://" + lower(address.host) + ":" +
                   part_of(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const bool has_credentials = !address.user.empty() || !address.password.empty();
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT})
    curl_url_set(handle.get(), part, nullptr, 0);
  address.url = part_of(handle, CURLUPART_URL);
  address.shown = address.url.substr(0, address.url.find('?'));
  if (has_credentials)
    address.shown.insert(address.shown.find("://") + 3, "***@");
  address.hides = has_credentials;
  if (const std::string query = part_of(handle, CURLUPART_QUERY); !query.empty()) {
    const std::string shown = shown_query(query, address.credentials);
    address.shown += "?" + shown;
    address.hides = address.hides || shown != query;
  }
  return address;
}

}  // namespace curl
