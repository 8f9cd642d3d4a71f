// The name by which a browser reaches an application of this machine. Browsers keep cookies by name
// and not by port: at 127.0.0.1 each application would be sent those of all others.
#pragma once

#include "dstack/job/application.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dstack::job {

/// "jupyterlab.quiet-otter-3.localhost": a name below `localhost`, which browsers take for this
/// machine without asking anybody (RFC 6761). Different for all applications of a run: all but the
/// first of the first job have their numbers in it ("port-1--0-1.…").
std::string browser_host(std::string_view run,
                         std::size_t job,
                         std::size_t index,
                         std::string_view name);

/// The address of an application with that name in place of 127.0.0.1. Nothing when it is not an
/// address of this machine: such a one is not opened.
std::optional<std::string> browser_url(std::string_view run, const Application& app);

}  // namespace dstack::job
