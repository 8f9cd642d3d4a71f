#include "command_line/syntax.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>

namespace dstack::cli {

namespace {

constexpr const char* own_group = "Options";
constexpr const char* common_group = "Options of every command";

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

std::vector<const CLI::Option*> arguments_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

/// An argument is the one kind of option that may take several words.
bool takes_many(const CLI::Option* argument) {
  return argument->get_expected_max() > 1;
}

std::vector<std::string> names_of(const CLI::Option* option) {
  std::vector<std::string> names;
  for (const std::string& name : option->get_snames())
    names.push_back("-" + name);
  for (const std::string& name : option->get_lnames())
    names.push_back("--" + name);
  return names;
}

std::vector<Described> describe_options(const CLI::App& app, const std::string& group) {
  std::vector<Described> entries;
  for (const CLI::Option* option : options_of(app)) {
    if (option->get_group() != group)
      continue;
    std::string syntax = join(names_of(option), ", ");
    // A long name alone stands below the long names of the others.
    if (syntax.starts_with("--"))
      syntax.insert(0, "    ");
    const std::string& value = option->get_option_text();
    entries.push_back(
        {syntax + (value.empty() ? "" : fmt::format(" {}", value)), option->get_description()});
  }
  return entries;
}

std::vector<Described> describe_arguments(const CLI::App& app) {
  std::vector<Described> entries;
  for (const CLI::Option* argument : arguments_of(app))
    entries.push_back({argument->get_option_text(), argument->get_description()});
  return entries;
}

std::string usage_of(const CLI::App& app) {
  std::string usage = describe_options(app, own_group).empty() ? "" : " [options]";
  for (const CLI::Option* argument : arguments_of(app)) {
    const std::string word = argument->get_option_text() + (takes_many(argument) ? "..." : "");
    usage += argument->get_required() ? fmt::format(" {}", word) : fmt::format(" [{}]", word);
  }
  return usage;
}

}  // namespace

bool is_option(std::string_view word) {
  return word.size() > 1 && word.front() == '-';
}

std::string render_section(const std::string& title, const std::vector<Described>& entries) {
  if (entries.empty())
    return {};
  std::size_t width = 0;
  for (const Described& entry : entries)
    width = std::max(width, display_width(entry.syntax));
  std::string text = fmt::format("\n{}:\n", title);
  for (const Described& entry : entries) {
    text += fmt::format("  {}", entry.syntax);
    if (!entry.help.empty())
      text += std::string(width - display_width(entry.syntax) + 3, ' ') + entry.help;
    text += "\n";
  }
  return text;
}

struct Syntax::State {
  State(std::string command, std::string summary) : app(std::move(summary), std::move(command)) {
    app.set_help_flag();
    app.allow_extras();
    app.allow_windows_style_options(false);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  /// The library is choosy about names of arguments; ours are for people, and stand in the text.
  std::string next_argument() const {
    return "argument" + std::to_string(arguments_of(app).size());
  }

  CLI::App app;
  std::string own_usage;
  std::vector<Described> examples;
  std::vector<std::string> notes;
};

Syntax::Syntax(std::string command, std::string summary)
    : state_(std::make_unique<State>(std::move(command), std::move(summary))) {}

Syntax::Syntax(Syntax&&) noexcept = default;
Syntax::~Syntax() = default;

Syntax& Syntax::flag(const std::string& names, bool& target, const std::string& help) {
  state_->app.add_flag(names, target, help);
  return *this;
}

Syntax& Syntax::option(const std::string& names,
                       const std::string& value_name,
                       std::string& target,
                       const std::string& help) {
  // Most likely a variable of the shell that is not set.
  const auto read = [&target, name = names.substr(names.rfind(',') + 1)](const std::string& text) {
    if (text.empty())
      throw CLI::ValidationError(
          fmt::format("option '{}' needs a value, and was given an empty text", name));
    target = text;
  };
  state_->app.add_option_function<std::string>(names, read, help)->option_text(value_name);
  return *this;
}

/// The number is read by us: the library takes "010" for 8, and one that is too large for another.
Syntax& Syntax::option(const std::string& names,
                       const std::string& value_name,
                       std::optional<std::size_t>& target,
                       const std::string& help) {
  const auto read = [&target, name = names.substr(names.rfind(',') + 1)](const std::string& text) {
    target = parse_number<std::size_t>(text);
    if (!target)
      throw CLI::ValidationError(
          fmt::format("option '{}' takes a whole number, not '{}'", name, text));
  };
  state_->app.add_option_function<std::string>(names, read, help)->option_text(value_name);
  return *this;
}

Syntax& Syntax::option(const std::string& names,
                       const std::string& value_name,
                       std::vector<std::string>& target,
                       const std::string& help) {
  using Texts = std::vector<std::string>;
  const auto add = [&target](const Texts& given) {
    target.insert(target.end(), given.begin(), given.end());
  };
  state_->app.add_option_function<Texts>(names, add, help)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->option_text(value_name);
  return *this;
}

Syntax& Syntax::argument(const std::string& name,
                         std::string& target,
                         Need need,
                         const std::string& help) {
  state_->app.add_option(state_->next_argument(), target, help)
      ->required(need == Need::required)
      ->option_text(name);
  return *this;
}

Syntax& Syntax::arguments(const std::string& name,
                          std::vector<std::string>& target,
                          Need need,
                          const std::string& help) {
  state_->app.add_option(state_->next_argument(), target, help)
      ->required(need == Need::required)
      ->option_text(name);
  return *this;
}

Syntax& Syntax::common_options() {
  state_->app.option_defaults()->group(common_group);
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

std::vector<DeclaredOption> Syntax::options() const {
  std::vector<DeclaredOption> all;
  for (const CLI::Option* option : options_of(state_->app))
    all.push_back({names_of(option), option->get_option_text(), option->get_description()});
  return all;
}

std::vector<DeclaredArgument> Syntax::arguments() const {
  std::vector<DeclaredArgument> all;
  for (const CLI::Option* argument : arguments_of(state_->app))
    all.push_back({argument->get_option_text(), takes_many(argument)});
  return all;
}

namespace {

std::string see_help(const std::string& command) {
  return fmt::format("'{} --help' shows what it takes", command);
}

Failure refuse_extra(const std::string& command,
                     const std::string& word,
                     const std::vector<DeclaredOption>& options) {
  if (!is_option(word))
    return fail(ErrorCode::usage, "'{}' does not take the argument '{}'", command, word)
        .with_hint("{}", see_help(command));
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const DeclaredOption& option : options)
    known.insert(known.end(), option.names.begin(), option.names.end());
  const std::string guess = did_you_mean(name, known);
  return fail(ErrorCode::usage, "'{}' has no option '{}'", command, name)
      .with_hint("{}", guess.empty() ? see_help(command) : guess);
}

/// A value that is missing, or one given to a flag: nothing else fails in the library's own hands,
/// since all values are texts to it.
Failure refuse_value(const std::string& command, const CLI::ParseError& error) {
  const std::string what = error.what();
  const std::string name = what.substr(0, what.find_first_of(": "));
  const bool missing = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr &&
                       what.find("required") != std::string::npos;
  if (name.empty() || name.front() != '-')
    return fail(ErrorCode::usage, "'{}': {}", command, what).with_hint("{}", see_help(command));
  return fail(ErrorCode::usage,
              "option '{}{}",
              name,
              missing ? "' needs a value" : "' takes no value")
      .with_hint("{}", see_help(command));
}

Failure refuse_missing(const CLI::App& app) {
  for (const CLI::Option* argument : arguments_of(app))
    if (argument->get_required() && argument->count() == 0)
      return fail(ErrorCode::usage, "'{}' needs {}", app.get_name(), argument->get_option_text())
          .with_hint("{}", see_help(app.get_name()));
  return fail(ErrorCode::internal, "no argument is missing");
}

/// The library takes them from the end. It would take the next word for the value of `--tag=`.
std::vector<std::string> reversed(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  bool are_options = true;
  for (const std::string& word : words) {
    are_options = are_options && word != "--";
    if (are_options && word.size() > 3 && word.starts_with("--") &&
        word.find('=') == word.size() - 1)
      all.insert(all.end(), {word.substr(0, word.size() - 1), ""});
    else
      all.push_back(word);
  }
  std::reverse(all.begin(), all.end());
  return all;
}

}  // namespace

Result<void> Syntax::parse(const std::vector<std::string>& words) {
  CLI::App& app = state_->app;
  Result<void> parsed;
  try {
    app.parse(reversed(words));
  } catch (const CLI::ValidationError& error) {
    parsed = fail(ErrorCode::usage, "{}", error.what()).with_hint("{}", see_help(app.get_name()));
  } catch (const CLI::RequiredError&) {
    parsed = refuse_missing(app);
  } catch (const CLI::ParseError& error) {
    return refuse_value(app.get_name(), error);
  }
  std::vector<std::string> extras = app.remaining();
  std::erase(extras, "--");  // the library counts the mark itself among what is left
  // An unknown option first: its value, left alone, would be blamed otherwise.
  for (const std::string& word : extras)
    if (is_option(word))
      return refuse_extra(app.get_name(), word, options());
  if (!extras.empty())
    return refuse_extra(app.get_name(), extras.front(), options());
  return parsed;
}

Result<std::vector<std::string>> Syntax::parse_leading(const std::vector<std::string>& words) {
  CLI::App& app = state_->app;
  app.prefix_command();
  try {
    app.parse(reversed(words));
  } catch (const CLI::ParseError& error) {
    return refuse_value(app.get_name(), error);
  }
  return app.remaining();
}

/// Not by CLI::Formatter: its columns have one width for all sections, and it knows neither notes
/// nor examples, so that all of its functions would be replaced.
std::string Syntax::help() const {
  const CLI::App& app = state_->app;
  std::string summary = app.get_description();
  if (!summary.empty() && summary.back() != '.')
    summary += '.';
  const std::string& own = state_->own_usage;
  std::string text = fmt::format("{}\n\nUsage: {}{}\n",
                                 summary,
                                 app.get_name(),
                                 own.empty() ? usage_of(app) : fmt::format(" {}", own));
  text += render_section("Arguments", describe_arguments(app));
  text += render_section(own_group, describe_options(app, own_group));
  text += render_section(common_group, describe_options(app, common_group));
  for (const std::string& paragraph : state_->notes)
    text += fmt::format("\n{}\n", paragraph);
  text += render_section("Examples", state_->examples);
  return text;
}

}  // namespace dstack::cli
