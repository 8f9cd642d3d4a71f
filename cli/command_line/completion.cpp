#include "command_line/completion.hpp"

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/files/believed_home.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/secrets/vault.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "views/artifact_files.hpp"
#include "views/workflow_rows.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <set>

namespace dstack::cli {

namespace {

constexpr std::size_t most_runs = 200;
/// The argument after whose word the words are those of a workflow or a provider.
constexpr std::string_view target_argument = "WORKFLOW|PROVIDER|FILE";

bool takes_value(const DeclaredOption& option) {
  return !option.value_name.empty();
}

/// A file, a folder, or nothing that could be offered.
std::string value_name(provider::PropertyType type) {
  using provider::PropertyType;
  switch (type) {
    case PropertyType::boolean:
      return "";
    case PropertyType::path:
    case PropertyType::target:
    case PropertyType::paths:
    case PropertyType::requirements:
    case PropertyType::env_files:
    case PropertyType::arguments:
      return "FILE";
    case PropertyType::folder:
    case PropertyType::build:
    case PropertyType::artifacts:
      return "DIR";
    default:
      return "VALUE";
  }
}

/// Of a positional property.
bool takes_rest(provider::PropertyType type) {
  return type == provider::PropertyType::arguments || type == provider::PropertyType::texts ||
         type == provider::PropertyType::paths;
}

/// A project may give its variables names that are none: they are refused when it is run.
bool is_option_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
}

/// The first line alone, without what could drive a terminal or tear the answer's lines.
std::string one_line(std::string_view text) {
  return printable(text.substr(0, text.find_first_of("\n\r")));
}

class Completer {
 public:
  Completer(const std::vector<std::string>& words,
            const std::string& current,
            const Surroundings& surroundings)
      : words_(words), current_(current), home_(surroundings.home), folder_(surroundings.folder) {}

  Completion complete() {
    Globals globals;
    bool version = false;
    options_ = declare_program(globals, version).options();
    if (!pass_options())
      return std::move(reply_);
    if (at_ < words_.size() && words_[at_] == "help")
      ++at_;
    const Command* command = take_command();
    if (command == nullptr)
      return std::move(reply_);
    action_ = command->make();
    command_ = command->name;
    const Syntax syntax = declare(*command, *action_, globals);
    options_ = syntax.options();
    arguments_ = syntax.arguments();
    if (pass_words())
      offer_next();
    return std::move(reply_);
  }

 private:
  // --- The words before the cursor ---

  const DeclaredOption* find_option(std::string_view name) const {
    for (const DeclaredOption& option : options_)
      if (std::find(option.names.begin(), option.names.end(), name) != option.names.end())
        return &option;
    return nullptr;
  }

  /// Passes an option with its value. False when that value is the word at the cursor, which is
  /// then answered.
  bool pass_option() {
    const std::string& word = words_[at_++];
    const std::size_t equals = word.find('=');
    const DeclaredOption* option = find_option(word.substr(0, equals));
    if (option == nullptr || !takes_value(*option))
      return true;
    if (equals == std::string::npos && at_ == words_.size()) {
      offer_value(option->value_name, option->choices);
      return false;
    }
    const std::string value = equals == std::string::npos ? words_[at_++] : word.substr(equals + 1);
    if (option->names.back() == "--project")
      enter(value);
    return true;
  }

  bool pass_options() {
    while (at_ < words_.size() && is_option(words_[at_]))
      if (!pass_option())
        return false;
    return true;
  }

  void enter(const std::string& project) {
    const auto home = environment_variable("HOME");
    const bool of_home = home && (project == "~" || project.starts_with("~/"));
    folder_ = of_home ? Path(*home + project.substr(1)) : fs::absolute(Path(project), folder_);
  }

  /// The command that the words name; null when the cursor is before that, which is then answered.
  const Command* take_command() {
    if (at_ == words_.size()) {
      current_.starts_with('-') ? offer_options() : offer_commands("");
      return nullptr;
    }
    const std::string first = words_[at_++];
    if (const Command* command = find_command(first))
      return command;
    if (!is_group(first))
      return nullptr;
    if (at_ == words_.size() && !current_.starts_with('-')) {
      offer_commands(first);
      return nullptr;
    }
    const bool named = at_ < words_.size() && !words_[at_].starts_with('-');
    return find_command(fmt::format("{} {}", first, named ? words_[at_++] : "list"));
  }

  /// False when the word at the cursor is answered.
  bool pass_words() {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_];
      if (word == "--") {
        reply_.file_names = FileNames::files;
        return false;
      }
      if (is_option(word)) {
        if (!pass_option())
          return false;
        continue;
      }
      if (given_.size() < arguments_.size() && arguments_[given_.size()].name == target_argument)
        add_target(word);
      given_.push_back(word);
      ++at_;
    }
    return true;
  }

  /// Adds the options, variables and positional words of a workflow or a provider, before ours:
  /// they are what is looked for.
  void add_target(const std::string& target) {
    std::vector<std::string> own;
    for (const DeclaredOption& option : options_)
      own.insert(own.end(), option.names.begin(), option.names.end());
    const auto help = plan::describe_target(target, project(), providers(), own);
    if (!help)
      return;
    for (DeclaredOption& option : options_)
      for (const std::string& name : help->ambiguous)
        std::erase(option.names, name);
    std::erase_if(options_, [](const DeclaredOption& option) { return option.names.empty(); });
    std::vector<DeclaredOption> found;
    for (const auto* list : {&help->variables, &help->options})
      for (const plan::OptionHelp& option : *list) {
        if (option.names.empty()) {
          arguments_.push_back({value_name(option.type), takes_rest(option.type), option.choices});
          continue;
        }
        std::string text = option.help;
        if (!option.default_value.empty())
          text += (text.empty() ? "default: " : "; default: ") + option.default_value;
        if (std::all_of(option.names.begin(), option.names.end(), is_option_name))
          found.push_back({option.names, value_name(option.type), std::move(text), option.choices});
      }
    options_.insert(options_.begin(), found.begin(), found.end());
  }

  // --- The word at the cursor ---

  void offer_next() {
    const std::size_t equals = current_.find('=');
    if (current_.starts_with("--") && equals != std::string::npos) {
      const DeclaredOption* option = find_option(current_.substr(0, equals));
      if (option == nullptr || !takes_value(*option))
        return;
      prefix_ = current_.substr(0, equals + 1);
      return offer_value(option->value_name, option->choices);
    }
    const bool rest = !arguments_.empty() && arguments_.back().many;
    if (current_.starts_with('-') || (given_.size() >= arguments_.size() && !rest))
      return offer_options();
    const DeclaredArgument& argument = arguments_[std::min(given_.size(), arguments_.size() - 1)];
    offer_value(argument.name, argument.choices);
  }

  /// A name with line ends or the like is none that could be typed.
  void offer(std::string_view text, std::string_view help) {
    if (printable(text) != text)
      return;
    reply_.choices.push_back({prefix_ + std::string(text), one_line(help)});
  }

  /// Long names; a short one where there is no other, or where it is what was typed.
  void offer_options() {
    for (const DeclaredOption& option : options_)
      for (const std::string& name : option.names)
        if (name.starts_with("--") || option.names.size() == 1 || name == current_)
          offer(name, option.help);
  }

  void offer_commands(const std::string& group) {
    std::set<std::string_view> offered;
    for (const Command& command : all_commands()) {
      const auto parts = split(command.name, ' ');
      if (!group.empty()) {
        if (parts.size() == 2 && parts[0] == group)
          offer(parts[1], command.summary);
      } else if (parts.size() == 1) {
        offer(parts[0], command.summary);
      } else if (offered.insert(parts[0]).second) {
        offer(parts[0], fmt::format("The commands of '{}'", parts[0]));
      }
    }
  }

  void offer_value(const std::string& name, const std::vector<std::string>& choices) {
    for (const std::string& choice : choices)
      offer(choice, "");
    if (!choices.empty())
      return;
    for (const std::string_view kind : split(name, '|')) {
      if (kind == "RUN")
        offer_runs();
      else if (kind == "WORKFLOW")
        offer_workflows();
      else if (kind == "PROVIDER")
        offer_providers();
      else if (kind == "TAG")
        offer_tags();
      else if (kind == "SECRET")
        offer_secrets();
      else if (kind == "WORKFLOW:TAG" || kind == "[WORKFLOW:]TAG")
        offer_tagged_workflows();
      else if (kind == "PATH" || kind == "PATTERN")
        offer_artifact_files();
      else if (kind == "FILE")
        reply_.file_names = FileNames::files;
      else if (kind == "DIR")
        reply_.file_names = FileNames::folders;
      else if (kind == to_lower(kind))
        offer(kind, "");
    }
  }

  // --- Names ---

  config::Project project() const {
    if (const auto root = config::find_project(folder_))
      if (auto project = config::load_project(*root))
        return *std::move(project);
    return config::undefined_project(folder_);
  }

  /// What runs and tags are recorded under.
  std::string project_name() const {
    const std::string path = config::find_project(folder_).value_or(folder_).string();
    auto database = records();
    if (!database || !database->may_have_moved(path).value_or(false))
      return path;
    const source::Identity identity = source::find_identity(path);
    const auto before = database->find_moved_project(path, identity.git, identity.prefix);
    return before ? before->value_or(path) : path;
  }

  provider::Registry providers() const {
    return provider::Registry::discover(
        provider::search_path({{},
                               config::find_project(folder_).value_or(Path()),
                               home_.plugins(),
                               home_.trusted_providers()}));
  }

  Result<store::Records> records() const {
    return store::Records::open(home_, store::Records::Mode::read_only);
  }

  void offer_runs() {
    store::RunFilter filter;
    filter.project = project_name();
    filter.unfinished = command_ == "stop";
    filter.most = most_runs;
    auto database = records();
    if (!database)
      return;
    if (const auto runs = database->find_runs(filter))
      for (const store::RunRecord& run : *runs)
        offer(run.name, fmt::format("{}, {}", run.target, job::render(run.status)));
  }

  /// Those of the run that was named before, where one was.
  void offer_workflows() {
    for (std::size_t i = 0; i < std::min(given_.size(), arguments_.size()); ++i)
      if (arguments_[i].name == "RUN" || arguments_[i].name == "RUN|WORKFLOW:TAG")
        return offer_workflows_of(given_[i]);
    for (const config::Workflow& workflow : project().workflows)
      offer(workflow.name,
            workflow.help.empty() ? fmt::format("workflow of provider {}", workflow.provider)
                                  : workflow.help);
  }

  void offer_workflows_of(const std::string& name) {
    auto database = records();
    if (!database)
      return;
    const auto run = database->find_run(name);
    if (run && *run)
      for (const WorkflowRow& row : workflow_rows(**run))
        offer(row.workflow.name, job::render(row.workflow.status));
  }

  /// Of the run or tag that was named before.
  void offer_artifact_files() {
    auto database = records();
    if (!database || given_.empty())
      return;
    for (const auto& [path, workflow] :
         known_paths(*database, store::ObjectStore(home_), project_name(), given_.front()))
      offer(path, fmt::format("of {}", workflow));
  }

  void offer_providers() {
    const provider::Registry registry = providers();
    for (const std::string& name : registry.names())
      offer(name, registry.find(name)->manifest->help);
  }

  std::vector<store::Tag> tags() const {
    auto database = records();
    return database ? database->tags(project_name()).value_or(std::vector<store::Tag>())
                    : std::vector<store::Tag>();
  }

  void offer_tags() {
    std::set<std::string> offered;
    for (const store::Tag& tag : tags())
      if (offered.insert(tag.tag).second)
        offer(tag.tag, fmt::format("tag of {}", tag.workflow));
  }

  void offer_secrets() {
    if (const auto vault = secrets::Vault::open(home_.secrets()))
      for (const secrets::SecretName& secret : vault->names_for(project_name()))
        offer(secret.name, secret.project.empty() ? "of the user" : "of the project");
  }

  void offer_tagged_workflows() {
    for (const store::Tag& tag : tags())
      offer(tag.workflow + ":" + tag.tag, fmt::format("of run {}", tag.run));
  }

  const std::vector<std::string>& words_;
  const std::string& current_;
  files::Home home_;
  Path folder_;
  std::size_t at_ = 0;
  std::unique_ptr<Action> action_;  ///< holds what the declarations of its command refer to
  std::string_view command_;
  std::vector<DeclaredOption> options_;
  std::vector<DeclaredArgument> arguments_;
  std::vector<std::string> given_;  ///< words that are no options
  std::string prefix_;              ///< of every choice: `--name=` before its value
  Completion reply_;
};

/// The word that a shell would make of what was typed, which may end inside of a quote.
std::string unquote(const std::string& typed) {
  for (const char* end : {"", "'", "\""})
    if (const auto words = shell_split(typed + end); words && words->size() == 1)
      return words->front();
  return typed;
}

}  // namespace

Completion complete(const std::vector<std::string>& words,
                    const std::string& current,
                    const Surroundings& surroundings) {
  return Completer(words, current, surroundings).complete();
}

std::string render(const Completion& completion) {
  std::string text;
  if (completion.file_names != FileNames::none)
    text = completion.file_names == FileNames::files ? ":files\n" : ":folders\n";
  for (const Choice& choice : completion.choices)
    text += fmt::format("{}\t{}\n", choice.text, choice.help);
  return text;
}

int complete_main(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  const bool quoted = !words.empty() && words.front() == "--quoted";
  if (quoted)
    words.erase(words.begin());
  if (words.size() < 2 || words.front() != "--")
    return exit_code::usage;
  words.erase(words.begin());
  if (quoted)
    std::transform(words.begin(), words.end(), words.begin(), unquote);
  const std::string current = words.back();
  words.pop_back();
  boost::system::error_code error;
  const Path folder = fs::current_path(error);
  const files::Home home = files::home_from_environment();
  if (error || !files::believe_home(home))
    return exit_code::failure;
  const std::string text = render(complete(words, current, {home, folder}));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return exit_code::success;
}

}  // namespace dstack::cli
