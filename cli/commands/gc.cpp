#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/python/unused.hpp"
#include "dstack/run/removal/orphaned_folders.hpp"
#include "dstack/source/stale_indexes.hpp"
#include "dstack/store/layers/layers.hpp"
#include "dstack/store/space/disk_use.hpp"
#include "dstack/store/space/unneeded.hpp"
#include "dstack/store/space/usage.hpp"
#include "ui/table.hpp"
#include "views/work_progress.hpp"
#include "views/workflow_rows.hpp"

#include <algorithm>

#include <unistd.h>

namespace dstack::cli {

namespace {

constexpr std::chrono::hours unused_for{30 * 24};
constexpr std::size_t most_holders = 5;

/// One kind of what goes.
struct Part {
  const char* key;   ///< in JSON
  const char* what;  ///< for people
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

class Gc final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.flag("--dry-run", dry_run_, "only show what would go")
        .flag("--json", json_, "as JSON: {parts: [{part, count, bytes}], holders: [{run, bytes}]}")
        .note(
            "Frees what no run on record needs: objects of the store, layers that no job uses, "
            "environments and\n"
            "tools that were not used for 30 days, folders of runs that are not on record. Runs "
            "may go on meanwhile.\n"
            "'dstack rm' and 'dstack prune' remove runs.")
        .example("dstack gc --dry-run", "see what would be freed, and what holds the rest")
        .example("dstack gc", "free it");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    DSTACK_CHECK(collect(context, records));
    DSTACK_TRY(const auto holders, find_holders(context, records));
    if (json_)
      context.out.json(as_json(holders));
    else
      print(context, holders);
    return exit_code::success;
  }

 private:
  using Holders = std::vector<std::pair<std::string, std::uint64_t>>;

  /// What frees most and needs least first: a disk may be full.
  Result<void> collect(const Context& context, store::Records& records) {
    const files::Home& home = context.home;
    DSTACK_CHECK(collect_folders(home, records));
    collect_layers(home);
    WorkProgress progress(context.messages);
    progress.begin("looking through the store");
    const auto effect = dry_run_ ? store::Effect::look : store::Effect::remove;
    DSTACK_TRY(const store::Removed objects,
               store::free_unneeded(store::ObjectStore(home), records, effect));
    parts_.push_back({"objects", "objects of the store", objects.objects, objects.bytes});
    collect_indexes(home);
    DSTACK_CHECK(collect_unused({"environments", "environments not used for 30 days"},
                                python::unused_environments(home, unused_for)));
    return collect_unused({"tools", "tools not used for 30 days"},
                          python::unused_tools(home, unused_for));
  }

  Result<void> collect_folders(const files::Home& home, store::Records& records) {
    Part part{"folders", "folders of runs not on record"};
    DSTACK_TRY(const auto folders, run::orphaned_folders(home, records));
    for (const Path& folder : folders) {
      ++part.count;
      part.bytes += store::disk_use(folder);
      if (!dry_run_)
        DSTACK_CHECK(run::remove_orphaned(home, records, folder));
    }
    parts_.push_back(part);
    return {};
  }

  void collect_layers(const files::Home& home) {
    Part part{"layers", "layers"};
    for (const Path& layer : store::layers_without(home, [](const Digest&) { return false; })) {
      const std::uint64_t bytes = store::disk_use(layer);
      if (!dry_run_)
        store::remove_layer(layer);
      if (!dry_run_ && is_folder(layer))
        continue;  // in use
      ++part.count;
      part.bytes += bytes;
    }
    parts_.push_back(part);
  }

  void collect_indexes(const files::Home& home) {
    Part part{"indexes", "indexes of projects and inputs that no run has"};
    for (const Path& index : source::stale_indexes(store::ObjectStore(home))) {
      ++part.count;
      part.bytes += store::disk_use(index);
      if (!dry_run_)
        ::unlink(index.c_str());
    }
    parts_.push_back(part);
  }

  Result<void> collect_unused(Part part, const std::vector<python::UnusedFolder>& unused) {
    for (const python::UnusedFolder& each : unused) {
      ++part.count;
      part.bytes += store::disk_use(each.folder);
      for (const Path& with : each.with)
        part.bytes += store::disk_use(with);
      if (!dry_run_)
        DSTACK_CHECK(python::remove_unused(each));
    }
    parts_.push_back(part);
    return {};
  }

  /// Runs that alone need much, the most first.
  static Result<Holders> find_holders(const Context& context, store::Records& records) {
    DSTACK_TRY(const auto use, store::measure_use(store::ObjectStore(context.home), records));
    DSTACK_TRY(const auto runs, records.find_runs({}));
    Holders holders;
    for (const store::RunRecord& run : runs)
      if (const auto own = use.own.find(run.id); own != use.own.end() && own->second > 0)
        holders.emplace_back(named(run), own->second);
    std::stable_sort(holders.begin(), holders.end(), [](const auto& a, const auto& b) {
      return a.second > b.second;
    });
    if (holders.size() > most_holders)
      holders.resize(most_holders);
    return holders;
  }

  static std::string named(const store::RunRecord& run) {
    const std::vector<std::string> tags = tags_of(run);
    return tags.empty() ? run.name : fmt::format("{} ({})", run.name, join(tags, ", "));
  }

  Json as_json(const Holders& holders) const {
    Json json{{"parts", Json::array()}, {"holders", Json::array()}};
    for (const Part& part : parts_)
      json["parts"].push_back({{"part", part.key}, {"count", part.count}, {"bytes", part.bytes}});
    for (const auto& [run, bytes] : holders)
      json["holders"].push_back({{"run", run}, {"bytes", bytes}});
    return json;
  }

  void print(Context& context, const Holders& holders) const {
    using Align = ui::Table::Align;
    std::uint64_t bytes = 0;
    ui::Table table({{"WHAT"}, {"COUNT", Align::right}, {"SIZE", Align::right}});
    for (const Part& part : parts_) {
      bytes += part.bytes;
      if (part.count > 0)
        table.add({{part.what}, {std::to_string(part.count)}, {render_size(part.bytes)}});
    }
    if (!table.empty())
      context.out.write(table.render(context.out.stream()));
    context.messages.note(
        table.empty()
            ? std::string("nothing to free")
            : fmt::format("{} {}", render_size(bytes), dry_run_ ? "would be freed" : "freed"));
    for (const auto& [run, own] : holders)
      context.messages.note(fmt::format("{} is held by run {} alone", render_size(own), run));
  }

  std::vector<Part> parts_;
  bool dry_run_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_gc() {
  return std::make_unique<Gc>();
}

}  // namespace dstack::cli
