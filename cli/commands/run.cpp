#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/job/status.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/plan/options_elsewhere.hpp"
#include "dstack/plan/redaction.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/sweep/address.hpp"
#include "follow/signal_watchdog.hpp"
#include "follow/submitted.hpp"
#include "ui/prompt.hpp"
#include "views/code_amount.hpp"
#include "views/first_run.hpp"
#include "views/plan_text.hpp"
#include "views/work_progress.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace dstack::cli {

namespace {

/// The command's own options, as its syntax declares them.
class OwnOptions {
 public:
  explicit OwnOptions(const Syntax& syntax) : options_(syntax.options()) {}

  bool is_flag(std::string_view name) const { return holds(name, false); }

  bool takes_value(std::string_view name) const { return holds(name, true); }

  /// `-j4`: a short option with its value in one argument.
  bool is_attached(const std::string& argument) const {
    return argument.size() > 2 && argument[1] != '-' && takes_value(argument.substr(0, 2));
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const DeclaredOption& option : options_)
      all.insert(all.end(), option.names.begin(), option.names.end());
    return all;
  }

 private:
  bool holds(std::string_view name, bool with_value) const {
    return std::any_of(options_.begin(), options_.end(), [&](const DeclaredOption& option) {
      return option.value_name.empty() != with_value &&
             std::find(option.names.begin(), option.names.end(), name) != option.names.end();
    });
  }

  std::vector<DeclaredOption> options_;
};

class Run final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .usage("WORKFLOW|PROVIDER|FILE [options] [options and arguments of the workflow] [-- ARGS]")
        .argument("WORKFLOW|PROVIDER|FILE",
                  request_.target,
                  Need::required,
                  "what to run: a workflow, else a provider, else a script (.py, .ipynb, .sh)")
        .flag("-d,--detach", detach_, "do not follow: print the run's name and return")
        .option("-t,--tag", "TAG", request_.tag, "tag the artifacts on success")
        .flag("--force", force_, "with '-t': move the tag from the run that has it, on success")
        .option("-j,--jobs", "N", parallel_, "jobs at a time; default: the number of cores")
        .option("--sweep",
                "VAR=VALUES",
                sweeps_,
                "run once for each value: lr=0.1,0.01, seed=1..5, lr=log:1e-4..1e-1:4, @trials.csv")
        .option("--zip", "VAR=VALUES", zips_, "as '--sweep'; all of these change together")
        .option(
            "--samples", "N", samples_, "choose N values of each interval, such as lr=log:1e-4..1")
        .option("--sample-seed", "N", sample_seed_, "choose other values; default: 0")
        .flag("--fail-fast", fail_fast_, "start nothing more once a job has failed")
        .option("--max-failures", "N", most_failures_, "start nothing more once N jobs have failed")
        .flag("--dry-run", dry_run_, "only show the plan: jobs, inputs, artifacts, environment")
        .flag("--json", json_, "the plan of '--dry-run' as JSON")
        .flag("-y,--yes",
              yes_,
              "do not ask: of more than 1000 combinations, and of a whole large folder as code")
        .note(
            "Any other argument after the name belongs to the workflow: variables\n"
            "('--epochs 3', '--train.epochs 3'), options of its provider ('--gpu 1'), and after "
            "'--' the\n"
            "arguments of its program. 'dstack run WORKFLOW --help' lists them. Where a variable "
            "is "
            "called\nlike an option, the option goes before the name: 'dstack run --tag v2 train', "
            "and with an "
            "equals\nsign for those of the provider: 'dstack run --timeout=2h train'.\n\n"
            "Exit code: that of the job that failed first; 128+N when signal N killed it; 125 when "
            "it could\n"
            "not start; 130 after Ctrl-C, 143 after 'dstack stop'; 0 when all is done, or "
            "detached.")
        .example("dstack run train", "run a workflow and what it depends on")
        .example("dstack run train --epochs 3 -t best", "with a variable, and a tag for the result")
        .example("dstack run python train.py -a model -- -x 1", "a provider, without a workflow")
        .example("dstack run train --sweep lr=0.1,0.01 --sweep seed=1..3", "six jobs of one run")
        .example("dstack run train -t latest --force", "a tag that moves with each success")
        .example("dstack run train.py -r requirements.txt -- --lr 0.1",
                 "a script, without a workflow or a project")
        .example("dstack run train --dry-run", "what would happen");
  }

  /// Picks out the command's own options, wherever they are; every other argument goes to the plan
  /// as it is.
  Result<void> parse(Syntax& syntax, const std::vector<std::string>& arguments) override {
    const OwnOptions options(syntax);
    std::vector<std::string> own;
    std::string target;
    std::string early;  // an option before the target that is not the command's own
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& argument = arguments[i];
      const std::string name = argument.substr(0, argument.find('='));
      if (argument == "--") {
        request_.arguments.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                  arguments.end());
        break;
      }
      const std::string next = i + 1 < arguments.size() ? arguments[i + 1] : std::string();
      if (const std::size_t words = words_of_other_runners(argument, next); words > 0) {
        for (std::size_t k = 0; k < words; ++k)
          request_.target_arguments.push_back(arguments[i + k]);
        request_.leading += target.empty() ? words : 0;
        i += words - 1;
      } else if (options.is_flag(argument) || options.is_attached(argument) ||
                 (name != argument && options.takes_value(name))) {
        own.push_back(argument);
        note_place(argument, next, options, !target.empty());
      } else if (options.takes_value(argument)) {
        own.push_back(argument);
        note_place(argument, next, options, !target.empty());
        if (i + 1 < arguments.size())
          own.push_back(arguments[++i]);
      } else if (!target.empty()) {
        request_.target_arguments.push_back(argument);
      } else if (name.size() > 2 && name != argument && name.starts_with("--")) {
        request_.target_arguments.push_back(argument);
        ++request_.leading;
      } else if (argument.size() > 1 && argument.front() == '-') {
        own.push_back(argument);  // refused with a suggestion
        early = name;
      } else {
        target = argument;
      }
    }
    if (!target.empty())
      own.push_back(target);  // never begins with a dash: that is refused above
    target_ = target;
    return syntax.parse(own).map_error(
        [&](Error error) { return with_hint_for(early, std::move(error)); });
  }

  /// An option after the name may be a variable of the workflow as well. What cannot be read is
  /// reported when the project is opened.
  Result<void> check_words(const std::string& project) override {
    if (after_target_.empty() || target_.empty())
      return {};
    const std::string& named = early_project_.empty() ? project : early_project_;
    boost::system::error_code error;
    const Path folder = named.empty() ? fs::current_path(error) : fs::absolute(named);
    const auto root = error ? std::nullopt : config::find_project(folder);
    if (!root)
      return {};
    auto loaded = config::load_project(*root);
    if (!loaded)
      return {};
    project_ = *std::move(loaded);
    return plan::refuse_ambiguous(target_, after_target_, *project_);
  }

  Result<std::string> help(Context& context, const Syntax& syntax) override {
    if (request_.target.empty())
      return syntax.help();
    DSTACK_TRY(const auto bench, context.open_workbench());
    DSTACK_TRY(const auto help,
               plan::describe_target(
                   request_.target, bench.project, bench.providers, OwnOptions(syntax).names()));
    std::string text =
        fmt::format("{}{}\n", help.target, help.help.empty() ? "" : fmt::format(": {}", help.help));
    if (help.provider != help.target)
      text += fmt::format("Runs with provider '{}'.\n", help.provider);
    text += fmt::format("\nUsage: dstack run {} [options] [-- ARGS]\n", help.target);
    text += section("Variables", help.variables) + section("Options", help.options);
    text += "\n'dstack run --help' shows the options of every run.\n";
    if (!help.examples.empty())
      text += "\nExamples:\n";
    for (const std::string& example : help.examples)
      text += fmt::format("  {}\n", example);
    return printable_lines(text, "");  // has values of variables and texts of providers
  }

  Result<int> run(Context& context) override {
    auto code = start(context);
    if (code || code.error().code != ErrorCode::internal)
      return code;
    context.messages.error(code.error());
    return exit_code::runner_failed;
  }

 private:
  /// A large snapshot takes a while; Ctrl-C works meanwhile.
  Result<run::Submitted> submit(const Context& context,
                                const run::Workbench& bench,
                                store::Records& records,
                                Signals& signals) const {
    const SignalWatchdog watchdog(signals);
    WorkProgress progress(context.messages);
    run::SubmitRequest request = request_;
    request.before_capture = [&](const source::Amount& code) {
      if (is_large(code))
        progress.note(fmt::format("{}{}",
                                  ui::paint(context.messages.stream(), ui::Colour::cyan, "note: "),
                                  describe(code)));
      progress.begin("storing the code");
    };
    request.on_plan = [&](const plan::Plan& plan) { return agree_to_size(context, plan); };
    request.on_input = [&](const job::InputFile& input) {
      progress.begin(fmt::format("copying the input '{}'", printable(input.path)));
    };
    return run::submit(bench, records, request);
  }

  /// How many words from here on mean something else to other runners than to us: `-v /data:/data`
  /// and `-ti` would be understood as `--verbose` and as `--tag i`. The plan refuses them.
  static std::size_t words_of_other_runners(const std::string& argument, const std::string& next) {
    if (argument == "-v" && plan::is_mount(next))
      return 2;
    const bool is_of_terminal =
        argument.starts_with("-t") && plan::is_terminal_flags(argument.substr(1));
    return is_of_terminal || !plan::attached_mount(argument).empty() ? 1 : 0;
  }

  /// `early`: an option before the target that is not the command's own; empty: there is none.
  static Error with_hint_for(const std::string& early, Error error) {
    if (early.empty())
      return error;
    const std::size_t dashes = std::min(early.find_first_not_of('-'), early.size());
    if (auto advice = plan::advice_on_option(early.substr(dashes)); !advice.empty())
      error.hint = std::move(advice);
    else if (error.hint.find("did you mean") == std::string::npos)
      error.hint = fmt::format(
          "options of a workflow or its provider go after its name: dstack run NAME {} …", early);
    return error;
  }

  /// Remembers which project was meant before the target, and which long options are after it.
  void note_place(const std::string& argument,
                  const std::string& next,
                  const OwnOptions& options,
                  bool after_target) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const std::string value = equals == std::string::npos ? next : argument.substr(equals + 1);
    if (!after_target && name == "--project")
      early_project_ = value;
    if (!after_target || !name.starts_with("--") || name == "--help")
      return;
    after_target_.push_back({name, is_option(value) ? "" : value, options.takes_value(name)});
  }

  static std::string section(const std::string& title,
                             const std::vector<plan::OptionHelp>& options) {
    std::vector<Described> entries;
    for (const plan::OptionHelp& option : options) {
      const std::string fallback =
          option.default_value.empty() ? "" : fmt::format("default: {}", option.default_value);
      entries.push_back(
          {option.syntax,
           option.help + (option.help.empty() || fallback.empty() ? "" : "; ") + fallback});
    }
    return render_section(title, entries);
  }

  Result<int> start(Context& context) {
    if (parallel_ == 0)
      return fail(ErrorCode::usage, "'-j' must be at least 1");
    if (json_ && !dry_run_)
      return fail(ErrorCode::usage, "'--json' needs '--dry-run'");
    if (force_ && request_.tag.empty())
      return fail(ErrorCode::usage, "'--force' needs '--tag'")
          .with_hint("it moves the tag from the run that has it");
    DSTACK_CHECK(read_sweeps());
    using Force = store::Records::Force;
    request_.move_tag = force_ ? Force::yes : Force::no;
    request_.parallel = parallel_.value_or(0);
    if (yes_)
      request_.large_folder = source::LargeFolder::taken;
    DSTACK_TRY(auto bench, context.open_workbench(run::Purpose::code, std::exchange(project_, {})));
    if (dry_run_)
      return show_plan(context, bench);
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    if (bench.settings.trust == config::Trust::ask) {
      DSTACK_TRY(const bool agreed, agree_to_first_run(context, bench, records, request_));
      if (!agreed)
        return exit_code::failure;
    }
    // From here on no signal may be lost between the run's creation and its follower.
    DSTACK_TRY(auto signals, Signals::open());
    DSTACK_TRY(auto submitted, submit(context, bench, records, signals));
    return go_on_with(
        context, records, signals, submitted, detach_ ? Follow::detached : Follow::yes);
  }

  Result<void> read_sweeps() {
    if (fail_fast_ && most_failures_)
      return fail(ErrorCode::usage, "'--fail-fast' and '--max-failures' cannot be used together");
    if (most_failures_ == 0)
      return fail(ErrorCode::usage, "'--max-failures' must be at least 1");
    if (samples_ == 0)
      return fail(ErrorCode::usage, "'--samples' must be at least 1");
    if (sample_seed_ && !samples_)
      return fail(ErrorCode::usage, "'--sample-seed' needs '--samples'");
    request_.most_failures = fail_fast_ ? 1 : most_failures_.value_or(0);
    request_.sampling = {samples_, sample_seed_.value_or(0)};
    for (const auto& [texts, zip] : {std::pair(&sweeps_, false), std::pair(&zips_, true)})
      for (const std::string& text : *texts) {
        plan::SweepArgument argument{zip, text};
        if (text.starts_with('@')) {
          DSTACK_TRY(std::string table, read_file(text.substr(1)).map_error([&](Error error) {
            error.code = ErrorCode::usage;
            error.hint = "'@FILE' is a table of combinations: names of variables in its first line";
            return error;
          }));
          argument.table = make_source_text(text.substr(1), std::move(table));
        }
        request_.sweeps.push_back(std::move(argument));
      }
    return {};
  }

  /// So many jobs of one run are asked about: it is easily a hundred times what was meant.
  Result<void> agree_to_size(const Context& context, const plan::Plan& plan) const {
    constexpr std::size_t most_unasked = 1000;
    const auto combinations = static_cast<std::size_t>(
        std::count_if(plan.workflows.begin(), plan.workflows.end(), [](const auto& workflow) {
          return !workflow.combination.empty();
        }));
    if (combinations <= most_unasked || yes_)
      return {};
    const std::string what = plural(combinations, "combination");
    DSTACK_TRY(
        const bool sure,
        ui::confirm(
            context.messages, fmt::format("Run {}?", what), fmt::format("running {}", what)));
    if (sure)
      return {};
    return fail(ErrorCode::conflict, "the run was not started");
  }

  Result<int> show_plan(Context& context, run::Workbench& bench) {
    source::Snapshot code;
    auto plan = run::preview(bench, request_, code);
    project_ = std::move(bench.project);
    if (is_large(code.amount))
      say(context, describe(code.amount));
    context.messages.warnings(code.warnings);
    for (const std::string& note : code.notes)
      say(context, note);
    if (!plan)
      return Failure(std::move(plan).error());
    shown_ = plan::without_secrets(*std::move(plan));
    print_plan(context, shown_, json_ ? PlanForm::json : PlanForm::text);
    return exit_code::success;
  }

  run::SubmitRequest request_;
  std::string target_;
  std::vector<plan::OwnOption> after_target_;
  std::string early_project_;               ///< of `--project` before the target
  std::optional<config::Project> project_;  ///< for checking words; else kept to the end
  plan::Plan shown_;
  std::optional<std::size_t> parallel_;
  std::vector<std::string> sweeps_;
  std::vector<std::string> zips_;
  std::optional<std::size_t> samples_;
  std::optional<std::size_t> sample_seed_;
  bool fail_fast_ = false;
  std::optional<std::size_t> most_failures_;
  bool detach_ = false;
  bool force_ = false;
  bool dry_run_ = false;
  bool json_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Action> make_run() {
  return std::make_unique<Run>();
}

}  // namespace dstack::cli
