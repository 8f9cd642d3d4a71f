#include "command_line/syntax.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <deque>

namespace dstack::cli {

namespace {

/// A whole number is read by us: the library's own words for a wrong one say little.
struct Number {
  std::string text;
  std::optional<std::size_t>* target;
  CLI::Option* option;
};

std::vector<Described> describe(const std::vector<DeclaredOption>& options) {
  std::vector<Described> entries;
  for (const DeclaredOption& option : options) {
    std::string names = join(option.names, ", ");
    // A long name alone stands below the long names of the others.
    if (names.starts_with("--"))
      names.insert(0, "    ");
    entries.push_back(
        {names + (option.value_name.empty() ? "" : " " + option.value_name), option.help});
  }
  return entries;
}

}  // namespace

std::string render_section(const std::string& title, const std::vector<Described>& entries) {
  if (entries.empty())
    return {};
  std::size_t width = 0;
  for (const Described& entry : entries)
    width = std::max(width, display_width(entry.syntax));
  std::string text = "\n" + title + ":\n";
  for (const Described& entry : entries) {
    text += "  " + entry.syntax;
    if (!entry.help.empty())
      text += std::string(width - display_width(entry.syntax) + 3, ' ') + entry.help;
    text += "\n";
  }
  return text;
}

struct Syntax::State {
  State(std::string command_, std::string summary_)
      : command(std::move(command_)), summary(std::move(summary_)) {
    app.set_help_flag();
    app.allow_extras();
    app.allow_windows_style_options(false);
  }

  /// The library is choosy about names of arguments; ours are for people.
  std::string internal_name() const { return "argument" + std::to_string(arguments.size()); }

  void describe_option(const std::string& names, const std::string& value, std::string text) {
    const auto separate = split(names, ',');
    (common ? common_options : options)
        .push_back({{separate.begin(), separate.end()}, value, std::move(text)});
  }

  void describe_argument(const std::string& name, Need need, const std::string& help, bool many) {
    const std::string shown = name + (many ? "..." : "");
    usage += need == Need::required ? " " + shown : " [" + shown + "]";
    arguments.push_back({name, many});
    described_arguments.push_back({name, help});
  }

  CLI::App app;
  std::string command;
  std::string summary;
  std::string usage;
  std::string own_usage;
  bool common = false;
  std::vector<DeclaredOption> options;
  std::vector<DeclaredOption> common_options;
  std::vector<DeclaredArgument> arguments;
  std::vector<Described> described_arguments;
  std::vector<Described> examples;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, CLI::Option*>> required;
  std::deque<Number> numbers;  ///< a deque: the library keeps references into it
};

Syntax::Syntax(std::string command, std::string summary)
    : state_(std::make_unique<State>(std::move(command), std::move(summary))) {}

Syntax::Syntax(Syntax&&) noexcept = default;
Syntax::~Syntax() = default;

Syntax& Syntax::flag(const std::string& names, bool& target, const std::string& help) {
  state_->app.add_flag(names, target, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  state_->describe_option(names, "", help);
  return *this;
}

Syntax& Syntax::option(const std::string& names,
                       const std::string& value_name,
                       std::string& target,
                       const std::string& help) {
  state_->app.add_option(names, target, help)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  state_->describe_option(names, value_name, help);
  return *this;
}

Syntax& Syntax::option(const std::string& names,
                       const std::string& value_name,
                       std::optional<std::size_t>& target,
                       const std::string& help) {
  Number& number = state_->numbers.emplace_back(Number{std::string(), &target, nullptr});
  number.option = state_->app.add_option(names, number.text, help);
  number.option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  state_->describe_option(names, value_name, help);
  return *this;
}

Syntax& Syntax::option(const std::string& names,
                       const std::string& value_name,
                       std::vector<std::string>& target,
                       const std::string& help) {
  state_->app.add_option(names, target, help)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  state_->describe_option(names, value_name, help);
  return *this;
}

Syntax& Syntax::argument(const std::string& name,
                         std::string& target,
                         Need need,
                         const std::string& help) {
  CLI::Option* option = state_->app.add_option(state_->internal_name(), target, help);
  if (need == Need::required)
    state_->required.emplace_back(name, option);
  state_->describe_argument(name, need, help, false);
  return *this;
}

Syntax& Syntax::arguments(const std::string& name,
                          std::vector<std::string>& target,
                          Need need,
                          const std::string& help) {
  CLI::Option* option = state_->app.add_option(state_->internal_name(), target, help);
  if (need == Need::required)
    state_->required.emplace_back(name, option);
  state_->describe_argument(name, need, help, true);
  return *this;
}

Syntax& Syntax::common_options() {
  state_->common = true;
  return *this;
}

Syntax& Syntax::example(const std::string& line, const std::string& meaning) {
  state_->examples.push_back({line, meaning});
  return *this;
}

Syntax& Syntax::note(const std::string& paragraph) {
  state_->notes.push_back(paragraph);
  return *this;
}

Syntax& Syntax::usage(const std::string& words) {
  state_->own_usage = words;
  return *this;
}

const std::string& Syntax::command() const {
  return state_->command;
}

std::vector<DeclaredOption> Syntax::options() const {
  std::vector<DeclaredOption> all = state_->options;
  all.insert(all.end(), state_->common_options.begin(), state_->common_options.end());
  return all;
}

const std::vector<DeclaredArgument>& Syntax::arguments() const {
  return state_->arguments;
}

namespace {

std::string see_help(const std::string& command) {
  return "'" + command + " --help' shows what it takes";
}

Failure refuse_extra(const std::string& command,
                     const std::string& word,
                     const std::vector<DeclaredOption>& options) {
  if (word.size() < 2 || word.front() != '-')
    return fail(ErrorCode::usage,
                "'" + command + "' does not take the argument '" + word + "'",
                see_help(command));
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const DeclaredOption& option : options)
    known.insert(known.end(), option.names.begin(), option.names.end());
  const std::string guess = did_you_mean(name, known);
  return fail(ErrorCode::usage,
              "'" + command + "' has no option '" + name + "'",
              guess.empty() ? see_help(command) : guess);
}

/// The library throws at a value that is missing, and at one given to a flag; nothing else can
/// fail, since all our values are texts to it.
Failure refuse_value(const std::string& command, const CLI::ParseError& error) {
  const std::string what = error.what();
  const std::string name = what.substr(0, what.find_first_of(": "));
  const bool missing = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr &&
                       what.find("required") != std::string::npos;
  if (name.empty() || name.front() != '-')
    return fail(ErrorCode::usage, "'" + command + "': " + what, see_help(command));
  return fail(ErrorCode::usage,
              "option '" + name + (missing ? "' needs a value" : "' takes no value"),
              see_help(command));
}

Result<void> read_number(const Number& number, const std::string& command) {
  if (number.option->count() == 0)
    return {};
  const auto value = parse_number<std::size_t>(number.text);
  if (!value)
    return fail(ErrorCode::usage,
                "option '" + number.option->get_name() + "' takes a whole number, not '" +
                    number.text + "'",
                see_help(command));
  *number.target = *value;
  return {};
}

}  // namespace

Result<void> Syntax::parse(const std::vector<std::string>& words) {
  State& state = *state_;
  try {
    state.app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    return refuse_value(state.command, error);
  }
  std::vector<std::string> extras = state.app.remaining();
  std::erase(extras, "--");  // the library counts the mark itself among what is left
  // An unknown option first: its value, left alone, would be blamed otherwise.
  for (const std::string& word : extras)
    if (word.size() > 1 && word.front() == '-')
      return refuse_extra(state.command, word, options());
  if (!extras.empty())
    return refuse_extra(state.command, extras.front(), options());
  for (const Number& number : state.numbers)
    DSTACK_CHECK(read_number(number, state.command));
  for (const auto& [name, option] : state.required)
    if (option->count() == 0)
      return fail(
          ErrorCode::usage, "'" + state.command + "' needs " + name, see_help(state.command));
  return {};
}

std::string Syntax::help() const {
  const State& state = *state_;
  std::string summary = state.summary;
  if (!summary.empty() && summary.back() != '.')
    summary += '.';
  std::string text = summary + "\n\nUsage: " + state.command;
  if (!state.own_usage.empty())
    text += " " + state.own_usage;
  else
    text += (state.options.empty() ? "" : " [options]") + state.usage;
  text += "\n";
  text += render_section("Arguments", state.described_arguments);
  text += render_section("Options", describe(state.options));
  text += render_section("Options of every command", describe(state.common_options));
  for (const std::string& paragraph : state.notes)
    text += "\n" + paragraph + "\n";
  text += render_section("Examples", state.examples);
  return text;
}

}  // namespace dstack::cli
