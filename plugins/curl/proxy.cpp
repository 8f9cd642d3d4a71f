#include "proxy.hpp"

#include "url.hpp"

#include <cstdlib>
#include <memory>

#include <curl/curl.h>

namespace curl {

namespace {

/// In libcurl's order. HTTP_PROXY is not among them: a server's CGI sets it from a header.
std::optional<std::pair<std::string, std::string>> variable_for(const std::string& origin) {
  const bool is_https = origin.starts_with("https://");
  for (const char* name : {is_https ? "https_proxy" : "http_proxy",
                           is_https ? "HTTPS_PROXY" : "http_proxy",
                           "all_proxy",
                           "ALL_PROXY"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
      return std::pair{std::string(name), std::string(value)};
  return std::nullopt;
}

}  // namespace

std::optional<Proxy> proxy_of_environment(const Address& address) {
  const auto variable = variable_for(address.origin);
  if (!variable)
    return std::nullopt;
  const std::string& value = variable->second;
  const std::string url = value.find("://") == std::string::npos ? "http://" + value : value;
  const UrlHandle handle(curl_url(), curl_url_cleanup);
  Proxy proxy{.variable = variable->first, .host = {}, .port = {}, .shown = "***"};
  if (curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return proxy;
  proxy.host = part_of(handle, CURLUPART_HOST);
  proxy.port = part_of(handle, CURLUPART_PORT);
  const std::string scheme = part_of(handle, CURLUPART_SCHEME);
  if (proxy.port.empty())  // libcurl's own choice
    proxy.port = scheme == "https" ? "443" : "1080";
  proxy.shown = scheme + "://" + proxy.host + ":" + proxy.port;
  return proxy;
}

bool is_about(const Proxy& proxy, std::string_view problem) {
  const auto names = [&](const std::string& text) {
    return problem.find(text) != std::string_view::npos;
  };
  if (names("resolve proxy"))
    return true;
  // The second is how later versions say it.
  return !proxy.host.empty() && (names("to " + proxy.host + " port " + proxy.port + " ") ||
                                 names(" via " + proxy.host + " "));
}

bool was_used(const Proxy& proxy, const Address& address, const Outcome& outcome) {
  return outcome.peer_port == proxy.port &&
         (!address.origin.ends_with(":" + proxy.port) || outcome.peer_ip == proxy.host);
}

std::string render_proxy(const Proxy& proxy) {
  return "the proxy " + proxy.shown + " (from " + proxy.variable + ")";
}

std::string hint_for(const Proxy& proxy) {
  return "correct or unset " + proxy.variable + ", or name the host in no_proxy";
}

}  // namespace curl
