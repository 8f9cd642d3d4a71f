#include "dstack/config/project/interpolation.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace dstack::config {

namespace {

constexpr std::string_view run_name = "run.name";
constexpr std::string_view run_arguments = "run.args";
constexpr std::string_view run_project = "run.project";
/// Bytes that may be scanned for the places of references, in all.
constexpr std::size_t most_patience = 16u << 20;
/// Bytes that variables may add to the values of one workflow.
constexpr std::size_t most_text = 16u << 20;
constexpr std::array<std::string_view, 4> places_of_secrets = {
    "environment", "env", "registry_auth", "headers"};

/// A key of two words may be written with '-' or '_'.
bool is_place_of_secrets(std::string key) {
  std::replace(key.begin(), key.end(), '-', '_');
  return std::find(places_of_secrets.begin(), places_of_secrets.end(), key) !=
         places_of_secrets.end();
}

/// The byte offset of a place in its text.
std::size_t offset_of(const SourceLocation& where) {
  const std::string_view line = where.source->line(where.line);
  std::size_t offset = 0;
  for (std::uint32_t column = 1; column < where.column && offset < line.size(); ++column) {
    ++offset;
    while (offset < line.size() && (static_cast<unsigned char>(line[offset]) & 0xC0u) == 0x80)
      ++offset;
  }
  return where.source->line_starts[where.line - 1] + offset;
}

/// The place of byte `offset` of the text that `where` points into.
SourceLocation place_at(const SourceLocation& where, std::size_t offset, std::size_t length) {
  const auto& starts = where.source->line_starts;
  SourceLocation place = where;
  while (place.line < starts.size() && starts[place.line] <= offset)
    ++place.line;
  const std::size_t begin = starts[place.line - 1];
  const std::string_view text = where.source->text;
  place.column =
      static_cast<std::uint32_t>(count_characters(text.substr(begin, offset - begin)) + 1);
  place.length = static_cast<std::uint32_t>(std::max<std::size_t>(1, length));
  return place;
}

enum class Names { all, secrets };

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
      may_hold_secrets_ = is_place_of_secrets(member.key);
      result.members.push_back({member.key, member.key_where, replace(member.value)});
    }
    return result;
  }

  std::vector<Error>& errors() { return errors_; }

  std::vector<SecretReference>& secrets() { return secrets_; }

  bool used_run_arguments() const { return used_run_arguments_; }

 private:
  static Value without_parts(const Value& value) {
    Value result;
    result.kind = value.kind;
    result.quoted = value.quoted;
    result.where = value.where;
    return result;
  }

  Value replace(const Value& value) {
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

  /// An element that is just `${{ run.args }}` becomes one element for each argument.
  bool replace_arguments(const Value& element, std::vector<Value>& elements) {
    const std::string_view text = trim(element.text);
    const auto reference = next_reference(text, 0);
    if (!reference || reference->begin > 0 || reference->end < text.size() ||
        reference->name != run_arguments)
      return false;
    used_run_arguments_ = true;
    for (const std::string& argument : scope_.run_arguments) {
      elements.push_back(make_scalar(argument, element.where));
      elements.back().quoted = true;
    }
    return true;
  }

  void replace_text(const Value& value, Value& result) {
    const std::string_view text = value.text;
    std::size_t done = 0;
    const std::size_t secrets_before = secrets_.size();
    std::size_t index = 0;
    for (auto next = next_reference(text, 0); next; next = next_reference(text, done), ++index) {
      result.text += text.substr(done, next->begin - done);
      done = next->end;
      if (next->kind == Reference::Kind::literal) {
        result.text += reference_opening;
      } else if (next->kind == Reference::Kind::unclosed) {
        report(make_error(ErrorCode::configuration, "'${{{{' is not closed by '}}}}'")
                   .at(place_of_reference(value.where, index, {}))
                   .with_hint("write '${{{{ name }}}}', or '$${{{{' for a literal '${{{{'"));
      } else if (next->name.starts_with(secret_scope)) {
        result.text += refer_to_secret(next->name, value.where, index);
      } else if (const auto found = look_up(next->name, value.where, index)) {
        take(*found, value.where, result.text);
        result.quoted = false;
      }
    }
    result.text += text.substr(done);
    if (may_hold_secrets_)
      check_references(result.text, secrets_.size() - secrets_before, value.where);
  }

  /// A long variable that is named often would fill all memory.
  void take(const std::string& text, const SourceLocation& where, std::string& to) {
    if (text.size() <= room_) {
      room_ -= text.size();
      to += text;
    } else if (!std::exchange(is_full_, true)) {
      errors_.push_back(too_many("bytes of text from variables", most_text, where));
    }
  }

  /// The place of what the `index`-th `${{` of a scalar names. The scalar's text may differ from
  /// what is written (escapes, folding), but its references are in the same order. A text full of
  /// references soon gets the scalar's own place: finding each means going through its line.
  SourceLocation place_of_reference(const SourceLocation& scalar,
                                    std::size_t index,
                                    std::string_view name) {
    if (!scalar.source || scalar.line == 0 || scalar.line > scalar.source->line_starts.size() ||
        patience_ == 0)
      return scalar;
    const std::string_view text = scalar.source->text;
    std::size_t at = offset_of(scalar);
    const std::size_t line = scalar.source->line_starts[scalar.line - 1];
    if (at >= text.size() || text[at] == '*')  // an alias: what it repeats is elsewhere
      return scalar;
    for (std::size_t seen = 0;; ++seen, at += reference_opening.size()) {
      at = text.find(reference_opening, at);
      if (at == std::string_view::npos)
        return scalar;
      if (seen == index)
        break;
    }
    patience_ -= std::min(patience_, at - line);
    const std::size_t begin = text.find_first_not_of(" \t", at + reference_opening.size());
    if (name.empty() || begin == std::string_view::npos || text.substr(begin, name.size()) != name)
      return place_at(scalar, at, reference_opening.size());
    return place_at(scalar, begin, count_characters(name));
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
      errors_.push_back(misplaced_secret({secret, std::move(place)}));
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
    if (name == run_project)
      return scope_.run_project;
    if (name == run_arguments) {
      used_run_arguments_ = true;
      return shell_join(scope_.run_arguments);
    }
    if (!is_name(name)) {
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

  void report_unknown(std::string_view name, SourceLocation where) {
    std::string hint;
    constexpr std::string_view without_s = "secret.";
    if (name.starts_with(without_s)) {
      hint = fmt::format("did you mean 'secrets.{}'?", name.substr(without_s.size()));
    } else if (errors_.size() < most_suggestions) {
      std::vector<std::string> known = scope_.variable_names;
      known.emplace_back(run_name);
      known.emplace_back(run_arguments);
      known.emplace_back(run_project);
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
  std::size_t patience_ = most_patience;
  std::size_t room_ = most_text;
  bool is_full_ = false;  ///< and reported
  bool may_hold_secrets_;
  bool used_run_arguments_ = false;
};

Result<Interpolated> result_of(Walk& walk, const Value& value) {
  Interpolated result;
  result.value = walk.replace_all(value);
  result.secrets = std::move(walk.secrets());
  result.used_run_arguments = walk.used_run_arguments();
  if (!walk.errors().empty())
    return fail(join(std::move(walk.errors())));
  return result;
}

}  // namespace

Result<Interpolated> interpolate(const Value& value, const Scope& scope) {
  Walk walk(scope);
  return result_of(walk, value);
}

Result<Interpolated> interpolate_secrets(const Value& text) {
  const Scope nothing;
  Walk walk(nothing, Names::secrets);
  return result_of(walk, text);
}

Error misplaced_secret(const SecretReference& reference) {
  return make_error(ErrorCode::configuration, "the secret '{}' cannot be used here", reference.name)
      .at(reference.where)
      .with_hint(
          "'environment', 'registry_auth' and 'headers' of a workflow may refer to secrets; every "
          "job has this one as the variable {}",
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
