// Where an application serves, as it says itself: its own configuration may name a path to serve
// below, or a certificate. Whoever starts it writes its address into the file `address_0` (the
// number is that of its port) of the job's private folder, `$DSTACK_JOB_DIR`, as soon as it is
// known.
#pragma once

#include "dstack/base/file.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dstack::run {

/// Host and port are always those of the job.
struct ApplicationAddress {
  std::string scheme = "http";  ///< or "https"
  std::string base;             ///< "/user/ada"; empty: the root

  bool operator==(const ApplicationAddress&) const = default;
};

/// Of "https://127.0.0.1:8888/user/ada/". Nothing when it is not the address of a page.
std::optional<ApplicationAddress> parse_application_address(std::string_view text);

/// Nothing when the file is not there (yet), or says nothing useful.
std::optional<ApplicationAddress> read_application_address(const Path& private_folder,
                                                           std::size_t port);

}  // namespace dstack::run
