// The applications of runs, as commands tell of them.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/run/report/description.hpp"
#include "ui/terminal.hpp"

#include <optional>
#include <string>

namespace dstack::cli {

using run::running_apps;

/// "JupyterLab at http://…", "VS Code at http://…, password 0123…".
std::string render_app(const ui::Stream& stream, const job::Application& app);

/// For somebody who came over SSH: the command that brings the application to the computer in front
/// of them. Nothing for others.
std::optional<std::string> ssh_command(const job::Application& app);

}  // namespace dstack::cli
