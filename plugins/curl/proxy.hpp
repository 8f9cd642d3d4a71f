// The proxy that libcurl takes from the environment, for messages: when it is the proxy that fails,
// people must be told which one it is, and which variable names it.
#pragma once

#include "address.hpp"
#include "transfer.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace curl {

struct Proxy {
  std::string variable;  ///< "https_proxy", as it is written in the environment
  std::string host;
  std::string port;
  std::string shown;  ///< "http://proxy.example:3128": without user and password
};

/// The one for requests to this address, unless no_proxy names its host.
std::optional<Proxy> proxy_of_environment(const Address& address);

/// Whether libcurl's words for a failed connection are about the proxy: they name whom it could not
/// reach, which is the server where no_proxy names it.
bool is_about(const Proxy& proxy, std::string_view problem);

/// Whether a request to `address` that got an answer went by the proxy: to its port, which the
/// server does not have, or to its number.
bool was_used(const Proxy& proxy, const Address& address, const Outcome& outcome);

/// "the proxy http://proxy.example:3128 (from https_proxy)".
std::string render_proxy(const Proxy& proxy);

std::string hint_for(const Proxy& proxy);

}  // namespace curl
