#include "command_line/app.hpp"

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/abandoned.hpp"
#include "dstack/files/believed_home.hpp"
#include "dstack/files/home.hpp"
#include "dstack/plan/graph.hpp"
#include "dstack/plan/target.hpp"
#include "dstack/run/client/submit.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"
#include "version.hpp"

#include <algorithm>
#include <set>

#include <unistd.h>

namespace dstack::cli {

namespace {

/// What the words ask for, before any option of a command is understood.
struct Invocation {
  const Command* command = nullptr;
  std::string
      group;  ///< of a help that was asked for all commands of a group; empty: of the program
  bool version = false;
  Globals globals;                 ///< as far as they stand before the command
  std::vector<std::string> words;  ///< what stands after it
};

/// First words of all commands, or second words of a group.
std::vector<std::string> command_words(const std::string& group) {
  std::set<std::string> words;
  for (const Command& command : all_commands()) {
    const auto parts = split(command.name, ' ');
    if (!group.empty()) {
      if (parts.size() == 2 && parts[0] == group)
        words.emplace(parts[1]);
      continue;
    }
    words.emplace(parts[0]);
    if (!command.alias.empty())
      words.emplace(command.alias);
  }
  return {words.begin(), words.end()};
}

Result<Path> starting_folder(const std::string& project) {
  boost::system::error_code error;
  const Path wanted = project.empty() ? fs::current_path(error) : Path(project);
  const Path real = error ? Path() : fs::canonical(wanted, error);
  if (error)
    return fail(ErrorCode::not_found,
                "{}",
                project.empty()
                    ? fmt::format("the current folder cannot be found: {}", error.message())
                    : fmt::format("there is no folder '{}'", project))
        .with_hint("name the project's folder with '--project DIR'");
  if (!fs::is_directory(real, error))
    return fail(ErrorCode::usage, "'{}' is not a folder", project);
  return real;
}

Result<std::vector<Path>> named_provider_paths(const std::vector<std::string>& words) {
  std::vector<Path> paths;
  for (const std::string& word : words) {
    boost::system::error_code error;
    const Path path = fs::absolute(word);
    if (word.empty() || !fs::exists(path, error))
      return fail(ErrorCode::usage, "'--provider-path' names '{}', which does not exist", word)
          .with_hint("name a provider's library, or a folder that holds some");
    paths.push_back(path.lexically_normal());
  }
  return paths;
}

enum class Match { exact, close };

/// What `dstack run` would run by this name, or by one that is close; empty: nothing. A project
/// that cannot be read has nothing to offer here.
std::string runnable_by(const std::string& word, const Globals& globals, Match match) {
  const auto folder = starting_folder(globals.project);
  const auto paths = named_provider_paths(globals.provider_paths);
  if (!folder || !paths)
    return {};
  const auto bench = run::open_workbench(*folder, files::home_from_environment(), *paths);
  if (!bench)
    return {};
  if (match == Match::close) {
    std::vector<std::string> names;
    for (const config::Workflow& workflow : bench->project.workflows)
      names.push_back(workflow.name);
    for (std::string& name : bench->providers.names())
      names.push_back(std::move(name));
    const auto found = closest(word, names);
    return found.empty() ? std::string() : found.front();
  }
  const auto target =
      plan::find_target(word, plan::WorkflowIndex(bench->project), bench->providers, {});
  boost::system::error_code error;
  const bool is_there =
      target && (target->script_provider.empty() || fs::is_regular_file(*folder / word, error));
  return is_there ? word : std::string();
}

Failure refuse_command(const std::string& group, const std::string& word, const Globals& globals) {
  std::string runnable = group.empty() ? runnable_by(word, globals, Match::exact) : "";
  const std::string guess =
      runnable.empty() ? did_you_mean(word, command_words(group)) : std::string();
  const std::string owner = group.empty() ? "dstack" : fmt::format("dstack {}", group);
  if (group.empty() && runnable.empty() && guess.empty())
    runnable = runnable_by(word, globals, Match::close);
  if (!runnable.empty())
    return fail(ErrorCode::usage, "'{}' has no command '{}'", owner, word)
        .with_hint("did you mean 'dstack run {}'?", shell_quote(runnable));
  std::string hint = guess.empty() ? fmt::format("'{} --help' lists the commands", owner) : guess;
  return fail(ErrorCode::usage, "'{}' has no command '{}'", owner, word).with_hint("{}", hint);
}

/// Options of every command may stand before it. Returns the words from the command on.
Result<std::vector<std::string>> take_leading_options(const std::vector<std::string>& words,
                                                      Invocation& found) {
  if (words.empty() || !is_option(words.front()))
    return words;
  Syntax program = declare_program(found.globals, found.version);
  DSTACK_TRY(auto rest, program.parse_leading(words));
  if (rest.empty() || !is_option(rest.front()))
    return rest;
  std::vector<std::string> known;
  for (const DeclaredOption& option : program.options())
    known.insert(known.end(), option.names.begin(), option.names.end());
  const std::string name = rest.front().substr(0, rest.front().find('='));
  const std::string guess = did_you_mean(name, known);
  return fail(ErrorCode::usage, "'dstack' has no option '{}'", name)
      .with_hint("{}", guess.empty() ? "options of a command go after its name" : guess);
}

/// Not by the library's subcommands: all of them would be built at each start, and the suggestions,
/// the groups of two words and what a group does without a second one would stay here.
Result<void> choose_command(const std::vector<std::string>& words,
                            std::size_t at,
                            Invocation& found) {
  const std::string& first = words[at++];
  found.command = find_command(first);
  if (found.command == nullptr && !is_group(first))
    return refuse_command("", first, found.globals);
  if (found.command == nullptr) {
    const bool named = at < words.size() && words[at].front() != '-';
    found.command = find_command(fmt::format("{} {}", first, named ? words[at] : "list"));
    if (found.command == nullptr)
      return refuse_command(first, words[at], found.globals);
    if (!named && at < words.size() && (words[at] == "-h" || words[at] == "--help"))
      found.globals.help = true;
    if (!named && found.globals.help)
      found.group = first;
    at += named ? 1 : 0;
  }
  if (found.group.empty())
    found.words.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  return {};
}

Result<Invocation> understand(const std::vector<std::string>& all) {
  Invocation found;
  DSTACK_TRY(const auto words, take_leading_options(all, found));
  std::size_t at = 0;
  if (at < words.size() && words[at] == "help") {
    found.globals.help = true;
    ++at;
  }
  if (found.version)
    return found;
  for (const std::string& word : all)
    if (word.find('\0') != std::string::npos)
      return fail(ErrorCode::usage, "a word of the command line holds a NUL byte");
  if (at < words.size())
    DSTACK_CHECK(choose_command(words, at, found));
  else if (!found.globals.help)
    found.globals.help = true;
  return found;
}

std::string render_commands(const std::string& group) {
  std::vector<Described> entries;
  for (const Command& command : all_commands())
    if (group.empty() || command.name.starts_with(fmt::format("{} ", group)))
      entries.push_back(
          {std::string(command.name),
           std::string(command.summary) +
               (command.alias.empty() ? "" : fmt::format(" (also: {})", command.alias))});
  return render_section("Commands", entries);
}

std::string overview(const std::string& group) {
  const std::string owner = group.empty() ? "dstack" : fmt::format("dstack {}", group);
  std::string text = group.empty()
                         ? "dstack runs the workflows of a project, and keeps what they made.\n"
                         : fmt::format("The commands of 'dstack {}'; without one: list.\n", group);
  text +=
      fmt::format("\nUsage: {} COMMAND [options] [arguments]\n{}", owner, render_commands(group));
  text +=
      fmt::format("\n'{} COMMAND --help' shows the options of a command, with examples.\n", owner);
  if (!group.empty())
    return text;
  return text + render_section("Examples",
                               {{"dstack run train --epochs 3",
                                 "run workflow 'train' with another value of a variable"},
                                {"dstack ps", "see how it goes"},
                                {"dstack logs -f", "follow what it prints"},
                                {"dstack artifacts list", "see what it saved"}});
}

/// Not by CLI::IsMember: it would say "not in {…}", and the choice has to be read all the same.
Result<ui::ColourChoice> colour_choice(const std::string& text) {
  if (text.empty() || text == "auto")
    return ui::ColourChoice::automatic;
  if (text == "always")
    return ui::ColourChoice::always;
  if (text == "never")
    return ui::ColourChoice::never;
  return fail(ErrorCode::usage, "'--color' takes auto, always or never, not '{}'", text);
}

/// Ends the output; what could not be written is the last word.
int finish(ui::Output& out, const ui::Messages& messages, int code) {
  out.flush();
  if (const auto written = out.status(); !written) {
    messages.error(written.error());
    return exit_code::failure;
  }
  if (!out.closed())
    return code;
  if (!out.hint().empty()) {
    messages.warning("the reader of standard output closed it");
    messages.hint(out.hint());
  }
  return exit_code::broken_pipe;
}

Result<int> perform(Context& context,
                    Action& action,
                    const Syntax& syntax,
                    const Globals& globals) {
  if (globals.help) {
    DSTACK_TRY(const std::string text, action.help(context, syntax));
    context.out.write(text);
    return exit_code::success;
  }
  if (action.opens_home()) {
    DSTACK_CHECK(files::believe_home(context.home));
    files::remove_abandoned(context.home);
  }
  return action.run(context);
}

/// Also where the words around it are wrong. What stands after `--` is the job's.
bool asks_for_help(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::any_of(
      words.begin(), end, [](const std::string& word) { return word == "--help" || word == "-h"; });
}

/// Here, and in the supervisor that the command may start, unless the caller asked for another
/// level.
void start_log() {
  log::start(log::Level::debug);
  ::setenv(run::log_level_variable, "info", 0);
}

int run_command(const Invocation& invocation, const ui::Messages& early) {
  // Never destroyed: what a command keeps in its members goes with the process. To free a large
  // project and its plan part by part would take a tenth of the time in which they were made.
  static Action* action = nullptr;
  action = invocation.command->make().release();
  Globals globals = invocation.globals;
  Syntax syntax = declare(*invocation.command, *action, globals);
  const auto parsed = action->parse(syntax, invocation.words);
  const auto checked = action->check_words(invocation.globals.project);
  globals.help = globals.help || asks_for_help(invocation.words);
  const auto choice = colour_choice(globals.color);
  const auto folder = starting_folder(globals.project);
  const auto provider_paths = named_provider_paths(globals.provider_paths);
  // A person who asks for help gets it, whatever else is wrong.
  if (!globals.help) {
    for (const Error* error : {checked ? nullptr : &checked.error(),
                               parsed ? nullptr : &parsed.error(),
                               choice ? nullptr : &choice.error(),
                               folder ? nullptr : &folder.error(),
                               provider_paths ? nullptr : &provider_paths.error()})
      if (error != nullptr) {
        early.error(*error);
        return exit_code_of(*error);
      }
  }
  if (globals.verbose)
    start_log();
  const ui::ColourChoice colour = choice.value_or(ui::ColourChoice::automatic);
  Context context{ui::Output(ui::describe_stream(STDOUT_FILENO, colour)),
                  ui::Messages(ui::describe_stream(STDERR_FILENO, colour),
                               globals.quiet ? ui::Volume::quiet : ui::Volume::normal),
                  files::home_from_environment(),
                  folder.value_or(Path("/")),
                  provider_paths.value_or(std::vector<Path>())};
  const auto code = perform(context, *action, syntax, globals);
  if (code)
    return finish(context.out, context.messages, *code);
  context.out.flush();
  context.messages.error(code.error());
  return exit_code_of(code.error());
}

int print(const std::string& text, const ui::Messages& messages) {
  ui::Output out(ui::describe_stream(STDOUT_FILENO, ui::ColourChoice::automatic));
  out.write(text);
  return finish(out, messages, exit_code::success);
}

}  // namespace

int run_app(const std::vector<std::string>& words) {
  const ui::Messages early(ui::describe_stream(STDERR_FILENO, ui::ColourChoice::automatic),
                           ui::Volume::normal);
  const auto invocation = understand(words);
  if (!invocation) {
    early.error(invocation.error());
    return exit_code_of(invocation.error());
  }
  if (invocation->version)
    return print(fmt::format("dstack {}\n", version), early);
  if (invocation->globals.help && (invocation->command == nullptr || !invocation->group.empty())) {
    if (!words.empty())
      return print(overview(invocation->group), early);
    early.raw(overview(""));  // no command at all is a mistake
    return exit_code::usage;
  }
  return run_command(*invocation, early);
}

}  // namespace dstack::cli
