// "It works in my folder": a job that failed because it lacks a file which the user's folder has
// and the job did not get, because Git ignores it or because it is at the path of an artifact
// (spec, section 7).
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/run/supervisor/code_paths.hpp"

#include <string>
#include <string_view>

namespace dstack::run {

/// Searches the end of a job's log for lines about a missing file with a path that exists below
/// `project` and not in `code`, and for a Python module that is such a file, or behind a link which
/// leads out of the project. `base`: as for source::explain_left_out(). The sentence to show, or
/// empty.
std::string explain_missing_file(std::string_view log_end,
                                 const Path& project,
                                 const std::string& working_dir,
                                 const CodePaths& code,
                                 const std::string& base = {});

}  // namespace dstack::run
