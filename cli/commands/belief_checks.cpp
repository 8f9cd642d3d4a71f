#include "commands/belief_checks.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/files/believed_home.hpp"
#include "dstack/trust/trusted_folders.hpp"

namespace dstack::cli {

namespace {

/// Also one of another user: 'doctor' says so, and goes on.
void check_project(const Context& context, std::vector<Check>& checks) {
  const auto root = config::find_project(context.folder);
  if (!root)
    return;
  if (const auto believed = config::believe_project(*root); !believed)
    checks.push_back({"project", Health::error, believed.error().message, believed.error().hint});
}

void check_trusted_folders(std::vector<Check>& checks) {
  const auto list = trust::TrustedFolders::load(trust::trusted_folders_file());
  if (!list)
    checks.push_back({"trust", Health::warning, list.error().message, list.error().hint});
  else
    for (const trust::TrustedFolder& each : list->folders())
      checks.push_back(
          {"trust", Health::note, fmt::format("'{}' is trusted", each.folder.string())});
  const trust::TrustVariable variable = trust::trust_variable();
  for (const trust::TrustedFolder& each : variable.folders)
    checks.push_back({"trust",
                      Health::note,
                      fmt::format("'{}' is trusted by DSTACK_TRUST", each.folder.string())});
  for (const std::string& wrong : variable.passed_over)
    checks.push_back({"trust",
                      Health::warning,
                      fmt::format("DSTACK_TRUST names '{}', which is ignored", printable(wrong)),
                      "write absolute paths, separated by ':'"});
}

}  // namespace

bool check_belief(const Context& context, std::vector<Check>& checks) {
  const auto home = files::believe_home(context.home);
  if (!home)
    checks.push_back({"home", Health::error, home.error().message, home.error().hint});
  check_project(context, checks);
  check_trusted_folders(checks);
  return home.has_value();
}

}  // namespace dstack::cli
