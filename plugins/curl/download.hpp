// One download: follows redirects, resumes after interruptions, waits and retries where that may
// help, checks the digest, and gives the file its name once it is complete.
#pragma once

#include <cstdint>
#include <string>

#include <dstack/provider.hpp>

namespace curl {

struct Wanted {
  std::string url;
  std::string output;           ///< relative to the working directory
  std::string sha256;           ///< 64 lower-case hexadecimal digits; empty: any
  dstack::Environment headers;  ///< sent only to the host of the URL
  /// How often a request that failed is repeated before the download fails; counted anew whenever a
  /// byte more has come.
  std::int64_t retries = 5;
};

/// False when the job was asked to stop. Throws dstack::Error when the download fails.
bool download(const Wanted& wanted, const dstack::Task& task);

}  // namespace curl
