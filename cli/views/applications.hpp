// The applications of runs, as commands print them.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/run/report/description.hpp"
#include "ui/terminal.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dstack::cli {

using run::running_apps;

/// "JupyterLab at http://…", "VS Code at http://…, password 0123…": with the address for browsers.
std::string render_app(const ui::Stream& stream,
                       const std::string& run,
                       const job::Application& app);

/// The address for browsers; the recorded one where it is not an address of this machine.
std::string shown_url(const std::string& run, const job::Application& app);

/// Of an address; "" where it has none.
std::string port_of(std::string_view url);

/// Over SSH: the command that forwards the application to the user's computer. Nothing otherwise.
std::optional<std::string> ssh_command(const job::Application& app);

}  // namespace dstack::cli
