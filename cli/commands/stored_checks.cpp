#include "commands/stored_checks.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/run/client/stored_trees.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/store/records/rebuild.hpp"
#include "dstack/store/records/records.hpp"
#include "views/work_progress.hpp"

#include <algorithm>
#include <set>

namespace dstack::cli {

namespace {

using store::Repair;

/// "'out/result' in artifact 'out' of workflow 'first' of run 'quiet-otter-3' (tagged 'best')".
std::string describe(const store::Use& use, const std::vector<store::Root>& roots) {
  const store::Root& root = roots[use.root];
  return fmt::format("{}{} of run '{}'{}",
                     use.path.empty() ? "" : fmt::format("'{}' in ", printable(use.path)),
                     printable(root.part),
                     root.run,
                     root.tags.empty() ? "" : fmt::format(" (tagged {})", quoted_list(root.tags)));
}

std::string describe_uses(const store::Finding& finding, const std::vector<store::Root>& roots) {
  if (finding.uses.empty())
    return "nothing on record needs it";
  std::vector<std::string> uses;
  for (const store::Use& use : finding.uses)
    uses.push_back(describe(use, roots));
  std::string text = fmt::format("needed for {}", join(uses, ", "));
  if (finding.all_uses > uses.size())
    text += fmt::format(", and {} more", finding.all_uses - uses.size());
  return text;
}

/// The runs whose jobs would make the content again.
std::string hint_for(const store::Finding& finding, const std::vector<store::Root>& roots) {
  std::set<std::string> runs;
  for (const store::Use& use : finding.uses)
    runs.insert(roots[use.root].run);
  if (runs.empty())
    return "'dstack doctor --store --repair' takes it away";
  return fmt::format(
      "'dstack doctor --store --repair' looks for another copy; without one, saving the same "
      "content again replaces it: run again what run '{}' did",
      *runs.begin());
}

Check check_of(const store::Finding& finding,
               const std::vector<store::Root>& roots,
               Repair repair) {
  Check check{
      "object",
      finding.is_healed ? Health::note : Health::error,
      fmt::format(
          "'{}' {}; {}", finding.object.string(), finding.problem, describe_uses(finding, roots))};
  if (finding.is_healed)
    check.detail += finding.all_uses > 0 ? "; made again from another copy" : "; taken away";
  else if (repair == Repair::yes)
    check.hint = "no other copy was found; saving the same content again replaces it";
  else
    check.hint = hint_for(finding, roots);
  return check;
}

/// Folders without a run on record, and runs without a folder.
Result<std::vector<Check>> check_folders(const files::Home& home,
                                         store::Records& records,
                                         Repair repair) {
  std::vector<Check> checks;
  DSTACK_TRY(const auto runs, records.find_runs({}));
  std::set<std::string> known;
  for (const store::RunRecord& run : runs) {
    known.insert(run.name);
    if (!is_folder(home.run(run.name)))
      checks.push_back({"run",
                        Health::warning,
                        fmt::format("run '{}' has no folder '{}': its logs are lost",
                                    run.name,
                                    home.run(run.name).string())});
  }
  boost::system::error_code error;
  for (fs::directory_iterator next(home.runs(), error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename().string();
    if (known.contains(name) || !is_folder(next->path()))
      continue;
    // Held by whoever is just about to record it.
    DSTACK_TRY(const auto lock, run::take_run_lock(home, name, run::WithoutFolder::removed));
    DSTACK_TRY(const auto recorded, records.find_run(name));
    if (!lock || recorded)
      continue;
    Check check{"run",
                Health::error,
                fmt::format("'{}' is of no run on record", next->path().string()),
                "'dstack doctor --store --repair' removes it"};
    if (repair == Repair::yes) {
      DSTACK_CHECK(remove_tree(next->path()));
      check.health = Health::note;
      check.detail += "; removed";
      check.hint.clear();
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace

std::vector<Check> check_database(const files::Home& home) {
  const std::string damage = store::find_database_damage(home);
  boost::system::error_code error;
  if (!damage.empty())
    return {{"database", Health::error, damage, store::how_to_repair}};
  if (!fs::exists(home.database(), error))
    return {};
  return {{"database", Health::ok, home.database().string()}};
}

Result<std::vector<Check>> repair_database(const files::Home& home) {
  boost::system::error_code error;
  if (!fs::exists(home.database(), error) && store::find_database_damage(home).empty())
    return std::vector<Check>();  // nothing was ever recorded
  DSTACK_TRY(const store::Rebuilt rebuilt, store::rebuild_database(home));
  std::vector<Check> checks;
  Check check{"database", Health::ok, home.database().string()};
  if (!rebuilt.damage.empty())
    check = {"database",
             Health::note,
             fmt::format("{}; made anew with {}{}",
                         rebuilt.damage,
                         plural(rebuilt.runs, "run"),
                         rebuilt.kept.empty()
                             ? ""
                             : fmt::format("; the damaged one is '{}'", rebuilt.kept.string()))};
  else if (rebuilt.runs + rebuilt.tags > 0)
    check.detail += fmt::format(": brought up to date from the folders of the runs, {} and {}",
                                plural(rebuilt.runs, "run"),
                                plural(rebuilt.tags, "tag"));
  checks.push_back(std::move(check));
  for (const std::string& run : rebuilt.others)
    checks.push_back({"run",
                      Health::warning,
                      fmt::format("nothing is known of '{}'", home.run(run).string()),
                      "'dstack doctor --store --repair' removes it"});
  return checks;
}

Result<std::vector<Check>> check_stores(Context& context, Repair repair) {
  DSTACK_TRY(auto records, store::Records::open(context.home));
  DSTACK_TRY(auto all, run::trees_on_record(context.home, records));
  std::vector<store::ObjectStore> stores;
  for (const run::NamedTrees& named : all)
    stores.push_back(named.objects);
  WorkProgress progress(context.messages);
  std::vector<Check> checks;
  std::size_t objects = 0;
  std::uint64_t bytes = 0;
  for (run::NamedTrees& named : all) {
    progress.begin(fmt::format("checking '{}'", named.objects.home().root.string()));
    DSTACK_TRY(const store::Checked checked,
               store::check_store(named.objects, named.roots, stores, repair));
    objects += checked.objects;
    bytes += checked.bytes;
    for (const store::Finding& finding : checked.findings)
      checks.push_back(check_of(finding, named.roots, repair));
  }
  checks.insert(checks.begin(),
                {"store",
                 checks.empty() ? Health::ok : Health::note,
                 fmt::format("{}, {}: {}",
                             plural(objects, "object"),
                             render_size(bytes),
                             checks.empty() ? "all are as they were saved"
                                            : plural(checks.size(), "finding"))});
  DSTACK_TRY(auto folders, check_folders(context.home, records, repair));
  std::move(folders.begin(), folders.end(), std::back_inserter(checks));
  return checks;
}

}  // namespace dstack::cli
