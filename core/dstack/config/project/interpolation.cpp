#include "dstack/config/project/interpolation.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/config/project/reference_places.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"
#include "dstack/job/environment_names.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace dstack::config {

namespace {

constexpr std::string_view run_name = "run.name";
constexpr std::string_view run_arguments = "run.args";
constexpr std::string_view run_project = "run.project";
constexpr std::string_view environment_scope = "env.";

bool is_environment_property(std::string_view key) {
  return key == "environment" || key == "env";
}

enum class Names { all, variables, secrets };

/// One walk over a value.
class Walk {
 public:
  explicit Walk(const Scope& scope, Names names = Names::all)
      : scope_(scope), names_(names), may_hold_secrets_(names == Names::secrets) {}

  Value replace_all(const Value& value) {
    if (value.kind != ValueKind::mapping)
      return replace(value);
    Value result = without_parts(value);
    for (const Member& member : value.members) {
      may_hold_secrets_ = scope_.holds_secrets && scope_.holds_secrets(member.key);
      in_environment_ = is_environment_property(member.key);
      result.members.push_back(
          {member.key,
           member.key_where,
           holds_arguments(member) ? replace_words(member) : replace(member.value)});
    }
    return result;
  }

  std::vector<Error>& errors() { return errors_; }

  std::vector<SecretReference>& secrets() { return secrets_; }

  std::vector<WholeArgument>& whole_arguments() { return whole_arguments_; }

  bool used_run_arguments() const { return used_run_arguments_; }

  std::vector<EnvironmentReference>& environment() { return environment_; }

  std::vector<SourceLocation>& incomplete() { return incomplete_; }

 private:
  static Value without_parts(const Value& value) {
    Value result;
    result.kind = value.kind;
    result.quoted = value.quoted;
    result.where = value.where;
    return result;
  }

  Value replace(const Value& value) {
    const std::size_t errors_before = errors_.size();
    Value result = replace_parts(value);
    if (errors_.size() > errors_before)
      incomplete_.push_back(value.where);
    return result;
  }

  Value replace_parts(const Value& value) {
    Value result = without_parts(value);
    if (value.kind == ValueKind::scalar)
      replace_text(value, result);
    result.elements.reserve(value.elements.size());
    for (const Value& element : value.elements)
      if (!replace_arguments(element, result.elements))
        result.elements.push_back(replace(element));
    result.members.reserve(value.members.size());
    for (const Member& member : value.members)
      result.members.push_back({member.key, member.key_where, replace(member.value)});
    return result;
  }

  /// An element that is just `${{ run.args }}`, or all variables, becomes one element for each
  /// argument.
  bool replace_arguments(const Value& element, std::vector<Value>& elements) {
    const std::string_view text = trim(element.text);
    const auto reference = next_reference(text, 0);
    return reference && reference->begin == 0 && reference->end == text.size() &&
           add_several(reference->name, element.where, elements);
  }

  /// False when the name does not stand for several arguments.
  bool add_several(std::string_view name,
                   const SourceLocation& where,
                   std::vector<Value>& elements) {
    std::vector<std::string> arguments;
    if (name == run_arguments && names_ != Names::variables) {
      used_run_arguments_ = true;
      arguments = scope_.run_arguments;
    } else if (auto rendered = render_all_variables(name)) {
      arguments = std::move(*rendered);
    } else {
      return false;
    }
    for (const std::string& argument : arguments) {
      elements.push_back(make_scalar({}, where));
      elements.back().quoted = true;
      take(argument, where, elements.back().text);
    }
    return true;
  }

  /// For `${{ variables }}` and its other forms; a variable of that name wins.
  std::optional<std::vector<std::string>> render_all_variables(std::string_view name) const {
    const auto form = variables_form(name);
    if (!form || !scope_.own_variables || scope_.variable(name))
      return std::nullopt;
    return render_variables(scope_.own_variables(), *form);
  }

  bool holds_arguments(const Member& member) const {
    return scope_.holds_arguments && member.value.kind == ValueKind::scalar &&
           holds_reference(member.value.text) && scope_.holds_arguments(member.key);
  }

  /// The list of arguments that a text becomes. One that cannot be split stays as it is written,
  /// for whoever splits it to report.
  Value replace_words(const Member& member) {
    const Value& value = member.value;
    const auto words = split_arguments(value.text);
    if (!words) {
      (void)replace(value);
      return value;
    }
    const std::size_t errors_before = errors_.size();
    Value list = make_sequence({}, value.where);
    for (const ArgumentWord& word : *words) {
      if (word.is_bare_reference &&
          add_several(word.parts.front().reference->name, value.where, list.elements))
        continue;
      Value element = make_scalar({}, value.where);
      element.quoted = true;
      for (const ArgumentWord::Part& part : word.parts) {
        element.text += part.text;
        if (part.reference)
          replace_reference(*part.reference, part.index, value.where, element);
      }
      const bool follows_option =
          !list.elements.empty() && list.elements.back().text.starts_with('-');
      if (word.is_bare_reference &&
          looks_like_several(element.text, words->size() == 1, follows_option))
        note_whole_argument(member, word, element.text);
      list.elements.push_back(std::move(element));
    }
    if (errors_.size() > errors_before)
      incomplete_.push_back(value.where);
    return list;
  }

  /// A value with blanks that stands alone or begins like an option; an empty one that is not the
  /// value of an option.
  static bool looks_like_several(const std::string& text, bool is_alone, bool follows_option) {
    if (text.empty())
      return is_alone || !follows_option;
    return text.find_first_of(" \t\n") != std::string::npos && (is_alone || text.front() == '-');
  }

  void note_whole_argument(const Member& member,
                           const ArgumentWord& word,
                           const std::string& text) {
    const ArgumentWord::Part& part = word.parts.front();
    const std::string_view name = part.reference->name;
    whole_arguments_.push_back({member.key,
                                std::string(name),
                                text,
                                place_of_reference(member.value.where, part.index, name)});
  }

  void replace_text(const Value& value, Value& result) {
    const std::string_view text = value.text;
    std::size_t done = 0;
    const std::size_t secrets_before = secrets_.size();
    std::size_t index = 0;
    for (auto next = next_reference(text, 0); next; next = next_reference(text, done), ++index) {
      result.text += text.substr(done, next->begin - done);
      done = next->end;
      const std::size_t before = result.text.size();
      replace_reference(*next, index, value.where, result);
      if (result.text.size() == before && next->name.starts_with(environment_scope))
        done += drop_separator(text.substr(done), result.text);
    }
    result.text += text.substr(done);
    if (may_hold_secrets_)
      check_references(result.text, secrets_.size() - secrets_before, value.where);
  }

  /// `/opt/lib:` would name the working directory, too, where the variable after it is empty. How
  /// much of the rest goes.
  static std::size_t drop_separator(std::string_view rest, std::string& text) {
    if (text.ends_with(':') && (rest.empty() || rest.starts_with(':')))
      text.pop_back();
    else if (text.empty() && rest.starts_with(':'))
      return 1;
    return 0;
  }

  /// Adds what the `index`-th reference of a scalar stands for.
  void replace_reference(const Reference& reference,
                         std::size_t index,
                         const SourceLocation& where,
                         Value& result) {
    if (reference.kind == Reference::Kind::literal) {
      result.text += reference_opening;
    } else if (reference.kind == Reference::Kind::unclosed) {
      report(make_error(ErrorCode::configuration, "'${{{{' is not closed by '}}}}'")
                 .at(place_of_reference(where, index, {}))
                 .with_hint("write '${{{{ name }}}}', or '$${{{{' for a literal '${{{{'"));
    } else if (reference.name.starts_with(secret_scope)) {
      result.text += refer_to_secret(reference.name, where, index);
    } else if (const auto found = look_up(reference.name, where, index)) {
      take(*found, where, result.text);
      result.quoted = false;
    }
  }

  /// A long variable that is named often would fill all memory.
  void take(const std::string& text, const SourceLocation& where, std::string& to) {
    if (text.size() <= room_) {
      room_ -= text.size();
      to += text;
    } else if (!std::exchange(is_full_, true)) {
      errors_.push_back(too_many("bytes of text from variables", most_text_of_variables, where));
    }
  }

  SourceLocation place_of_reference(const SourceLocation& scalar,
                                    std::size_t index,
                                    std::string_view name) {
    return places_.of(scalar, index, name);
  }

  std::string refer_to_secret(std::string_view name,
                              const SourceLocation& where,
                              std::size_t index) {
    const std::string secret(name.substr(secret_scope.size()));
    SourceLocation place = place_of_reference(where, index, name);
    if (!is_name(secret))
      report(make_error(ErrorCode::configuration, "'{}' does not name a secret", printable(name))
                 .at(std::move(place))
                 .with_hint("write '${{{{ secrets.NAME }}}}'"));
    else if (!may_hold_secrets_)
      errors_.push_back(misplaced_secret({secret, std::move(place)}, scope_.secret_members));
    else
      secrets_.push_back({secret, std::move(place)});
    return secret_reference(secret);
  }

  /// Text from a variable or a literal must not be read as a reference later.
  void check_references(const std::string& text, std::size_t meant, const SourceLocation& where) {
    if (secrets_in(text).size() > meant)
      report(
          make_error(ErrorCode::configuration,
                     "a literal '${{{{ secrets.… }}}}' is not allowed here, nor in a variable")
              .at(where)
              .with_hint("it would be read as the secret itself; write it in a command instead"));
  }

  std::optional<std::string> look_up(std::string_view name,
                                     const SourceLocation& where,
                                     std::size_t index) {
    if (names_ == Names::secrets) {
      report(make_error(ErrorCode::configuration, "'{}' cannot be used here", printable(name))
                 .at(place_of_reference(where, index, name))
                 .with_hint("only secrets can: '${{{{ secrets.NAME }}}}'; '$${{{{' writes a "
                            "literal '${{{{'"));
      return std::nullopt;
    }
    if (name == run_name)
      return scope_.run_name;
    if (name == run_project && names_ != Names::variables)
      return scope_.run_project;
    if (name == run_arguments && names_ != Names::variables) {
      used_run_arguments_ = true;
      return shell_join(scope_.run_arguments);
    }
    if (const auto all = render_all_variables(name))
      return shell_join(*all);
    if (scope_.environment && name.starts_with(environment_scope) && !scope_.variable(name))
      return look_up_environment(name, where, index);
    if (is_for_properties(name)) {
      report(make_error(ErrorCode::configuration, "'{}' cannot be used here", printable(name))
                 .at(place_of_reference(where, index, name))
                 .with_hint("the properties of a workflow can, such as 'args'"));
      return std::nullopt;
    }
    if (!is_name(name) && !looks_like_variables_form(name)) {
      const std::string shown = printable(name);
      report(make_error(ErrorCode::configuration,
                        "{}",
                        name.empty() ? "'${{ }}' does not name a variable"
                                     : fmt::format("'{}' is not a valid variable name", shown))
                 .at(place_of_reference(where, index, name))
                 .with_hint("a reference is one name: '${{{{ epochs }}}}'; '$${{{{' writes a "
                            "literal '${{{{'"));
      return std::nullopt;
    }
    if (auto found = scope_.variable(name))
      return found;
    report_unknown(name, place_of_reference(where, index, name));
    return std::nullopt;
  }

  /// What every job has of the caller's may be missing: then it is empty, as for a shell.
  std::optional<std::string> look_up_environment(std::string_view reference,
                                                 const SourceLocation& where,
                                                 std::size_t index) {
    const std::string name(reference.substr(environment_scope.size()));
    SourceLocation place = place_of_reference(where, index, reference);
    auto value = scope_.environment(name);
    if (value || job::is_base_environment_name(name)) {
      if (in_environment_)
        environment_.push_back({name, std::move(place)});
      return value.value_or("");
    }
    report(make_error(ErrorCode::configuration,
                      "the environment variable '{}' is not set where the run is started",
                      printable(name))
               .at(std::move(place))
               .with_hint("'${{{{ env.NAME }}}}' is the value that NAME has there; set it, or "
                          "write the value itself"));
    return std::nullopt;
  }

  /// Whether the name means something in properties, and is used elsewhere.
  bool is_for_properties(std::string_view name) const {
    return name == run_arguments ||
           (name.starts_with(environment_scope) && names_ == Names::variables) ||
           (variables_form(name) && !scope_.own_variables && !scope_.variable(name));
  }

  void report_unknown(std::string_view name, SourceLocation where) {
    std::string hint;
    constexpr std::string_view without_s = "secret.";
    if (name.starts_with(without_s)) {
      hint = fmt::format("did you mean 'secrets.{}'?", name.substr(without_s.size()));
    } else if (looks_like_variables_form(name)) {
      hint = fmt::format("there are {}", quoted_list(names_of_variables_forms));
    } else if (errors_.size() < most_suggestions) {
      std::vector<std::string> known = scope_.variable_names;
      known.emplace_back(run_name);
      known.emplace_back(run_arguments);
      known.emplace_back(run_project);
      known.insert(known.end(), names_of_variables_forms.begin(), names_of_variables_forms.end());
      hint = did_you_mean(name, known);
    }
    if (hint.empty())
      hint = "set it in .dstack/variables.yaml, below the workflow's name or 'global'";
    report(make_error(ErrorCode::configuration, "there is no variable '{}'", name)
               .at(std::move(where))
               .with_hint("{}", hint));
  }

  void report(Error error) { errors_.push_back(std::move(error)); }

  const Scope& scope_;
  Names names_;
  std::vector<Error> errors_;
  std::vector<SecretReference> secrets_;
  std::vector<WholeArgument> whole_arguments_;
  ReferencePlaces places_;
  std::size_t room_ = most_text_of_variables;
  bool is_full_ = false;  ///< and reported
  bool may_hold_secrets_;
  std::vector<EnvironmentReference> environment_;
  std::vector<SourceLocation> incomplete_;
  bool in_environment_ = false;
  bool used_run_arguments_ = false;
};

Interpolated take_result(Walk& walk, const Value& value) {
  Interpolated result;
  result.value = walk.replace_all(value);
  result.secrets = std::move(walk.secrets());
  result.used_run_arguments = walk.used_run_arguments();
  result.whole_arguments = std::move(walk.whole_arguments());
  result.environment = std::move(walk.environment());
  return result;
}

Result<Interpolated> result_of(Walk& walk, const Value& value) {
  Interpolated result = take_result(walk, value);
  if (!walk.errors().empty())
    return fail(join(std::move(walk.errors())));
  return result;
}

}  // namespace

Result<Interpolated> interpolate(const Value& value, const Scope& scope) {
  Walk walk(scope);
  return result_of(walk, value);
}

PartlyInterpolated interpolate_partly(const Value& value, const Scope& scope) {
  Walk walk(scope);
  PartlyInterpolated partly;
  partly.result = take_result(walk, value);
  partly.errors = std::move(walk.errors());
  partly.incomplete = std::move(walk.incomplete());
  return partly;
}

Result<Interpolated> interpolate_variable(const Value& text, const Scope& scope) {
  Walk walk(scope, Names::variables);
  return result_of(walk, text);
}

Result<Interpolated> interpolate_secrets(const Value& text) {
  const Scope nothing;
  Walk walk(nothing, Names::secrets);
  return result_of(walk, text);
}

Error misplaced_secret(const SecretReference& reference, const std::vector<std::string>& members) {
  const std::string places = members.empty() ? "no property" : quoted_list(members);
  return make_error(ErrorCode::configuration, "the secret '{}' cannot be used here", reference.name)
      .at(reference.where)
      .with_hint("{} of a workflow may refer to secrets; every job has this one as the variable {}",
                 places,
                 environment_name(reference.name));
}

Error missing_secret(const SecretReference& reference,
                     const std::vector<std::string>& known,
                     SecretOwner owner) {
  std::string hint = did_you_mean(reference.name, known);
  hint += fmt::format("{}{}{}{}' adds it",
                      hint.empty() ? "'" : "\n'",
                      "dstack secrets add ",
                      owner == SecretOwner::user ? "--user " : "",
                      reference.name);
  return make_error(ErrorCode::configuration, "there is no secret '{}'", reference.name)
      .at(reference.where)
      .with_hint("{}", hint);
}

}  // namespace dstack::config
