#include "commands/project_files.hpp"

namespace dstack::cli {

Failure refuse_missing_project() {
  return fail(ErrorCode::configuration,
              "there is no project here: neither this folder nor one above it has "
              "'.dstack/workflows.yaml'")
      .with_hint(
          "change to the project's folder, name it with '--project DIR', or create the file");
}

Result<config::Project> read_project(const Context& context) {
  const auto root = config::find_project(context.folder);
  if (!root)
    return refuse_missing_project();
  DSTACK_TRY(auto project, config::load_project(*root));
  for (const config::Finding& finding : project.findings)
    context.messages.warning(finding.error);
  return project;
}

}  // namespace dstack::cli
