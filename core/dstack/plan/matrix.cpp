#include "dstack/plan/matrix.hpp"

#include "dstack/base/text.hpp"
#include "dstack/sweep/values.hpp"

#include <algorithm>
#include <utility>

namespace dstack::plan {

namespace {

using config::Value;
using config::ValueKind;

constexpr std::string_view shape =
    "write 'matrix: {lr: [0.1, 0.01], seed: 1..5}', or the name of a workflow that has one";

class Reader {
 public:
  explicit Reader(std::vector<Error>& errors) : errors_(errors) {}

  std::optional<Matrix> read(const Value& value) {
    const std::size_t before = errors_.size();
    matrix_.where = value.where;
    if (value.kind == ValueKind::scalar && is_name(value.text))
      matrix_.workflow = value.text;
    else if (value.kind == ValueKind::mapping)
      read_map(value);
    else
      refuse(value, fmt::format("'matrix' must be a map, not {}", describe(value)), shape);
    if (errors_.size() != before)
      return std::nullopt;
    if (matrix_.workflow.empty() && matrix_.space.empty()) {
      refuse(value, "'matrix' names no variable", shape);
      return std::nullopt;
    }
    return std::move(matrix_);
  }

 private:
  void refuse(const Value& value, const std::string& message, std::string_view hint = {}) {
    errors_.push_back(
        make_error(ErrorCode::configuration, "{}", message).at(value.where).with_hint("{}", hint));
  }

  void refuse(const Value& value, Error error) {
    errors_.push_back(std::move(error).at(value.where));
  }

  void read_map(const Value& map) {
    for (const config::Member& member : map.members) {
      if (member.key == "zip")
        zip_ = &member.value;
      else if (member.key == "exclude")
        read_combinations(member.value, member.key, matrix_.space.exclude);
      else if (member.key == "include")
        read_combinations(member.value, member.key, matrix_.space.include);
      else
        read_key(member);
    }
    if (zip_ != nullptr)
      read_zip(*zip_);
  }

  void read_key(const config::Member& member) {
    if (!is_name(member.key)) {
      errors_.push_back(make_error(ErrorCode::configuration,
                                   "'{}' is not the name of a variable",
                                   printable(member.key))
                            .at(member.key_where));
      return;
    }
    matrix_.places.insert_or_assign(member.key, member.value.where);
    const Value* values = &member.value;
    std::optional<sweep::Condition> when;
    if (values->kind == ValueKind::mapping) {
      when = read_condition(*values);
      values = values->find("values");
      if (values == nullptr) {
        refuse(member.value,
               fmt::format("'{}' has no 'values'", member.key),
               "write '{values: [0.8, 0.9], when: optimizer=sgd}'");
        return;
      }
    }
    if (auto found = read_values(*values, member.key)) {
      sweep::Dimension dimension = sweep::dimension_of(member.key, *std::move(found));
      dimension.when = std::move(when);
      matrix_.space.dimensions.push_back(std::move(dimension));
    }
  }

  std::optional<sweep::Condition> read_condition(const Value& map) {
    for (const config::Member& member : map.members)
      if (member.key != "values" && member.key != "when")
        errors_.push_back(
            make_error(ErrorCode::configuration, "'{}' is not known here", printable(member.key))
                .at(member.key_where)
                .with_hint("a key of 'matrix' has 'values' and 'when'"));
    const Value* when = map.find("when");
    if (when == nullptr)
      return std::nullopt;
    const std::size_t equals =
        when->kind == ValueKind::scalar ? when->text.find('=') : std::string::npos;
    if (equals == std::string::npos || equals == 0) {
      refuse(*when, "'when' must be 'KEY=VALUE'", "write 'when: optimizer=sgd', for example");
      return std::nullopt;
    }
    sweep::Condition condition{std::string(trim(when->text.substr(0, equals))), {}};
    for (const std::string_view value : split(std::string_view(when->text).substr(equals + 1), ','))
      condition.values.emplace_back(trim(value));
    return condition;
  }

  /// A list, or a text as on the command line.
  std::optional<sweep::Values> read_values(const Value& value, const std::string& key) {
    if (value.kind == ValueKind::scalar) {
      auto values = value.quoted ? Result<sweep::Values>(sweep::Values{{value.text}, {}})
                                 : sweep::parse_values(value.text);
      if (values)
        return *std::move(values);
      refuse(value, std::move(values).error());
      return std::nullopt;
    }
    if (value.kind != ValueKind::sequence || value.elements.empty()) {
      refuse(value,
             value.kind == ValueKind::sequence
                 ? fmt::format("'{}' has no values", key)
                 : fmt::format("the values of '{}' must be a list, not {}", key, describe(value)),
             "write '[0.1, 0.01]', '1..5' or 'log:1e-4..1e-1:4'");
      return std::nullopt;
    }
    sweep::Values all;
    for (const Value& element : value.elements) {
      if (element.kind != ValueKind::scalar) {
        refuse(element,
               fmt::format(
                   "a value of '{}' must be a text or a number, not {}", key, describe(element)));
        return std::nullopt;
      }
      if (auto range = element.quoted ? std::optional<sweep::Values>() : range_in(element))
        all.list.insert(all.list.end(), range->list.begin(), range->list.end());
      else
        all.list.push_back(element.text);
    }
    return all;
  }

  std::optional<sweep::Values> range_in(const Value& element) {
    auto range = sweep::parse_range(element.text);
    if (!range) {
      refuse(element, std::move(range).error());
      return sweep::Values();
    }
    if (*range && (*range)->interval) {
      refuse(
          element,
          fmt::format("the interval '{}' cannot be one of several values", printable(element.text)),
          "give it a number of values: 'lin:0..1:5'");
      return sweep::Values();
    }
    return *std::move(range);
  }

  /// Names of keys that are in the map, or maps of keys; a list of lists of names is several.
  void read_zip(const Value& value) {
    if (value.kind != ValueKind::sequence || value.elements.empty()) {
      refuse(value, "'zip' must be a list", "write 'zip: [lr, batch]' with keys of 'matrix'");
      return;
    }
    const bool names = std::all_of(value.elements.begin(),
                                   value.elements.end(),
                                   [](const Value& one) { return one.kind == ValueKind::scalar; });
    if (names) {
      zip_names(value);
      return;
    }
    for (const Value& element : value.elements) {
      if (element.kind == ValueKind::sequence)
        zip_names(element);
      else if (element.kind == ValueKind::mapping)
        zip_map(element);
      else
        refuse(element, "an entry of 'zip' must be a list of keys, or a map");
    }
  }

  void zip_map(const Value& map) {
    std::vector<std::string> keys;
    for (const config::Member& member : map.members) {
      keys.push_back(member.key);
      read_key(member);
    }
    zip(map, keys);
  }

  void zip_names(const Value& list) {
    std::vector<std::string> keys;
    for (const Value& element : list.elements)
      keys.push_back(element.text);
    zip(list, keys);
  }

  /// Makes one dimension of those of the keys, in the place of the first.
  void zip(const Value& where, const std::vector<std::string>& keys) {
    auto& dimensions = matrix_.space.dimensions;
    std::vector<sweep::Dimension> parts;
    for (const std::string& key : keys) {
      const auto found =
          std::find_if(dimensions.begin(), dimensions.end(), [&](const sweep::Dimension& one) {
            return one.keys.size() == 1 && one.keys.front() == key;
          });
      if (found == dimensions.end()) {
        if (!matrix_.places.contains(key))
          refuse(where, fmt::format("'zip' names '{}', which is not in 'matrix'", printable(key)));
        return;
      }
      parts.push_back(*found);
    }
    auto zipped = sweep::zip(parts);
    if (!zipped) {
      refuse(where, std::move(zipped).error());
      return;
    }
    bool placed = false;
    for (auto one = dimensions.begin(); one != dimensions.end();) {
      const bool part = one->keys.size() == 1 &&
                        std::find(keys.begin(), keys.end(), one->keys.front()) != keys.end();
      if (part && !placed)
        *one++ = std::move(*zipped);
      else if (part)
        one = dimensions.erase(one);
      else
        ++one;
      placed = placed || part;
    }
  }

  void read_combinations(const Value& list,
                         const std::string& key,
                         std::vector<sweep::Combination>& combinations) {
    if (list.kind != ValueKind::sequence) {
      refuse(list,
             fmt::format("'{}' must be a list of maps, not {}", key, describe(list)),
             fmt::format("write '{}: [{{lr: 0.1, seed: 2}}]'", key));
      return;
    }
    for (const Value& element : list.elements) {
      sweep::Combination combination;
      for (const config::Member& member : element.members) {
        if (!is_name(member.key) || member.value.kind != ValueKind::scalar) {
          refuse(member.value, fmt::format("an entry of '{}' has one value for each key", key));
          continue;
        }
        combination.emplace_back(member.key, member.value.text);
        matrix_.places.try_emplace(member.key, member.value.where);
      }
      if (combination.empty())
        refuse(element,
               fmt::format("an entry of '{}' must be a map, not {}", key, describe(element)),
               fmt::format("write '{}: [{{lr: 0.1, seed: 2}}]'", key));
      else
        combinations.push_back(std::move(combination));
    }
  }

  std::vector<Error>& errors_;
  Matrix matrix_;
  const Value* zip_ = nullptr;
};

}  // namespace

bool has_matrix(const provider::Manifest& manifest) {
  return manifest.find(matrix_key) == nullptr;
}

std::optional<Matrix> read_matrix(const Value& value, std::vector<Error>& errors) {
  return Reader(errors).read(value);
}

}  // namespace dstack::plan
