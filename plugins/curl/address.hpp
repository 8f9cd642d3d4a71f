// Where something is downloaded from: an http or https URL, taken apart as far as we need it.
#pragma once

#include <string>

#include <dstack/provider.hpp>

namespace curl {

struct Address {
  std::string url;     ///< without user, password and fragment: what a server is asked for
  std::string origin;  ///< scheme, host and port: who is trusted with headers and passwords
  std::string host;
  std::string user;
  std::string password;
  std::string shown;   ///< the URL for people: without anything that looks like a credential,
  bool hides = false;  ///< of which there was some
};

/// Throws dstack::Error, which says what is wrong without quoting a credential.
Address parse_address(const std::string& url);

}  // namespace curl
