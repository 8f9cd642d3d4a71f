#include "dstack/plan/sweeps.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"
#include "dstack/sweep/trials.hpp"

#include <algorithm>
#include <set>

namespace dstack::plan {

namespace {

/// The keys of a matrix, whatever else is wrong with it.
std::vector<std::string> keys_of(const config::Value& value) {
  std::vector<Error> reported_later;
  const auto matrix = read_matrix(value, reported_later);
  return matrix ? matrix->space.keys() : std::vector<std::string>();
}

bool refers_to(std::string_view text, std::string_view key) {
  std::size_t from = 0;
  while (const auto reference = config::next_reference(text, from)) {
    if (reference->kind == config::Reference::Kind::named && reference->name == key)
      return true;
    from = reference->end;
  }
  return false;
}

/// A dimension without the keys for which `wanted` is false.
template <typename Wanted>
sweep::Dimension only(const sweep::Dimension& whole, Wanted wanted) {
  sweep::Dimension part;
  part.interval = whole.interval;
  part.when = whole.when;
  part.rows.resize(whole.rows.size());
  for (std::size_t i = 0; i < whole.keys.size(); ++i) {
    if (!wanted(whole.keys[i]))
      continue;
    part.keys.push_back(whole.keys[i]);
    for (std::size_t row = 0; row < whole.rows.size(); ++row)
      part.rows[row].push_back(whole.rows[row][i]);
  }
  return part;
}

/// What is left of rows that differed in another workflow's keys alone.
void remove_repeated(std::vector<std::vector<std::optional<std::string>>>& rows) {
  std::set<std::vector<std::optional<std::string>>> seen;
  std::erase_if(rows, [&](const auto& row) { return !seen.insert(row).second; });
}

void remove_key(sweep::Space& space, const std::string& key) {
  for (sweep::Dimension& dimension : space.dimensions)
    dimension = only(dimension, [&](const std::string& name) { return name != key; });
  std::erase_if(space.dimensions,
                [](const sweep::Dimension& dimension) { return dimension.keys.empty(); });
}

}  // namespace

/// What the command line says of one dimension.
struct Sweeps::Dimension {
  sweep::Dimension values;
  std::vector<std::optional<std::string>> workflows;  ///< by key: of `train.lr`; else any
  SourceLocation where;
};

/// One call of expand().
class Sweeps::Expansion {
 public:
  Expansion(Sweeps& sweeps,
            Drafts& drafts,
            const Given& given,
            std::vector<Error>& errors,
            std::vector<std::string>& notices)
      : sweeps_(sweeps), drafts_(drafts), given_(given), errors_(errors), notices_(notices) {}

  bool run() {
    const std::size_t before = errors_.size();
    for (std::size_t i = 0; i < given_.request.sweeps.size(); ++i)
      read(given_.request.sweeps[i], given_.line.sweep(i));
    add_zipped();
    if (errors_.size() == before)
      expand_all();
    return sampled_;
  }

 private:
  // --- The command line ---

  void read(const SweepArgument& argument, const SourceLocation& where) {
    if (argument.table)
      return take(sweep::parse_trials(argument.table), where);
    const std::size_t equals = argument.text.find('=');
    if (equals == std::string::npos || equals == 0) {
      errors_.push_back(make_error(ErrorCode::usage,
                                   "'{}' does not say which variable has which values",
                                   printable(argument.text))
                            .at(where)
                            .with_hint("write '--sweep lr=0.1,0.01', '--sweep seed=1..5' or "
                                       "'--sweep @trials.csv'"));
      return;
    }
    const std::string key = argument.text.substr(0, equals);
    auto dimension =
        sweep::parse_values(std::string_view(argument.text).substr(equals + 1))
            .map([&](sweep::Values values) { return sweep::dimension_of(key, std::move(values)); });
    if (dimension && argument.zip)
      zipped_.push_back({*std::move(dimension), where});
    else
      take(std::move(dimension), where);
  }

  void take(Result<sweep::Dimension> dimension, const SourceLocation& where) {
    if (!dimension) {
      Error error = std::move(dimension).error();
      error.code = error.where ? error.code : ErrorCode::usage;
      if (!error.where)
        error.where = where;
      errors_.push_back(std::move(error));
      return;
    }
    Dimension swept{*std::move(dimension), {}, where};
    for (std::string& key : swept.values.keys) {
      swept.workflows.push_back(find_owner(key, where));
      if (!seen_.insert(fmt::format("{}.{}", swept.workflows.back().value_or(""), key)).second)
        errors_.push_back(
            make_error(ErrorCode::usage, "'{}' is swept twice", printable(key)).at(where));
    }
    dimensions_.push_back(std::move(swept));
  }

  /// All `--zip` are one dimension.
  void add_zipped() {
    if (zipped_.empty())
      return;
    std::vector<sweep::Dimension> parts;
    for (const auto& [dimension, where] : zipped_)
      parts.push_back(dimension);
    take(sweep::zip(parts), zipped_.back().second);
  }

  /// The workflow in `train.lr`, which is then `lr`. Names may contain dots.
  std::optional<std::string> find_owner(std::string& key, const SourceLocation& where) {
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      const std::string workflow = key.substr(0, dot);
      for (const Draft& draft : drafts_.all)
        if (draft.workflow->name == workflow && has_variable(draft, key.substr(dot + 1))) {
          key = key.substr(dot + 1);
          return workflow;
        }
    }
    const bool known = std::any_of(drafts_.all.begin(), drafts_.all.end(), [&](const Draft& draft) {
      return has_variable(draft, key);
    });
    if (!known)
      errors_.push_back(unknown(key, where));
    return std::nullopt;
  }

  static bool has_variable(const Draft& draft, const std::string& name) {
    return find_variable(draft.variables, name) != nullptr;
  }

  Error unknown(const std::string& key, const SourceLocation& where) const {
    std::vector<std::string> names;
    for (const Draft& draft : drafts_.all)
      for (const ResolvedVariable& variable : draft.variables)
        if (std::find(names.begin(), names.end(), variable.name()) == names.end())
          names.push_back(variable.name());
    std::string hint = did_you_mean(key, names);
    if (hint.empty())
      hint = names.empty() ? "the run has no variables; declare it in .dstack/variables.yaml"
                           : fmt::format("the run has {}; declare others in .dstack/variables.yaml",
                                         quoted_list(names));
    return make_error(
               ErrorCode::usage, "no workflow of this run has a variable '{}'", printable(key))
        .at(where)
        .with_hint("{}", hint);
  }

  // --- The workflows ---

  void expand_all() {
    Drafts expanded;
    expanded.project = drafts_.project;
    for (Draft& draft : drafts_.all) {
      const std::string& name = draft.workflow->name;
      const sweep::Space space = space_of(draft);
      if (space.empty()) {
        expanded.add(std::move(draft));
        continue;
      }
      auto combinations = sweep::expand(space, given_.request.sampling);
      if (!combinations) {
        errors_.push_back(at_matrix(std::move(combinations).error(), name));
        expanded.add(std::move(draft));
        continue;
      }
      if (combinations->equal > 0)
        notices_.push_back(fmt::format("{} of workflow '{}' {} equal to another, and not repeated",
                                       plural(combinations->equal, "combination"),
                                       name,
                                       combinations->equal == 1 ? "is" : "are"));
      const auto keys = std::make_shared<const std::vector<std::string>>(space.keys());
      for (sweep::Combination& combination : combinations->combinations) {
        Draft one = draft;
        set_values(one, combination);
        one.combination = std::move(combination);
        one.swept_keys = keys;
        (void)replace_references(one.variables, given_.request.run_name);
        expanded.add(std::move(one));
      }
    }
    drafts_ = std::move(expanded);
    for (const Draft& draft : drafts_.all)
      check_dependencies(draft);
  }

  /// Which workflows a run has is known before its combinations are.
  void check_dependencies(const Draft& draft) {
    for (const config::Dependency& dependency : draft.workflow->depends_on)
      for (const auto& [key, value] : draft.combination)
        if (refers_to(dependency.written, key) && !dependency_reported_) {
          dependency_reported_ = true;
          errors_.push_back(
              make_error(ErrorCode::configuration,
                         "'{}' is swept, and cannot decide what a workflow depends on",
                         key)
                  .at(dependency.where));
        }
  }

  sweep::Space space_of(const Draft& draft) {
    const std::string& name = draft.workflow->name;
    sweep::Space space;
    if (const auto* matrix = matrix_of(draft); matrix != nullptr)
      space = matrix->workflow.empty() ? matrix->space : taken_from(*matrix, name);
    space.order = space.keys();  // of the file, whatever takes the place of their values
    for (const Dimension& dimension : dimensions_) {
      std::size_t index = 0;
      sweep::Dimension own = only(dimension.values, [&](const std::string& key) {
        const auto& owner = dimension.workflows[index++];
        return (!owner || *owner == name) && has_variable(draft, key);
      });
      if (own.keys.empty())
        continue;
      if (own.keys.size() < dimension.values.keys.size())
        remove_repeated(own.rows);
      for (const std::string& key : own.keys) {
        remove_key(space, key);
        from_command_line_.insert({name, key});
      }
      space.dimensions.push_back(std::move(own));
    }
    for (const std::string& key : space.keys())
      if (const auto* fixed = find_override(given_.fixed, name, key)) {
        remove_key(space, key);
        space.dimensions.push_back(sweep::dimension_of(key, {{fixed->value}, {}}));
        from_command_line_.insert({name, key});
      }
    for (sweep::Dimension& dimension : space.dimensions)
      if (dimension.interval) {
        dimension.interval->coordinate =
            coordinates_.try_emplace(dimension.keys.front(), coordinates_.size()).first->second;
        sampled_ = true;
      }
    spaces_.insert_or_assign(name, space);
    return space;
  }

  /// Read with the values that variables have now; null where there is none, or a wrong one.
  const Matrix* matrix_of(const Draft& draft) {
    const auto given = sweeps_.matrices_.find(draft.workflow->name);
    if (given == sweeps_.matrices_.end())
      return nullptr;
    const auto scope = scope_of(draft.variables, given_.request.run_name, {});
    auto value = config::interpolate(*given->second, scope);
    if (!value) {
      for (Error& error : flatten(std::move(value).error()))
        errors_.push_back(std::move(error));
      return nullptr;
    }
    auto matrix = read_matrix(value->value, errors_);
    if (!matrix)
      return nullptr;
    return &matrices_.insert_or_assign(draft.workflow->name, *std::move(matrix)).first->second;
  }

  /// `matrix: train`.
  sweep::Space taken_from(const Matrix& matrix, const std::string& name) {
    const auto found = spaces_.find(matrix.workflow);
    if (found == spaces_.end()) {
      errors_.push_back(make_error(ErrorCode::configuration,
                                   "'matrix' names '{}', on which workflow '{}' does not depend",
                                   matrix.workflow,
                                   name)
                            .at(matrix.where)
                            .with_hint("add it to 'depends-on', or write the values themselves"));
      return {};
    }
    if (const auto places = matrices_.find(matrix.workflow); places != matrices_.end())
      matrices_.at(name).places = places->second.places;
    return found->second;
  }

  Error at_matrix(Error error, const std::string& workflow) const {
    const auto matrix = matrices_.find(workflow);
    if (!error.where && matrix != matrices_.end())
      error.where = matrix->second.where;
    else if (!error.where)
      error.code = ErrorCode::usage;
    return error;
  }

  void set_values(Draft& draft, const sweep::Combination& combination) {
    const std::string& workflow = draft.workflow->name;
    for (const auto& [key, value] : combination) {
      auto variable = std::find_if(draft.variables.begin(),
                                   draft.variables.end(),
                                   [&](const ResolvedVariable& one) { return one.name() == key; });
      if (variable == draft.variables.end()) {
        ResolvedVariable added;
        added.is_own = true;
        variable = draft.variables.insert(draft.variables.end(), added);
      }
      const bool typed = from_command_line_.contains({workflow, key});
      if (typed)
        variable->override = sweeps_.override_with(key, value);
      else
        variable->override = nullptr;
      if (!typed || variable->declared == nullptr)
        variable->declared = sweeps_.variable(key, value, place_of_key(workflow, key));
    }
    // A key that does not apply to the combination, and has no value elsewhere.
    std::erase_if(draft.variables, [&](const ResolvedVariable& variable) {
      return variable.override == nullptr && sweeps_.undeclared_.contains(variable.declared);
    });
  }

  SourceLocation place_of_key(const std::string& workflow, const std::string& key) const {
    const auto matrix = matrices_.find(workflow);
    if (matrix == matrices_.end())
      return {};
    const auto place = matrix->second.places.find(key);
    return place == matrix->second.places.end() ? matrix->second.where : place->second;
  }

  Sweeps& sweeps_;
  Drafts& drafts_;
  const Given& given_;
  std::vector<Error>& errors_;
  std::vector<std::string>& notices_;
  std::vector<Dimension> dimensions_;
  std::vector<std::pair<sweep::Dimension, SourceLocation>> zipped_;
  std::unordered_set<std::string> seen_;                             ///< keys, with their workflows
  std::map<std::string, Matrix, std::less<>> matrices_;              ///< by workflow
  std::map<std::string, sweep::Space, std::less<>> spaces_;          ///< by workflow
  std::map<std::string, std::size_t> coordinates_;                   ///< by key
  std::set<std::pair<std::string, std::string>> from_command_line_;  ///< workflow and key
  bool sampled_ = false;
  bool dependency_reported_ = false;
};

void Sweeps::take_matrices(Drafts& drafts) {
  for (Draft& draft : drafts.all) {
    if (draft.provider == nullptr || !has_matrix(draft.manifest()))
      continue;
    const auto& members = draft.workflow->properties.members;
    const auto matrix = std::find_if(members.begin(), members.end(), [](const auto& member) {
      return member.key == matrix_key;
    });
    if (matrix == members.end())
      continue;
    const config::Value& value = values_.emplace_back(matrix->value);
    matrices_.insert_or_assign(draft.workflow->name, &value);
    config::Workflow& rest = workflows_.emplace_back(*draft.workflow);
    std::erase_if(rest.properties.members,
                  [](const config::Member& member) { return member.key == matrix_key; });
    draft.workflow = &rest;
    for (const std::string& key : keys_of(value))
      if (find_variable(draft.variables, key) == nullptr) {
        const config::Variable& added =
            variables_.emplace_back(config::Variable{key, {}, value.where});
        undeclared_.insert(&added);
        ResolvedVariable resolved;
        resolved.declared = &added;
        resolved.is_own = true;
        draft.variables.push_back(std::move(resolved));
      }
  }
}

bool Sweeps::expand(Drafts& drafts,
                    const Given& given,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices) {
  if (matrices_.empty() && given.request.sweeps.empty())
    return false;
  return Expansion(*this, drafts, given, errors, notices).run();
}

const config::Variable* Sweeps::variable(const std::string& name,
                                         const std::string& value,
                                         const SourceLocation& where) {
  const auto [entry, added] =
      known_variables_.try_emplace({fmt::format("{}\n{}", name, where.render()), value}, nullptr);
  if (added)
    entry->second = &variables_.emplace_back(config::Variable{name, value, where});
  return entry->second;
}

const VariableOverride* Sweeps::override_with(const std::string& name, const std::string& value) {
  const auto [entry, added] = known_overrides_.try_emplace({name, value}, nullptr);
  if (added)
    entry->second = &overrides_.emplace_back(VariableOverride{std::nullopt, name, value});
  return entry->second;
}

}  // namespace dstack::plan
