// The whole of one download: follows redirects, goes on where it broke, waits and tries again where
// that may help, checks the digest, and gives the file its name once it is whole.
#pragma once

#include <string>

#include <dstack/provider.hpp>

namespace curl {

struct Wanted {
  std::string url;
  std::string output;           ///< from the working directory
  std::string sha256;           ///< 64 lower-case hexadecimal digits; empty: any
  dstack::Environment headers;  ///< sent to the host of the URL alone
};

/// False when the job was asked to stop. Throws dstack::Error when there will be no file.
bool download(const Wanted& wanted, const dstack::Task& task);

}  // namespace curl
