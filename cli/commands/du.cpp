#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/store/space/disk_use.hpp"
#include "dstack/store/space/usage.hpp"
#include "ui/table.hpp"
#include "views/workflow_rows.hpp"

#include <algorithm>
#include <map>

namespace dstack::cli {

namespace {

constexpr std::size_t most_shown = 20;

/// Of a run, a workflow or a tag, in bytes.
struct Use {
  std::string name;
  std::uint64_t own = 0;     ///< of the store: what comes back with it
  std::uint64_t shared = 0;  ///< of the store: what others need as well
  std::uint64_t folder = 0;  ///< logs, and what jobs left beside their artifacts

  std::uint64_t freed() const { return own + folder; }
};

class Du final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .flag("--json",
              json_,
              "as JSON: {parts: {…}, runs, workflows, tags: [{name, own, shared, folder}]}")
        .note(
            "OWN is what 'dstack rm' gives back; SHARED is needed by other runs as well; FOLDER "
            "has "
            "the logs and\n"
            "what jobs left beside their artifacts.")
        .example("dstack du", "the parts of the home, and the largest runs");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto use, store::measure_use(store::ObjectStore(context.home), records));
    DSTACK_TRY(const auto runs, records.find_runs({}));
    for (const store::RunRecord& run : runs)
      add(context.home, use, run);
    measure_parts(context.home, use);
    for (auto* list : {&runs_, &workflows_, &tags_})
      std::stable_sort(list->begin(), list->end(), [](const Use& a, const Use& b) {
        return a.freed() > b.freed();
      });
    if (json_)
      context.out.json(as_json());
    else
      print(context);
    return exit_code::success;
  }

 private:
  void add(const files::Home& home, const store::StoreUse& use, const store::RunRecord& run) {
    const auto of = [&](const std::map<store::RunId, std::uint64_t>& sizes) {
      const auto found = sizes.find(run.id);
      return found == sizes.end() ? 0 : found->second;
    };
    Use one{run.name, of(use.own), of(use.shared), store::disk_use(home.run(run.name))};
    const auto add_to = [&](std::vector<Use>& list, const std::string& name) {
      auto found = std::find_if(
          list.begin(), list.end(), [&](const Use& known) { return known.name == name; });
      if (found == list.end())
        found = list.insert(found, Use{name});
      found->own += one.own;
      found->shared += one.shared;
      found->folder += one.folder;
    };
    add_to(workflows_, run.target);
    for (const std::string& tag : tags_of(run))
      add_to(tags_, tag);
    runs_.push_back(std::move(one));
  }

  void measure_parts(const files::Home& home, const store::StoreUse& use) {
    std::uint64_t shared = use.all;
    std::uint64_t own = 0;
    std::uint64_t folders = 0;
    for (const Use& run : runs_) {
      own += run.own;
      folders += run.folder;
    }
    shared -= std::min(shared, own);
    parts_ = {{"own", own},
              {"shared", shared},
              {"run_folders", folders},
              {"layers", store::disk_use(home.layers())},
              {"environments", store::disk_use(home.environments())},
              {"tools", store::disk_use(home.tools())},
              {"index", store::disk_use(home.index())},
              {"temporary", store::disk_use(home.temporary())},
              {"database", store::disk_use(home.database())}};
  }

  static Json as_json(const std::vector<Use>& list) {
    Json json = Json::array();
    for (const Use& use : list)
      json.push_back(
          {{"name", use.name}, {"own", use.own}, {"shared", use.shared}, {"folder", use.folder}});
    return json;
  }

  Json as_json() const {
    Json parts = Json::object();
    for (const auto& [part, bytes] : parts_)
      parts[part] = bytes;
    return {{"parts", std::move(parts)},
            {"runs", as_json(runs_)},
            {"workflows", as_json(workflows_)},
            {"tags", as_json(tags_)}};
  }

  void print(Context& context) const {
    static const std::map<std::string, const char*> titles = {
        {"own", "saved by one run alone"},
        {"shared", "saved by several runs"},
        {"run_folders", "logs, and what jobs left"},
        {"layers", "layers"},
        {"environments", "Python environments"},
        {"tools", "tools"},
        {"index", "indexes of files"},
        {"temporary", "being made"},
        {"database", "database"}};
    using Align = ui::Table::Align;
    ui::Table table({{"WHAT"}, {"SIZE", Align::right}});
    for (const auto& [part, bytes] : parts_)
      if (bytes > 0)
        table.add({{titles.at(part)}, {render_size(bytes)}});
    context.out.write(table.render(context.out.stream()));
    print(context, "WORKFLOW", workflows_);
    print(context, "TAG", tags_);
    print(context, "RUN", runs_);
  }

  static void print(Context& context, const char* title, const std::vector<Use>& list) {
    if (list.empty())
      return;
    using Align = ui::Table::Align;
    ui::Table table(
        {{title}, {"OWN", Align::right}, {"SHARED", Align::right}, {"FOLDER", Align::right}});
    for (std::size_t i = 0; i < std::min(most_shown, list.size()); ++i)
      table.add({{list[i].name},
                 {render_size(list[i].own)},
                 {render_size(list[i].shared)},
                 {render_size(list[i].folder)}});
    context.out.write("\n" + table.render(context.out.stream()));
    if (list.size() > most_shown)
      context.messages.note(
          fmt::format("{} more; '--json' has all", plural(list.size() - most_shown, "line")));
  }

  std::vector<std::pair<std::string, std::uint64_t>> parts_;
  std::vector<Use> runs_;
  std::vector<Use> workflows_;
  std::vector<Use> tags_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_du() {
  return std::make_unique<Du>();
}

}  // namespace dstack::cli
