#include "views/removal_list.hpp"

#include "command_line/exit_code.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/removal/remove.hpp"
#include "follow/unwinding.hpp"
#include "ui/status.hpp"
#include "ui/table.hpp"

namespace dstack::cli {

namespace {

using store::RunRecord;

Json as_json(const std::vector<RunRecord>& runs) {
  Json list = Json::array();
  for (const RunRecord& run : runs)
    list.push_back(
        {{"run", run.name},
         {"target", run.target},
         {"project", run.project},
         {"status", job::render(run.status)},
         {"submitted_at", render_time(run.submitted_at)},
         {"finished_at", run.finished_at ? Json(render_time(run.finished_at->at)) : Json()}});
  return list;
}

void print(Context& context, const std::vector<RunRecord>& runs, bool with_projects) {
  const ui::Stream& stream = context.out.stream();
  std::vector<ui::Table::Column> columns = {{"RUN"}, {"TARGET"}, {"STATUS"}, {"SUBMITTED"}};
  if (with_projects)
    columns.push_back({"PROJECT", ui::Table::Align::left, ui::Table::Width::shrinks});
  ui::Table table(std::move(columns));
  const Timestamp at = now();
  for (const RunRecord& run : runs) {
    std::vector<ui::Cell> row = {
        {run.name, ui::Colour::bold},
        {run.target},
        {std::string(job::render(run.status)), ui::colour_of(run.status)},
        {stream.terminal ? render_age(run.submitted_at, at) : render_time(run.submitted_at)}};
    if (with_projects)
      row.push_back({run.project});
    table.add(std::move(row));
  }
  context.out.write(table.render(stream));
  context.messages.note(fmt::format("{} would be removed", plural(runs.size(), "run")));
}

}  // namespace

int list_removal(Context& context,
                 const std::vector<RunRecord>& runs,
                 bool json,
                 bool with_projects,
                 const std::string& nothing) {
  if (json)
    context.out.json(as_json(runs));
  else if (runs.empty())
    context.messages.note(nothing);
  else
    print(context, runs, with_projects);
  return exit_code::success;
}

Result<int> remove_runs(Context& context,
                        store::Records& records,
                        const std::vector<RunRecord>& runs) {
  const Unwinding unwinding;
  DSTACK_TRY(const store::Removed freed, run::remove(context.home, records, runs));
  context.messages.note(
      fmt::format("removed {}{}",
                  plural(runs.size(), "run"),
                  freed.bytes > 0 ? fmt::format(", {} freed", render_size(freed.bytes)) : ""));
  return exit_code::success;
}

}  // namespace dstack::cli
