#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/metrics/point_file.hpp"
#include "dstack/metrics/summary.hpp"
#include "dstack/metrics/value_json.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/run/report/saved_metrics.hpp"
#include "dstack/store/objects/objects.hpp"
#include "ui/table.hpp"
#include "views/numbers.hpp"
#include "views/sparkline.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dstack::cli {

namespace {

using dstack::metrics::Attempts;
using dstack::metrics::MetricSummary;
using dstack::metrics::PointFile;
using dstack::metrics::Sample;

constexpr std::size_t width_of_curve = 20;

/// A job that reported something.
struct Reporter {
  std::string run;
  std::string workflow;
  std::size_t job = 0;
  bool has_peers = false;  ///< the workflow has other jobs
  Path folder;
  /// What is in its artifacts, where it has reported nothing itself.
  run::SavedMetrics saved = {};

  std::string shown() const {
    return has_peers ? fmt::format("{} (job {})", workflow, job) : workflow;
  }

  Result<std::vector<MetricSummary>> summary() const {
    if (!saved.empty())
      return run::summaries_of(saved);
    return metrics::read_summary(folder);
  }

  /// All points of each metric, in the order in which the metrics were reported first.
  Result<std::vector<std::pair<std::string, std::vector<Sample>>>> points(Attempts attempts) const {
    std::vector<std::pair<std::string, std::vector<Sample>>> all(saved.begin(), saved.end());
    if (!saved.empty())
      return all;
    DSTACK_TRY(const PointFile file, PointFile::open(folder));
    for (const std::string& name : file.names())
      all.emplace_back(name, file.read(name, attempts));
    return all;
  }
};

Json sample_json(const Sample& sample) {
  return {{"step", sample.step},
          {"time", render_time(sample.time)},
          {"value", metrics::value_json(sample.value)},
          {"attempt", sample.attempt}};
}

Json sample_json(const std::optional<Sample>& sample) {
  return sample ? sample_json(*sample) : Json();
}

std::string at_step(const std::optional<Sample>& sample) {
  return sample ? fmt::format("{} at {}", exact_number(sample->value), sample->step) : "-";
}

class Metrics final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .arguments(
            "RUN|WORKFLOW:TAG", references_, Need::optional, "whose metrics; default: the last run")
        .option("-m,--metric", "NAME", names_, "only this metric; may be repeated")
        .flag("--steps", steps_, "every point, in the order of reporting")
        .flag("--attempts",
              attempts_,
              "with --steps, also the points of earlier attempts that later ones replaced")
        .flag("--json", json_, "as JSON: an array of {run, workflow, job, metric, …}")
        .flag("--csv", csv_, "as CSV with a header")
        .note("MIN and MAX are of finite values; NaN and infinities are counted in NOT FINITE.")
        .example("dstack metrics", "what the last run reported")
        .example("dstack metrics quiet-otter-3 -m loss --steps --csv", "all points of a metric");
  }

  Result<int> run(Context& context) override {
    if (json_ && csv_)
      return fail(ErrorCode::usage, "'--json' and '--csv' cannot be given together");
    DSTACK_TRY(auto records, open_records(context));
    if (references_.empty())
      references_.emplace_back();
    std::vector<Reporter> reporters;
    for (const std::string& reference : references_)
      DSTACK_CHECK(add_reporters(context, records, reference, reporters));
    DSTACK_CHECK(check_names(reporters));
    DSTACK_CHECK(steps_ ? print_steps(context, reporters) : print_summaries(context, reporters));
    return exit_code::success;
  }

 private:
  static Result<void> add_reporters(const Context& context,
                                    store::Records& records,
                                    const std::string& text,
                                    std::vector<Reporter>& reporters) {
    DSTACK_TRY(const Reference reference, resolve_reference(context, records, text));
    DSTACK_TRY(const auto chosen,
               run::Selection::make(reference.run, reference.workflow, reference.combination));
    DSTACK_TRY(const auto jobs, records.jobs(reference.run.id));
    const std::size_t before = reporters.size();
    std::set<std::size_t> reported;  // workflows
    for (const store::JobRecord& job : jobs) {
      if (!chosen.holds(job.workflow))
        continue;
      const store::WorkflowRecord& workflow = reference.run.workflows[job.workflow];
      Reporter reporter{reference.run.name,
                        workflow.name,
                        job.index,
                        workflow.jobs > 1,
                        context.home.job(reference.run.name, job.index)};
      DSTACK_TRY(const auto summary, reporter.summary());
      if (summary.empty())
        continue;
      reported.insert(job.workflow);
      reporters.push_back(std::move(reporter));
    }
    DSTACK_CHECK(add_saved(context, records, reference.run, chosen, reported, reporters));
    if (reporters.size() == before)
      context.messages.note(
          fmt::format("run '{}' has reported no metrics, and saved none; a job writes them to "
                      "$DSTACK_METRICS, or "
                      "'metrics' in the workflow names its files",
                      reference.run.name));
    return {};
  }

  /// Workflows that have reported nothing may have saved something.
  static Result<void> add_saved(const Context& context,
                                store::Records& records,
                                const store::RunRecord& run,
                                const run::Selection& chosen,
                                const std::set<std::size_t>& reported,
                                std::vector<Reporter>& reporters) {
    DSTACK_TRY(const auto all, records.artifacts(run.id));
    const store::ObjectStore objects(context.home);
    for (const store::WorkflowRecord& workflow : run.workflows) {
      if (!chosen.holds(workflow.index) || reported.contains(workflow.index))
        continue;
      DSTACK_TRY(auto saved,
                 run::read_saved_metrics(objects, run::artifacts_of(all, workflow.name)));
      if (!saved.empty())
        reporters.push_back({run.name, workflow.name, 0, false, {}, std::move(saved)});
    }
    return {};
  }

  bool is_wanted(const std::string& name) const {
    return names_.empty() || std::find(names_.begin(), names_.end(), name) != names_.end();
  }

  /// A name that no job reported is a mistake.
  Result<void> check_names(const std::vector<Reporter>& reporters) const {
    if (names_.empty() || reporters.empty())
      return {};
    std::set<std::string> known;
    for (const Reporter& reporter : reporters) {
      DSTACK_TRY(const auto summary, reporter.summary());
      for (const MetricSummary& metric : summary)
        known.insert(metric.name);
    }
    const std::vector<std::string> list(known.begin(), known.end());
    for (const std::string& name : names_)
      if (!known.contains(name)) {
        const std::string meant = did_you_mean(name, list);
        return fail(ErrorCode::not_found, "there is no metric '{}'", name)
            .with_hint("{}",
                       meant.empty() ? fmt::format("there are {}", quoted_list(list)) : meant);
      }
    return {};
  }

  Result<void> print_summaries(Context& context, const std::vector<Reporter>& reporters) const {
    Json list = Json::array();
    std::string csv =
        "run,workflow,job,metric,points,not_finite,last,last_step,min,min_step,max,max_step\n";
    ui::Table table = table_with(reporters,
                                 {{"METRIC", ui::Table::Align::left, ui::Table::Width::shrinks},
                                  {"LAST", ui::Table::Align::right},
                                  {"STEP", ui::Table::Align::right},
                                  {"MIN", ui::Table::Align::right},
                                  {"MAX", ui::Table::Align::right},
                                  {"POINTS", ui::Table::Align::right},
                                  {"NOT FINITE", ui::Table::Align::right},
                                  {"CURVE"}});
    for (const Reporter& reporter : reporters) {
      DSTACK_TRY(const auto summary, reporter.summary());
      std::map<std::string, std::vector<Sample>> points;
      if (!json_ && !csv_) {
        DSTACK_TRY(const auto all, reporter.points(Attempts::winning));
        points.insert(all.begin(), all.end());
      }
      for (const MetricSummary& metric : summary) {
        if (!is_wanted(metric.name))
          continue;
        if (json_)
          list.push_back({{"run", reporter.run},
                          {"workflow", reporter.workflow},
                          {"job", reporter.job},
                          {"metric", metric.name},
                          {"points", metric.count},
                          {"not_finite", metric.not_finite},
                          {"last", sample_json(metric.last)},
                          {"min", sample_json(metric.lowest)},
                          {"max", sample_json(metric.highest)}});
        else if (csv_)
          csv += csv_row(reporter, metric);
        else
          table.add(with_owner(reporters, reporter, table_row(metric, points[metric.name])));
      }
    }
    if (json_)
      context.out.json(list);
    else if (csv_)
      context.out.write(csv);
    else if (!table.empty())
      context.out.write(table.render(context.out.stream()));
    return {};
  }

  static std::string csv_row(const Reporter& reporter, const MetricSummary& metric) {
    const auto pair = [](const std::optional<Sample>& sample) {
      return sample ? fmt::format("{},{}", exact_number(sample->value), sample->step) : ",";
    };
    return fmt::format("{},{},{},{},{},{},{},{},{}\n",
                       reporter.run,
                       csv_cell(reporter.workflow),
                       reporter.job,
                       csv_cell(metric.name),
                       metric.count,
                       metric.not_finite,
                       pair(metric.last),
                       pair(metric.lowest),
                       pair(metric.highest));
  }

  static std::vector<ui::Cell> table_row(const MetricSummary& metric,
                                         const std::vector<Sample>& points) {
    std::vector<double> values;
    for (const Sample& sample : points)
      values.push_back(sample.value);
    return {{metric.name, ui::Colour::bold},
            {exact_number(metric.last.value)},
            {std::to_string(metric.last.step)},
            {at_step(metric.lowest)},
            {at_step(metric.highest)},
            {std::to_string(metric.count)},
            {metric.not_finite == 0 ? "-" : std::to_string(metric.not_finite)},
            {sparkline(values, width_of_curve)}};
  }

  Result<void> print_steps(Context& context, const std::vector<Reporter>& reporters) const {
    ui::JsonArray list(context.out);
    if (csv_)
      context.out.write("run,workflow,job,metric,attempt,step,time,value\n");
    ui::Table table = table_with(reporters,
                                 {{"METRIC", ui::Table::Align::left, ui::Table::Width::shrinks},
                                  {"STEP", ui::Table::Align::right},
                                  {"VALUE", ui::Table::Align::right},
                                  {"TIME"},
                                  {"ATTEMPT", ui::Table::Align::right}});
    for (const Reporter& reporter : reporters) {
      DSTACK_TRY(const auto points, reporter.points(attempts_ ? Attempts::all : Attempts::winning));
      for (const auto& [name, samples] : points) {
        if (!is_wanted(name))
          continue;
        for (const Sample& sample : samples) {
          if (json_) {
            Json point = {{"run", reporter.run},
                          {"workflow", reporter.workflow},
                          {"job", reporter.job},
                          {"metric", name}};
            point.update(sample_json(sample));
            list.add(point);
          } else if (csv_) {
            context.out.write(fmt::format("{},{},{},{},{},{},{},{}\n",
                                          reporter.run,
                                          csv_cell(reporter.workflow),
                                          reporter.job,
                                          csv_cell(name),
                                          sample.attempt,
                                          sample.step,
                                          render_time(sample.time),
                                          exact_number(sample.value)));
          } else {
            table.add(with_owner(reporters,
                                 reporter,
                                 {{name, ui::Colour::bold},
                                  {std::to_string(sample.step)},
                                  {exact_number(sample.value)},
                                  {render_time(sample.time)},
                                  {std::to_string(sample.attempt)}}));
          }
        }
      }
    }
    if (json_)
      list.finish();
    else if (!csv_ && !table.empty())
      context.out.write(table.render(context.out.stream()));
    return {};
  }

  /// What is the same in all rows is not shown.
  static bool has_several(const std::vector<Reporter>& reporters) { return reporters.size() > 1; }

  static ui::Table table_with(const std::vector<Reporter>& reporters,
                              std::vector<ui::Table::Column> columns) {
    if (has_several(reporters))
      columns.insert(columns.begin(), {{"RUN"}, {"WORKFLOW"}});
    return ui::Table(std::move(columns));
  }

  static std::vector<ui::Cell> with_owner(const std::vector<Reporter>& reporters,
                                          const Reporter& reporter,
                                          std::vector<ui::Cell> row) {
    if (has_several(reporters))
      row.insert(row.begin(), {{reporter.run}, {reporter.shown()}});
    return row;
  }

  std::vector<std::string> references_;
  std::vector<std::string> names_;
  bool steps_ = false;
  bool attempts_ = false;
  bool json_ = false;
  bool csv_ = false;
};

}  // namespace

std::unique_ptr<Action> make_metrics() {
  return std::make_unique<Metrics>();
}

}  // namespace dstack::cli
