// An http or https URL to download from, parsed as far as needed.
#pragma once

#include <string>
#include <vector>

#include <dstack/provider.hpp>

namespace curl {

struct Address {
  std::string url;     ///< without user, password and fragment: for requests
  std::string origin;  ///< scheme, host and port: gets headers and passwords
  std::string host;
  std::string user;
  std::string password;
  std::string shown;   ///< the URL for people: without anything that looks like a credential,
  bool hides = false;  ///< which it had
  std::vector<std::string> credentials;  ///< values of such parameters, as written and decoded
};

/// Throws dstack::Error, with a message that quotes no credential.
Address parse_address(const std::string& url);

}  // namespace curl
