// Opening an address in the user's browser.
#pragma once

#include "dstack/base/file.hpp"

#include <string>

namespace dstack::cli {

/// There is a display, and the session is not over SSH.
bool has_display();

/// Opens `url` with xdg-open. An address that contains a secret is opened through a page in
/// `folder` that redirects to it and that only the user can read: a program's arguments are
/// readable by every user of the machine.
Result<void> open_browser(const std::string& url, const Path& folder);

}  // namespace dstack::cli
