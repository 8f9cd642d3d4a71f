// Opening an address in the user's browser.
#pragma once

#include "dstack/base/file.hpp"

#include <string>

namespace dstack::cli {

/// A display is there, and it is the user's own: not one behind SSH.
bool has_display();

/// Opens `url` with xdg-open. An address with a secret in it goes by way of a page in `folder` that
/// only the user can read and that leads there: what a program is started with, everybody on the
/// machine can read.
Result<void> open_browser(const std::string& url, const Path& folder);

}  // namespace dstack::cli
