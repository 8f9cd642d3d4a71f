#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/metrics/value_json.hpp"
#include "dstack/query/filter.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/run/report/comparison.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/sweep/address.hpp"
#include "ui/table.hpp"
#include "views/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace dstack::cli {

namespace {

using query::Value;
using run::ComparedWorkflow;

constexpr std::size_t default_last = 20;

/// What one line of the table has, by column.
struct Line {
  std::map<std::string, Value> values;       ///< by which lines are sorted
  std::map<std::string, std::string> texts;  ///< of several rows together; else made of the value
  std::map<std::string, Json> json;          ///< likewise
};

/// A number that several rows have together.
struct Mean {
  double mean = 0;
  std::optional<double> deviation = {};  ///< of the sample; nothing for a single row
  std::size_t count = 0;                 ///< rows that have a number
};

Mean mean_of(const std::vector<double>& numbers) {
  Mean result;
  result.count = numbers.size();
  for (const double number : numbers)
    result.mean += number / static_cast<double>(numbers.size());
  if (numbers.size() < 2)
    return result;
  double squares = 0;
  for (const double number : numbers)
    squares += (number - result.mean) * (number - result.mean);
  result.deviation = std::sqrt(squares / static_cast<double>(numbers.size() - 1));
  return result;
}

bool is_fixed(const std::string& column) {
  const auto& fixed = run::fixed_columns();
  return std::find(fixed.begin(), fixed.end(), column) != fixed.end();
}

std::string text_of(const std::string& column, const Value& value) {
  if (std::holds_alternative<std::monostate>(value))
    return "-";
  if (const auto* text = std::get_if<std::string>(&value))
    return text->empty() ? "-" : *text;
  const double number = std::get<double>(value);
  return column == "duration"
             ? render_duration(std::chrono::milliseconds(std::llround(number * 1000)))
             : render_number(number);
}

Json json_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return *text;
  if (const auto* number = std::get_if<double>(&value))
    return metrics::value_json(*number);
  return nullptr;
}

class Compare final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .arguments(
            "RUN",
            names_,
            Need::optional,
            "what to compare, or RUN/COMBINATION of a sweep; default: the last sweep, or the "
            "last runs of its workflow")
        .option("-w,--workflow", "WORKFLOW", workflow_, "only this workflow; its last runs")
        .option("-n,--last", "N", last_, "how many runs where none is named; default: 20")
        .option(
            "-f,--filter", "CONDITION", filter_, "only rows that meet it: 'lr<0.1 and status=done'")
        .option("-s,--sort", "COLUMN", sort_, "by this column; '-COLUMN': the greatest first")
        .option(
            "-g,--group", "COLUMNS", group_, "rows that differ in these alone are one, with means")
        .flag("--best", best_, "only the best row: the first metric of 'best', or of '--sort'")
        .option(
            "--columns", "COLUMNS", columns_, "these, in this order: 'lr,min:loss,step@min:loss'")
        .flag("--transpose", transpose_, "a column for each row")
        .flag("--json", json_, "as JSON: an array of objects, a member for each column")
        .flag("--csv", csv_, "as CSV with a header")
        .note(
            "Columns are variables that differ, metrics by their last value, and run, workflow, "
            "status,\n"
            "duration, submitted, tags; of a metric also last:, min:, max:, step@min:, step@max:, "
            "points:.")
        .example("dstack compare", "the last sweep, or the last runs")
        .example("dstack compare --sort -val_acc --filter 'lr<0.1'",
                 "the best learning rates first")
        .example("dstack compare --group seed", "means over the seeds")
        .example("dstack compare -w train --last 50 --csv > runs.csv", "for another program");
  }

  Result<int> run(Context& context) override {
    DSTACK_CHECK(check_options());
    std::optional<query::Filter> filter;
    if (!filter_.empty()) {
      DSTACK_TRY(filter, query::Filter::parse(filter_));
    }
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(auto rows, find_rows(context, records));
    if (rows.empty()) {
      context.messages.note("nothing to compare; 'dstack ps -a' lists all runs");
      return exit_code::success;
    }
    find_columns(rows);
    if (filter) {
      DSTACK_CHECK(
          filter->check_names([&](const std::string& name) { return is_known(name); }, known_));
      std::erase_if(rows, [&](const ComparedWorkflow& row) {
        return !filter->matches([&](const std::string& name) { return run::value_of(row, name); });
      });
    }
    DSTACK_TRY(const auto columns, shown_columns(rows));
    DSTACK_TRY(auto lines, make_lines(rows, columns));
    print(context, columns, lines);
    return exit_code::success;
  }

 private:
  Result<void> check_options() const {
    if (json_ && csv_)
      return fail(ErrorCode::usage, "'--json' and '--csv' cannot be given together");
    if (transpose_ && (json_ || csv_))
      return fail(
          ErrorCode::usage, "'--transpose' is of tables; leave out '--{}'", json_ ? "json" : "csv");
    if (last_ == 0)
      return fail(ErrorCode::usage, "'--last' must be at least 1");
    if (!names_.empty() && last_)
      return fail(ErrorCode::usage,
                  "'--last' counts runs where none is named; leave out one of them");
    if (best_ && !group_.empty() && sort_.empty())
      return fail(ErrorCode::usage, "'--best' of groups needs '--sort'");
    return {};
  }

  // --- Rows ---

  Result<std::vector<ComparedWorkflow>> find_rows(const Context& context, store::Records& records) {
    std::vector<ComparedWorkflow> rows;
    if (!names_.empty()) {
      for (const std::string& name : names_) {
        DSTACK_TRY(const Reference reference, find_part(context, records, name));
        DSTACK_TRY(const auto part,
                   run::Selection::make(reference.run,
                                        reference.workflow.empty() ? workflow_ : reference.workflow,
                                        reference.combination));
        DSTACK_CHECK(add_rows(
            context,
            records,
            reference.run,
            [&](std::size_t index) { return part.holds(index); },
            part.is_all(),
            rows));
      }
      return rows;
    }
    store::RunFilter wanted;
    wanted.project = context.project().string();
    std::string workflow = workflow_;
    if (workflow.empty()) {
      wanted.most = 1;
      DSTACK_TRY(const auto newest, records.find_runs(wanted));
      if (newest.empty())
        return rows;
      DSTACK_CHECK(add_rows(context, records, newest.front(), {}, true, rows));
      if (!last_ && rows.size() > 1 && !rows.front().combination.empty())
        return rows;
      workflow = rows.back().workflow;
      rows.clear();
    }
    wanted.workflow = workflow;
    wanted.most = last_.value_or(default_last);
    DSTACK_TRY(auto runs, records.find_runs(wanted));
    if (runs.empty())
      return fail(ErrorCode::not_found, "there is no run of workflow '{}'", workflow)
          .with_hint("'dstack ps -a' lists all runs");
    for (const store::RunRecord& run : runs)
      DSTACK_CHECK(add_rows(
          context,
          records,
          run,
          [&](std::size_t index) {
            return sweep::workflow_of(run.workflows[index].name) == workflow;
          },
          false,
          rows));
    return rows;
  }

  /// `choose`: of a run of which no part was named only what is swept or has metrics, else the
  /// workflow that was asked for.
  static Result<void> add_rows(const Context& context,
                               store::Records& records,
                               const store::RunRecord& run,
                               const std::function<bool(std::size_t)>& holds,
                               bool choose,
                               std::vector<ComparedWorkflow>& rows) {
    DSTACK_TRY(auto all, run::compare_workflows(context.home, records, run));
    const auto is_telling = [](const ComparedWorkflow& row) {
      return !row.metrics.empty() || !row.combination.empty();
    };
    const bool any = std::any_of(all.begin(), all.end(), is_telling);
    for (ComparedWorkflow& row : all) {
      if (holds && !holds(row.index))
        continue;
      if (choose && (any ? !is_telling(row) : row.index + 1 != all.size()))
        continue;
      rows.push_back(std::move(row));
    }
    return {};
  }

  // --- Columns ---

  void find_columns(const std::vector<ComparedWorkflow>& rows) {
    std::set<std::string> seen;
    for (const ComparedWorkflow& row : rows) {
      for (const auto& [name, value] : row.variables)
        if (seen.insert(name).second)
          variables_.push_back(name);
      for (const auto& metric : row.metrics)
        if (std::find(metrics_.begin(), metrics_.end(), metric.name) == metrics_.end())
          metrics_.push_back(metric.name);
      for (const auto& [name, better] : row.best)
        declared_.try_emplace(name, better);
    }
    known_ = run::fixed_columns();
    known_.insert(known_.end(), variables_.begin(), variables_.end());
    known_.insert(known_.end(), metrics_.begin(), metrics_.end());
  }

  bool is_known(const std::string& column) const {
    const std::string metric = run::metric_of_column(column);
    return std::find(known_.begin(), known_.end(), column) != known_.end() ||
           (!metric.empty() && is_metric(metric));
  }

  bool is_metric(const std::string& name) const {
    return std::find(metrics_.begin(), metrics_.end(), name) != metrics_.end();
  }

  Result<void> check_column(const std::string& column) const {
    if (is_known(column))
      return {};
    const std::string meant = did_you_mean(column, known_);
    return fail(ErrorCode::usage, "there is no column '{}'", column)
        .with_hint("{}", meant.empty() ? fmt::format("there are {}", quoted_list(known_)) : meant);
  }

  static std::vector<std::string> names_in(const std::string& list) {
    std::vector<std::string> names;
    for (const std::string_view name : split(list, ','))
      if (const std::string_view trimmed = trim(name); !trimmed.empty())
        names.emplace_back(trimmed);
    return names;
  }

  bool differs(const std::vector<ComparedWorkflow>& rows, const std::string& column) const {
    return std::any_of(rows.begin(), rows.end(), [&](const ComparedWorkflow& row) {
      return run::value_of(row, column) != run::value_of(rows.front(), column);
    });
  }

  Result<std::vector<std::string>> shown_columns(const std::vector<ComparedWorkflow>& rows) {
    grouped_ = names_in(group_);
    for (const std::string& column : grouped_)
      DSTACK_CHECK(check_column(column));
    if (!sort_.empty())
      DSTACK_CHECK(check_column(sort_column()));
    if (!columns_.empty()) {
      auto chosen = names_in(columns_);
      for (const std::string& column : chosen)
        DSTACK_CHECK(check_column(column));
      return chosen;
    }
    std::vector<std::string> columns;
    const auto is_grouped = [&](const std::string& column) {
      return std::find(grouped_.begin(), grouped_.end(), column) != grouped_.end();
    };
    if (grouped_.empty())
      columns.emplace_back("run");
    if (differs(rows, "workflow"))
      columns.emplace_back("workflow");
    for (const std::string& variable : variables_)
      if (!is_grouped(variable) && differs(rows, variable))
        columns.push_back(variable);
    for (const std::string& metric : metrics_)
      if (declared_.empty() || declared_.contains(metric))
        columns.push_back(metric);
    if (grouped_.empty())
      for (const char* column : {"status", "duration"})
        columns.emplace_back(column);
    if (grouped_.empty() && differs(rows, "tags"))
      columns.emplace_back("tags");
    return columns;
  }

  // --- Lines ---

  std::string sort_column() const { return sort_.starts_with('-') ? sort_.substr(1) : sort_; }

  Result<std::vector<Line>> make_lines(const std::vector<ComparedWorkflow>& rows,
                                       std::vector<std::string> columns) const {
    std::string by = sort_column();
    bool descending = sort_.starts_with('-');
    if (best_ && by.empty()) {
      const auto first = std::find_if(metrics_.begin(), metrics_.end(), [&](const auto& metric) {
        return declared_.contains(metric);
      });
      if (first == metrics_.end())
        return fail(ErrorCode::usage, "'--best' needs to know what is better")
            .with_hint(
                "add '--sort -NAME' (the greatest first), or 'metrics: {{best: {{NAME: max}}}}' to "
                "the workflow");
      descending = declared_.at(*first) == job::Better::max;
      by = (descending ? "max:" : "min:") + *first;
    }
    if (!by.empty())
      columns.push_back(by);
    std::vector<Line> lines =
        grouped_.empty() ? single_lines(rows, columns) : grouped_lines(rows, columns);
    if (!by.empty())
      sort(lines, by, descending);
    if (best_ && lines.size() > 1)
      lines.resize(1);
    return lines;
  }

  static std::vector<Line> single_lines(const std::vector<ComparedWorkflow>& rows,
                                        const std::vector<std::string>& columns) {
    std::vector<Line> lines;
    for (const ComparedWorkflow& row : rows) {
      Line& line = lines.emplace_back();
      for (const std::string& column : columns)
        line.values[column] = run::value_of(row, column);
      if (!row.combination.empty() && line.values.contains("run"))
        line.texts["run"] = fmt::format("{}/{}", row.run, row.combination);
    }
    return lines;
  }

  /// Rows that have the same of all columns that are neither measured nor grouped are one.
  std::vector<Line> grouped_lines(const std::vector<ComparedWorkflow>& rows,
                                  const std::vector<std::string>& columns) const {
    std::vector<std::string> keys{"workflow"};
    for (const std::string& variable : variables_)
      if (std::find(grouped_.begin(), grouped_.end(), variable) == grouped_.end())
        keys.push_back(variable);
    std::vector<std::pair<std::vector<Value>, std::vector<const ComparedWorkflow*>>> groups;
    for (const ComparedWorkflow& row : rows) {
      std::vector<Value> key;
      for (const std::string& each : keys)
        key.push_back(run::value_of(row, each));
      auto found = std::find_if(
          groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
      if (found == groups.end())
        found = groups.insert(groups.end(), {std::move(key), {}});
      found->second.push_back(&row);
    }
    std::vector<Line> lines;
    for (const auto& [key, members] : groups) {
      Line& line = lines.emplace_back();
      for (const std::string& column : columns)
        add_together(members, column, line);
    }
    return lines;
  }

  /// A mean of numbers that were measured; else what all have, or nothing.
  void add_together(const std::vector<const ComparedWorkflow*>& members,
                    const std::string& column,
                    Line& line) const {
    const bool is_key = std::find(variables_.begin(), variables_.end(), column) != variables_.end();
    if (is_key || (is_fixed(column) && column != "duration")) {
      const Value first = run::value_of(*members.front(), column);
      const bool same = std::all_of(members.begin(), members.end(), [&](const auto* member) {
        return run::value_of(*member, column) == first;
      });
      line.values[column] = same ? first : Value();
      return;
    }
    std::vector<double> numbers;
    for (const ComparedWorkflow* member : members)
      if (const auto number = query::number_of(run::value_of(*member, column));
          number && std::isfinite(*number))
        numbers.push_back(*number);
    Json json = {
        {"mean", nullptr}, {"std", nullptr}, {"count", numbers.size()}, {"of", members.size()}};
    std::string text = "-";
    if (!numbers.empty()) {
      const Mean mean = mean_of(numbers);
      line.values[column] = mean.mean;
      json["mean"] = mean.mean;
      text = text_of(column, mean.mean);
      if (mean.deviation) {
        json["std"] = *mean.deviation;
        text += fmt::format(" ± {}",
                            column == "duration" ? text_of(column, *mean.deviation)
                                                 : fmt::format("{:.2g}", *mean.deviation));
      }
      if (mean.count < members.size())
        text += fmt::format(" ({} of {})", mean.count, members.size());
    }
    line.texts[column] = std::move(text);
    line.json[column] = std::move(json);
  }

  /// What is undefined or NaN is last, in both directions.
  static void sort(std::vector<Line>& lines, const std::string& by, bool descending) {
    const bool numbers = std::all_of(lines.begin(), lines.end(), [&](const Line& line) {
      const Value& value = line.values.at(by);
      return std::holds_alternative<std::monostate>(value) || query::number_of(value);
    });
    const auto is_missing = [&](const Line& line) {
      const Value& value = line.values.at(by);
      const auto number = query::number_of(value);
      return std::holds_alternative<std::monostate>(value) || (number && std::isnan(*number));
    };
    std::stable_sort(lines.begin(), lines.end(), [&](const Line& a, const Line& b) {
      if (is_missing(a) || is_missing(b))
        return !is_missing(a) && is_missing(b);
      const Line& first = descending ? b : a;
      const Line& second = descending ? a : b;
      if (numbers)
        return *query::number_of(first.values.at(by)) < *query::number_of(second.values.at(by));
      return text_of(by, first.values.at(by)) < text_of(by, second.values.at(by));
    });
  }

  // --- Output ---

  static std::string text_in(const Line& line, const std::string& column) {
    const auto found = line.texts.find(column);
    return found != line.texts.end() ? found->second : text_of(column, line.values.at(column));
  }

  static std::string cell_in(const Line& line, const std::string& column) {
    const Value& value = line.values.at(column);
    if (line.texts.contains(column))
      return csv_cell(line.texts.at(column));
    if (const auto* text = std::get_if<std::string>(&value))
      return csv_cell(*text);
    const auto* number = std::get_if<double>(&value);
    return number == nullptr ? std::string() : exact_number(*number);
  }

  void print(Context& context,
             const std::vector<std::string>& columns,
             std::vector<Line>& lines) const {
    if (json_) {
      Json list = Json::array();
      for (const Line& line : lines) {
        Json object = Json::object();
        for (const std::string& column : columns) {
          const auto own = line.json.find(column);
          object[column] = own != line.json.end()        ? own->second
                           : line.texts.contains(column) ? Json(line.texts.at(column))
                                                         : json_of(line.values.at(column));
        }
        list.push_back(std::move(object));
      }
      context.out.json(list);
      return;
    }
    if (csv_) {
      std::string text;
      for (const std::string& column : columns)
        text += (text.empty() ? "" : ",") + csv_cell(column);
      text += "\n";
      for (const Line& line : lines) {
        std::vector<std::string> cells;
        for (const std::string& column : columns)
          cells.push_back(cell_in(line, column));
        text += join(cells, ",") + "\n";
      }
      context.out.write(text);
      return;
    }
    if (lines.empty()) {
      context.messages.note("no row meets the condition");
      return;
    }
    context.out.write((transpose_ ? transposed(columns, lines) : table(columns, lines))
                          .render(context.out.stream()));
  }

  /// Numbers are aligned at their ends.
  bool is_number(const std::string& column) const {
    return !is_fixed(column) || column == "duration";
  }

  ui::Table table(const std::vector<std::string>& columns, const std::vector<Line>& lines) const {
    std::vector<ui::Table::Column> titles;
    for (const std::string& column : columns)
      titles.push_back({is_fixed(column) ? to_upper(column) : column,
                        is_number(column) ? ui::Table::Align::right : ui::Table::Align::left});
    ui::Table table(std::move(titles));
    for (const Line& line : lines) {
      std::vector<ui::Cell> cells;
      for (const std::string& column : columns)
        cells.push_back({text_in(line, column)});
      table.add(std::move(cells));
    }
    return table;
  }

  static ui::Table transposed(const std::vector<std::string>& columns,
                              const std::vector<Line>& lines) {
    std::vector<ui::Table::Column> titles{{to_upper(columns.front())}};
    for (const Line& line : lines)
      titles.push_back({text_in(line, columns.front()), ui::Table::Align::right});
    ui::Table table(std::move(titles));
    for (std::size_t i = 1; i < columns.size(); ++i) {
      std::vector<ui::Cell> cells{{columns[i], ui::Colour::bold}};
      for (const Line& line : lines)
        cells.push_back({text_in(line, columns[i])});
      table.add(std::move(cells));
    }
    return table;
  }

  std::vector<std::string> names_;
  std::string workflow_;
  std::optional<std::size_t> last_;
  std::string filter_;
  std::string sort_;
  std::string group_;
  std::string columns_;
  bool best_ = false;
  bool transpose_ = false;
  bool json_ = false;
  bool csv_ = false;

  std::vector<std::string> variables_;
  std::vector<std::string> metrics_;
  std::map<std::string, job::Better> declared_;
  std::vector<std::string> known_;
  std::vector<std::string> grouped_;
};

}  // namespace

std::unique_ptr<Action> make_compare() {
  return std::make_unique<Compare>();
}

}  // namespace dstack::cli
