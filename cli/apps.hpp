// The applications of runs, as commands tell of them.
#pragma once

#include "dstack/store/records.hpp"
#include "ui/terminal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::cli {

/// Those of jobs that run, of one workflow.
std::vector<store::AppRecord> running_apps(const std::vector<store::JobRecord>& jobs,
                                           std::size_t workflow);
/// Those of jobs that run, of all.
std::vector<store::AppRecord> running_apps(const std::vector<store::JobRecord>& jobs);

/// "JupyterLab at http://…", "VS Code at http://…, password 0123…".
std::string render_app(const ui::Stream& stream, const store::AppRecord& app);

/// For somebody who came over SSH: the command that brings the application to the computer in front
/// of them. Nothing for others.
std::optional<std::string> ssh_command(const store::AppRecord& app);

}  // namespace dstack::cli
