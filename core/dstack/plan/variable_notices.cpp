// Notices about variables that do not reach a program as their user may think.
#include "dstack/base/file.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/words.hpp"
#include "dstack/config/project/arguments.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"
#include "dstack/job/requirements_source.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dstack::plan {

namespace {

constexpr std::size_t longest_example = 200;

/// "args: ["--lr", "0.1"]", for a value that was meant as several arguments.
std::string list_form(const config::WholeArgument& argument) {
  const auto words = shell_split(argument.value);
  if (!words || argument.value.size() > longest_example)
    return fmt::format("{}: [\"--name\", \"${{{{ name }}}}\"]", argument.key);
  std::vector<std::string> quoted;
  for (const std::string& word : *words)
    quoted.push_back(render_json(word));
  return fmt::format("{}: [{}]", argument.key, join(quoted, ", "));
}

void collect_texts(const config::Value& value, std::vector<std::string_view>& texts) {
  if (value.kind == config::ValueKind::scalar)
    texts.push_back(value.text);
  for (const config::Value& element : value.elements)
    collect_texts(element, texts);
  for (const config::Member& member : value.members) {
    texts.push_back(member.key);
    collect_texts(member.value, texts);
  }
}

/// What one workflow says, and the files of the project that it names.
class Usage {
 public:
  Usage(const Draft& draft, const Path& project, const source::Snapshot& code)
      : draft_(draft), project_(project), code_(code) {
    collect_texts(draft.workflow->properties, texts_);
    collect_texts(draft.properties(), texts_);
    for (const config::Dependency& dependency : draft.workflow->depends_on)
      texts_.push_back(dependency.written);
    for (const provider::Property& property : draft.manifest().properties)
      add_files_of(property);
    for (const std::string_view text : texts_)
      add_files_named_in(text);
    for (const std::string& file : files_)
      read(file);
  }

  /// True, too, where a file that the workflow names cannot be looked through.
  bool uses(const ResolvedVariable& variable) {
    return is_unknown_ || is_used(variable) || is_used_by_another(variable);
  }

  /// Those that were looked through.
  const std::set<std::string>& files() const { return files_; }

 private:
  static constexpr std::size_t largest_file = 1'000'000;

  bool is_used(const ResolvedVariable& variable) const {
    const std::string in_job = environment_name(variable.name());
    return std::any_of(texts_.begin(),
                       texts_.end(),
                       [&](std::string_view text) {
                         return refers(text, variable) || has_word(text, in_job);
                       }) ||
           std::any_of(contents_.begin(), contents_.end(), [&](const std::string& text) {
             return has_word(text, in_job);
           });
  }

  static bool refers(std::string_view text, const ResolvedVariable& variable) {
    for (auto next = config::next_reference(text, 0); next;
         next = config::next_reference(text, next->end))
      if (next->name == variable.name() || (variable.is_own && config::variables_form(next->name)))
        return true;
    return false;
  }

  /// Whether another variable passes it on.
  bool is_used_by_another(const ResolvedVariable& variable) {
    if (!seen_.insert(&variable).second)
      return false;
    return std::any_of(
        draft_.variables.begin(), draft_.variables.end(), [&](const ResolvedVariable& other) {
          return other.override == nullptr && refers(other.declared->value, variable) &&
                 uses(other);
        });
  }

  void add_files_of(const provider::Property& property) {
    using provider::PropertyType;
    const Json* value = json_member(draft_.checked.values, property.name);
    if (value == nullptr ||
        (property.type != PropertyType::path && property.type != PropertyType::paths &&
         property.type != PropertyType::requirements && property.type != PropertyType::target))
      return;
    for (const Json& one : value->is_array() ? *value : Json::array({*value}))
      if (one.is_string())
        add_file(property.type == PropertyType::requirements
                     ? job::parse_requirements_source(one.get<std::string>()).file
                     : one.get<std::string>());
  }

  void add_file(const std::string& path) {
    if (code_.contains(path))
      files_.insert(path);
    else if (!provider::is_web_address(path))
      is_unknown_ = true;  // it comes with an input, or is missing, which is reported
  }

  /// `python tools/train.py`, `./run.sh`, `python -m tools.train`.
  void add_files_named_in(std::string_view text) {
    const std::string folder = json_string(draft_.checked.values, "working_dir");
    constexpr std::string_view ends_of_words = " \t\n\"'`;|&()<>=";
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find_first_of(ends_of_words, begin), text.size());
      std::string module(text.substr(begin, end - begin));
      for (const std::string& from : {std::string(), folder})
        if (const auto path = resolve_path(from, module); path && code_.contains(*path))
          files_.insert(*path);
      std::replace(module.begin(), module.end(), '.', '/');
      module += ".py";
      if (code_.contains(module))
        files_.insert(std::move(module));
      begin = end + 1;
    }
  }

  void read(const std::string& file) {
    boost::system::error_code problem;
    const bool is_small = fs::file_size(project_ / file, problem) <= largest_file && !problem;
    if (is_small)
      if (auto text = read_file(project_ / file)) {
        contents_.push_back(std::move(*text));
        return;
      }
    is_unknown_ = true;
  }

  const Draft& draft_;
  const Path& project_;
  const source::Snapshot& code_;
  std::vector<std::string_view> texts_;
  std::set<std::string> files_;
  std::vector<std::string> contents_;
  std::set<const ResolvedVariable*> seen_;
  bool is_unknown_ = false;
};

/// The variable as a program would take it: `--lr 0.5`.
std::string as_option(const ResolvedVariable& variable) {
  return fmt::format(
      "--{} {}", variable.name(), shell_quote(variable.value().substr(0, longest_example)));
}

/// What makes an unused variable reach the program.
std::string remedy(const Draft& draft, const ResolvedVariable& variable) {
  const auto* property = property_of_type(draft.manifest(), provider::PropertyType::arguments);
  if (property == nullptr)
    return fmt::format("'${{{{ {} }}}}' in one of its properties stands for the value{}",
                       variable.name(),
                       variable.is_own ? fmt::format(", '${{{{ variables }}}}' for all as '{}'",
                                                     as_option(variable))
                                       : std::string());
  if (!variable.is_own)
    return fmt::format("'--{} ${{{{ {} }}}}' in '{}' passes it to the program",
                       variable.name(),
                       variable.name(),
                       property->name);
  const bool is_given = find_member(draft.workflow->properties, *property) != nullptr;
  const bool is_left_out = variable.value().empty() || variable.value() == "false";
  return fmt::format("{} passes the workflow's variables to the program, {}",
                     is_given ? fmt::format("'${{{{ variables }}}}' in '{}'", property->name)
                              : fmt::format("'{}: ${{{{ variables }}}}'", property->name),
                     is_left_out ? "and leaves out what is empty or 'false'"
                                 : fmt::format("as '{}'", as_option(variable)));
}

/// For `run PROVIDER`.
std::string remedy_without_file(const ResolvedVariable& variable) {
  return fmt::format("arguments for the program itself go after '--': -- {}", as_option(variable));
}

std::string unused_notice(const Draft& draft,
                          const ResolvedVariable& variable,
                          const std::set<std::string>& files,
                          const std::string& remedy) {
  std::string places = "its properties";
  if (!files.empty())
    places += fmt::format(" or in {}", quoted_list({files.begin(), files.end()}, 3));
  return fmt::format(
      "workflow '{}' does not seem to use the variable '{}' of the command line: neither "
      "'${{{{ {} }}}}' nor {} occurs in {}; {}",
      draft.workflow->name,
      variable.name(),
      variable.name(),
      environment_name(variable.name()),
      places,
      remedy);
}

}  // namespace

void note_whole_arguments(const Draft& draft, std::vector<std::string>& notices) {
  for (const config::WholeArgument& argument : draft.whole_arguments) {
    if (argument.value.empty()) {
      notices.push_back(
          fmt::format("{}: '${{{{ {} }}}}' in '{}' of workflow '{}' is one argument, an empty one; "
                      "'${{{{ variables }}}}' omits variables without a value",
                      argument.where.render(),
                      argument.variable,
                      argument.key,
                      draft.workflow->name));
      continue;
    }
    std::string value = argument.value.substr(0, longest_example);
    notices.push_back(fmt::format(
        "{}: '${{{{ {} }}}}' in '{}' of workflow '{}' is one argument, '{}': write several as a "
        "list, {}",
        argument.where.render(),
        argument.variable,
        argument.key,
        draft.workflow->name,
        printable(value),
        list_form(argument)));
  }
}

void note_joined_lines(const Draft& draft, std::vector<std::string>& notices) {
  const auto note = [&](const std::string& key, const config::Value& value) {
    if (value.joined)
      notices.push_back(
          fmt::format("{}: the lines of this text in '{}' of workflow '{}' are joined with blanks; "
                      "write '|' before them to keep them",
                      value.where.render(),
                      key,
                      draft.workflow->name));
  };
  for (const provider::Property& property : draft.manifest().properties) {
    const config::Member* given = property.type == provider::PropertyType::texts
                                      ? find_member(draft.properties(), property)
                                      : nullptr;
    if (given == nullptr)
      continue;
    note(property.name, given->value);
    for (const config::Value& element : given->value.elements)
      note(property.name, element);
  }
}

void note_unused_variables(const Drafts& drafts,
                           const std::vector<VariableOverride>& overrides,
                           const config::Project& project,
                           const source::Snapshot& code,
                           std::vector<std::string>& notices) {
  if (overrides.empty())
    return;
  std::set<const VariableOverride*> used;
  std::map<const VariableOverride*, std::string> unused;
  for (const Draft& draft : drafts.all) {
    const auto& variables = draft.variables;
    const auto is_set = [](const ResolvedVariable& variable) { return variable.override; };
    if (!draft.ready || std::none_of(variables.begin(), variables.end(), is_set))
      continue;
    Usage usage(draft, project.root, code);
    const bool is_defined = project.find(draft.workflow->name) != nullptr;
    for (const ResolvedVariable& variable : variables)
      if (is_set(variable) && usage.uses(variable))
        used.insert(variable.override);
      else if (is_set(variable))
        unused[variable.override] =
            unused_notice(draft,
                          variable,
                          usage.files(),
                          is_defined ? remedy(draft, variable) : remedy_without_file(variable));
  }
  for (const VariableOverride& override : overrides)
    if (const auto found = unused.find(&override);
        found != unused.end() && !used.contains(&override))
      notices.push_back(std::move(found->second));
}

}  // namespace dstack::plan
