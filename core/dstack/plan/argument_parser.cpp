#include "dstack/plan/argument_parser.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/plan/environment.hpp"
#include "dstack/plan/options_elsewhere.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <unordered_set>

namespace dstack::plan {

namespace {

using provider::PropertyType;

bool is_negative_number(std::string_view argument) {
  if (argument.size() < 2 || argument[0] != '-')
    return false;
  const auto digit = [&](std::size_t i) {
    return i < argument.size() && argument[i] >= '0' && argument[i] <= '9';
  };
  return digit(1) || (argument[1] == '.' && digit(2));
}

bool looks_like_option(std::string_view argument) {
  return argument.size() > 1 && argument[0] == '-' && !is_negative_number(argument);
}

bool is_list(PropertyType type) {
  return type == PropertyType::texts || type == PropertyType::paths ||
         type == PropertyType::requirements || type == PropertyType::arguments ||
         type == PropertyType::artifacts || type == PropertyType::inputs ||
         type == PropertyType::env_files;
}

/// Files of this machine, in the project or not.
bool may_be_anywhere(PropertyType type) {
  return type == PropertyType::inputs || type == PropertyType::env_files;
}

/// Numbers and the like are parsed by their property; a text stays a text, even if it is `null` or
/// empty.
bool is_text(PropertyType type) {
  return type == PropertyType::text || type == PropertyType::path || type == PropertyType::target ||
         is_list(type);
}

class Parser {
 public:
  Parser(const Request& request,
         const CommandLine& line,
         const Vocabulary& vocabulary,
         const std::vector<Option>& options,
         const std::function<std::optional<std::string>(const std::string&)>& caller_environment,
         std::vector<Error>& errors)
      : arguments_(request.target_arguments),
        leading_(request.leading),
        place_(request.place),
        line_(line),
        vocabulary_(vocabulary),
        options_(options),
        caller_environment_(caller_environment),
        errors_(errors) {
    for (const auto& workflow : vocabulary.run)
      for (const ResolvedVariable& variable : *workflow.variables)
        variable_names_.insert(variable.name());
    // The script itself is given already.
    const bool has_file = vocabulary.kind == Vocabulary::Target::script;
    if (vocabulary.manifest != nullptr && vocabulary.kind != Vocabulary::Target::workflow)
      for (const provider::Property& property : vocabulary.manifest->properties)
        if (property.positional && !(has_file && property.type == PropertyType::path))
          positionals_.push_back(&property);
  }

  ParsedArguments parse() {
    for (std::size_t i = 0; i < arguments_.size(); ++i)
      refuse_secret(arguments_[i], line_.target_argument(i));
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_];
      if (argument.size() > 2 && argument.starts_with("--"))
        long_option();
      else if (looks_like_option(argument))
        short_option();
      else
        positional();
    }
    return std::move(result_);
  }

 private:
  struct GivenValue {
    std::string text;
    SourceLocation where;
  };

  Error& report(const std::string& message, SourceLocation where, const std::string& hint = {}) {
    return errors_.emplace_back(
        make_error(ErrorCode::usage, "{}", message).at(std::move(where)).with_hint("{}", hint));
  }

  /// Arguments are taken literally; a reference to a secret there is always a mistake.
  void refuse_secret(std::string_view text, const SourceLocation& where) {
    if (const auto secret = config::find_written_secret(text))
      errors_.emplace_back(config::misplaced_secret({*secret, where})).code = ErrorCode::usage;
  }

  // --- The three kinds of arguments ---

  void long_option() {
    const std::string_view argument = arguments_[next_];
    const std::size_t equals = argument.find('=');
    const std::string name(
        argument.substr(2, equals == std::string_view::npos ? equals : equals - 2));
    SourceLocation where = line_.target_argument(next_);
    where.length = std::min(where.length, static_cast<std::uint32_t>(count_characters(name) + 2));
    std::optional<GivenValue> attached;
    if (equals != std::string_view::npos)
      attached = GivenValue{std::string(argument.substr(equals + 1)),
                            line_.target_argument(next_, equals + 1)};
    const bool before_target = next_++ < leading_;
    const Option* option = find_option(options_, "--" + name);
    auto override = before_target ? std::nullopt : find_override(name);
    if (option != nullptr && override)
      return ambiguous(*option, name, where, std::move(attached));
    if (option != nullptr)
      return set_option(*option, "--" + name, where, std::move(attached));
    if (override) {
      if (auto value = value_for("--" + name, where, std::move(attached))) {
        override->value = std::move(value->text);
        refuse_hidden(override->name, "--" + name, where);
        result_.variables.push_back(std::move(*override));
      }
      return;
    }
    unknown({name, attached ? attached->text : take_value_elsewhere(name)}, where);
  }

  /// What follows an option of another runner, if that has a value: it is not a second error.
  std::string take_value_elsewhere(const std::string& name) {
    return is_flag_elsewhere(name) || next_ >= arguments_.size() ||
                   looks_like_option(arguments_[next_])
               ? std::string()
               : arguments_[next_++];
  }

  /// A name that a variable of the run has as well: neither is guessed.
  void ambiguous(const Option& option,
                 const std::string& name,
                 const SourceLocation& where,
                 std::optional<GivenValue> attached) {
    std::string value = "true";
    if (option.takes_value() || attached) {
      const auto given = value_for("--" + name, where, std::move(attached));
      if (!given)
        return;
      value = given->text;
    }
    const std::string variable = vocabulary_.kind == Vocabulary::Target::workflow
                                     ? fmt::format("--{}.{}", owner_of(name), name)
                                     : fmt::format("-e {}", environment_name(name));
    report(fmt::format("'--{}' is ambiguous: an option of the workflow's provider, and a variable",
                       name),
           where,
           fmt::format("the variable: {}={}\nthe option, before the name: dstack run --{}={} {}",
                       variable,
                       shell_quote(value),
                       name,
                       shell_quote(value),
                       vocabulary_.target));
  }

  /// The target, or else another workflow of the run that has the variable.
  std::string owner_of(const std::string& variable) const {
    std::string owner;
    for (const auto& workflow : vocabulary_.run)
      if (find_variable(*workflow.variables, variable) != nullptr &&
          (owner.empty() || workflow.workflow == vocabulary_.target))
        owner = workflow.workflow;
    return owner;
  }

  void short_option() {
    const std::string_view argument = arguments_[next_];
    const std::string name(argument.substr(0, 2));
    SourceLocation where = line_.target_argument(next_);
    const Option* option = find_option(options_, name);
    // `-epochs 3` is a long name that lacks a dash, not `-e pochs`.
    if (option == nullptr || is_long_name(argument.substr(1, argument.find('=') - 1))) {
      ++next_;
      unknown_short(std::string(argument), where);
      return;
    }
    where.length = std::min(where.length, 2u);
    std::optional<GivenValue> attached;
    if (argument.size() > 2) {
      const std::size_t begin = argument[2] == '=' ? 3 : 2;
      attached =
          GivenValue{std::string(argument.substr(begin)), line_.target_argument(next_, begin)};
    }
    ++next_;
    set_option(*option, name, where, std::move(attached));
  }

  void positional() {
    const std::size_t index = next_++;
    const std::string& argument = arguments_[index];
    while (next_positional_ < positionals_.size() && is_excluded(*positionals_[next_positional_]))
      ++next_positional_;
    if (next_positional_ < positionals_.size()) {
      const provider::Property& property = *positionals_[next_positional_];
      config::Value value = scalar({argument, line_.target_argument(index)}, property.type);
      if (is_list(property.type)) {
        result_.settings.append(property, std::move(value));
      } else {
        result_.settings.set(property, std::move(value));
        ++next_positional_;
      }
      return;
    }
    if (vocabulary_.manifest == nullptr || stray_reported_)
      return;
    stray_reported_ = true;
    report(fmt::format("unexpected argument '{}'", printable(argument)),
           line_.target_argument(index),
           after_dashes());
  }

  /// Whether an option before has set what excludes it.
  bool is_excluded(const provider::Property& property) const {
    const auto* group = vocabulary_.manifest->group_of(property.name);
    const auto& set = result_.settings.properties;
    return group != nullptr && std::any_of(set.begin(), set.end(), [&](const auto& member) {
             return member.key != property.name &&
                    std::find(group->begin(), group->end(), member.key) != group->end();
           });
  }

  // --- Options ---

  std::optional<GivenValue> value_for(const std::string& shown,
                                      const SourceLocation& where,
                                      std::optional<GivenValue> attached) {
    if (attached)
      return attached;
    if (next_ < arguments_.size() && !looks_like_option(arguments_[next_])) {
      GivenValue value{arguments_[next_], line_.target_argument(next_)};
      ++next_;
      return value;
    }
    std::string hint;
    if (next_ < arguments_.size())
      hint = fmt::format("a value that begins with '-' is written {}=VALUE", shown);
    report(fmt::format("'{}' needs a value", shown), where, hint);
    return std::nullopt;
  }

  /// A path is written as seen from where the user stands; what leaves the project is refused
  /// later, as it was written.
  std::string from_root(std::string text, PropertyType type) const {
    const bool is_path = type == PropertyType::path || type == PropertyType::paths ||
                         type == PropertyType::requirements || type == PropertyType::target ||
                         type == PropertyType::folder || type == PropertyType::build ||
                         may_be_anywhere(type);
    const bool is_whole = may_be_anywhere(type) && text.find_first_of("/~$") == 0;
    if (!is_path || text.empty() || is_whole ||
        (type == PropertyType::target && provider::is_web_address(text)))
      return text;
    const config::Project& project = *vocabulary_.project;
    const Path seen = text.starts_with('/') ? Path(text).lexically_normal()
                                            : (project.folder / place_ / text).lexically_normal();
    if (!may_be_anywhere(type) && !is_below(seen.string(), project.root.string()))
      return text;
    std::string path = seen.lexically_relative(project.folder).string();
    return path.ends_with("/.") ? path.substr(0, path.size() - 2) : path;
  }

  config::Value scalar(GivenValue given, PropertyType type) const {
    config::Value value =
        config::make_scalar(from_root(std::move(given.text), type), std::move(given.where));
    value.quoted = is_text(type);
    return value;
  }

  void set_option(const Option& option,
                  const std::string& shown,
                  const SourceLocation& where,
                  std::optional<GivenValue> attached) {
    if (!option.takes_value() && !attached)
      attached = GivenValue{"true", where};
    auto given = value_for(shown, where, std::move(attached));
    if (!given)
      return;
    const PropertyType type = option.property->type;
    if (option.resource != nullptr)
      result_.settings.resources.push_back({&option, scalar(std::move(*given), type)});
    else if (type == PropertyType::environment)
      set_environment(*given);
    else if (option.flag->repeat)
      result_.settings.append(*option.property, scalar(std::move(*given), type));
    else
      result_.settings.set(*option.property, scalar(std::move(*given), type));
  }

  void set_environment(const GivenValue& given) {
    const std::size_t equals = given.text.find('=');
    const std::string name = given.text.substr(0, equals);
    if (!job::is_environment_name(name)) {
      report(fmt::format("'{}' is not a valid environment variable name", printable(name)),
             given.where,
             "write -e NAME=VALUE");
      return;
    }
    if (job::is_reserved_environment_name(name)) {
      errors_.push_back(job::reserved_name_error(name, given.where, ErrorCode::usage));
      return;
    }
    std::optional<std::string> value;
    if (equals != std::string::npos)
      value = given.text.substr(equals + 1);
    else
      value = caller_value(name, given.where);
    if (!value) {
      report(fmt::format("'{}' is not set in your environment", name),
             given.where,
             fmt::format("give it a value: -e {}=VALUE", name));
      return;
    }
    result_.environment.push_back({name, std::move(*value), {VariableOrigin::Kind::command_line}});
  }

  std::optional<std::string> caller_value(const std::string& name, const SourceLocation& where) {
    auto value = caller_environment_(name);
    if (value)
      refuse_secret(*value, where);
    return value;
  }

  // --- Variables ---

  const Vocabulary::WorkflowVariables* workflow_of_run(std::string_view name) const {
    for (const auto& workflow : vocabulary_.run)
      if (!workflow.workflow.empty() && workflow.workflow == name)
        return &workflow;
    return nullptr;
  }

  /// Names of workflows and of variables may contain dots, so every dot may be the separator.
  std::optional<VariableOverride> find_override(const std::string& name) const {
    for (std::size_t dot = name.find('.'); dot != std::string::npos;
         dot = name.find('.', dot + 1)) {
      const auto* workflow = workflow_of_run(name.substr(0, dot));
      if (workflow != nullptr &&
          find_variable(*workflow->variables, name.substr(dot + 1)) != nullptr)
        return VariableOverride{name.substr(0, dot), name.substr(dot + 1), {}};
    }
    if (variable_names_.contains(name))
      return VariableOverride{std::nullopt, name, {}};
    return std::nullopt;
  }

  /// A secret hides a variable of the same name; an option that would have no effect is refused.
  void refuse_hidden(const std::string& variable,
                     const std::string& shown,
                     const SourceLocation& where) {
    const std::string in_job = environment_name(variable);
    for (const std::string& secret : *vocabulary_.secrets)
      if (environment_name(secret) == in_job) {
        report(fmt::format("'{}' would have no effect: jobs have the secret '{}' as {}",
                           shown,
                           secret,
                           in_job),
               where,
               fmt::format("'-e {}=VALUE' overrides the secret", in_job));
        return;
      }
  }

  // --- Unknown arguments ---

  std::string who() const {
    const char* kind = vocabulary_.kind == Vocabulary::Target::workflow   ? "workflow"
                       : vocabulary_.kind == Vocabulary::Target::provider ? "provider"
                                                                          : "script";
    return fmt::format("{} '{}'", kind, vocabulary_.target);
  }

  bool takes_arguments() const {
    return vocabulary_.manifest != nullptr &&
           property_of_type(*vocabulary_.manifest, PropertyType::arguments) != nullptr;
  }

  std::string after_dashes() const {
    if (!takes_arguments())
      return fmt::format("'dstack run {} --help' shows what it takes", vocabulary_.target);
    return fmt::format("arguments for the program itself go after '--': dstack run {} … -- ARGS",
                       vocabulary_.target);
  }

  void unknown(const ForeignOption& given, const SourceLocation& where) {
    const std::string& name = given.name;
    if (vocabulary_.manifest == nullptr || unknown_scoped(name, where) ||
        foreign_variable(name, where))
      return;
    std::vector<std::string> candidates;
    for (const Option& option : options_)
      candidates.push_back(option.flag->name);
    for (const std::string_view variable : variable_names_)
      candidates.push_back("--" + std::string(variable));
    std::sort(candidates.begin(), candidates.end());
    std::string hint = advice_on(given);
    if (hint.empty())
      hint = did_you_mean("--" + name, candidates);
    if (hint.empty())
      hint = after_dashes();
    report(fmt::format("{} has no option or variable '--{}'", who(), printable(name)), where, hint);
  }

  bool is_long_name(std::string_view name) const {
    return name.size() > 1 && (find_option(options_, "--" + std::string(name)) != nullptr ||
                               variable_names_.contains(name));
  }

  std::string advice_on(const ForeignOption& given) const {
    return advice_on_option(given, options_, *vocabulary_.manifest, vocabulary_.project->folder);
  }

  void unknown_short(const std::string& argument, const SourceLocation& where) {
    if (vocabulary_.manifest == nullptr)
      return;
    const std::size_t equals = argument.find('=');
    ForeignOption given{argument.substr(1, equals - 1), {}};
    if (const std::string_view mount = attached_mount(argument); !mount.empty())
      given = {"v", std::string(mount)};
    else
      given.value = equals != std::string::npos ? argument.substr(equals + 1)
                                                : take_value_elsewhere(given.name);
    if (given.name == "v" && is_mount(given.value)) {
      report(fmt::format("'-v' is '--verbose' here, which has no value: '{}' would not be mounted",
                         printable(given.value)),
             where,
             advice_on(given));
      return;
    }
    const std::string hint = is_long_name(given.name)
                                 ? fmt::format("did you mean '--{}'?", given.name)
                                 : advice_on(given);
    report(fmt::format("{} has no option '{}'", who(), printable(argument.substr(0, equals))),
           where,
           hint.empty() ? after_dashes() : hint);
  }

  /// `--train.epoch`: a workflow that is known, with a variable that is not.
  bool unknown_scoped(const std::string& name, const SourceLocation& where) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos)
      return false;
    const std::string workflow_name = name.substr(0, dot);
    const auto* workflow = workflow_of_run(workflow_name);
    if (workflow == nullptr) {
      if (vocabulary_.project->find(workflow_name) == nullptr)
        return false;
      report(fmt::format("workflow '{}' is not part of this run", workflow_name),
             where,
             fmt::format("this run: {}", quoted_list(run_names())));
      return true;
    }
    std::vector<std::string> candidates;
    for (const ResolvedVariable& variable : *workflow->variables)
      candidates.push_back(fmt::format("--{}.{}", workflow_name, variable.name()));
    report(
        fmt::format(
            "workflow '{}' has no variable '{}'", workflow_name, printable(name.substr(dot + 1))),
        where,
        did_you_mean("--" + name, candidates));
    return true;
  }

  /// A variable of a workflow that is not part of this run.
  bool foreign_variable(const std::string& name, const SourceLocation& where) {
    for (const auto& [scope, variables] : vocabulary_.project->variables)
      for (const config::Variable& variable : variables)
        if (variable.name == name) {
          report(
              fmt::format("variable '{}' belongs to workflow '{}', which is not part of this run",
                          name,
                          scope),
              where,
              after_dashes());
          return true;
        }
    return false;
  }

  std::vector<std::string> run_names() const {
    std::vector<std::string> names;
    for (const auto& workflow : vocabulary_.run)
      names.emplace_back(workflow.workflow.empty() ? std::string_view(vocabulary_.target)
                                                   : workflow.workflow);
    return names;
  }

  const std::vector<std::string>& arguments_;
  std::size_t leading_;  ///< so many of them were before the target
  const std::string& place_;
  const CommandLine& line_;
  const Vocabulary& vocabulary_;
  const std::vector<Option>& options_;
  const std::function<std::optional<std::string>(const std::string&)>& caller_environment_;
  std::vector<Error>& errors_;
  std::unordered_set<std::string_view> variable_names_;
  std::vector<const provider::Property*> positionals_;
  std::size_t next_positional_ = 0;
  std::size_t next_ = 0;
  bool stray_reported_ = false;
  ParsedArguments result_;
};

}  // namespace

ParsedArguments parse_arguments(
    const Request& request,
    const CommandLine& line,
    const Vocabulary& vocabulary,
    const std::vector<Option>& options,
    const std::function<std::optional<std::string>(const std::string&)>& caller_environment,
    std::vector<Error>& errors) {
  return Parser(request, line, vocabulary, options, caller_environment, errors).parse();
}

}  // namespace dstack::plan
