// `dstack run train.py`: a file that is run by its path, without a workflow. The ending chooses the
// provider.
#pragma once

#include "dstack/plan/draft.hpp"
#include "dstack/plan/make.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::plan {

/// `python`, `notebook` or `bash`; empty: this is no name of a script.
std::string_view provider_of_script(std::string_view name);
/// Names the endings, for somebody who has named another file.
std::string describe_script_endings();

/// The path from the project's root of a script as it was named, seen from `folder` (Request). An
/// error when there is no such file in the project, or when it is not part of the code.
Result<std::string> find_script(const Request& request,
                                const config::Project& project,
                                const source::Snapshot& code,
                                const SourceLocation& where);
/// The workflow that the run of a script stands for: named like the file if that can be a name,
/// else like its provider.
config::Workflow script_workflow(const std::string& path, const SourceLocation& where);
enum class ScriptArguments { taken, not_taken };

/// Puts the script into the properties, once the options of the command line are among them: as
/// `file`, or as a command with the arguments after `--` for a provider that has `commands`. Taken
/// literally, as everything of the command line.
Result<ScriptArguments> add_script(Draft& draft,
                                   const std::string& path,
                                   const std::vector<std::string>& arguments,
                                   const SourceLocation& where);

/// For a script that lists its dependencies in itself, as uv reads them, when no requirements are
/// given beside it; empty: it does not.
std::string note_inline_dependencies(const Draft& draft,
                                     const Path& project,
                                     const std::string& path);

}  // namespace dstack::plan
