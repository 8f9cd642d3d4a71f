#include "dstack/sweep/combinations.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/sweep/low_discrepancy.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace dstack::sweep {

namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end())
    names.push_back(name);
}

/// Equal exactly for equal combinations.
std::string identity_of(const Combination& combination) {
  std::string text;
  for (const auto& [key, value] : combination)
    text += fmt::format("{}={}:{};", key, value.size(), value);
  return text;
}

/// Makes the combinations of a space one after the other.
class Enumeration {
 public:
  Enumeration(const Space& space, const Sampling& sampling)
      : space_(space), sampling_(sampling), names_(space.keys()) {
    for (std::size_t i = 0; i < names_.size(); ++i)
      index_.emplace(names_[i], i);
    current_.resize(names_.size());
    for (const Dimension& dimension : space.dimensions)
      if (dimension.interval)
        sampled_.push_back(&dimension);
  }

  Result<Expansion> run() {
    DSTACK_CHECK(check_sampling());
    DSTACK_CHECK(order_dimensions());
    DSTACK_CHECK(check_size());
    if (!space_.dimensions.empty()) {
      points_ = low_discrepancy_points(
          sampled_.empty() ? 1 : *sampling_.count, coordinates(), sampling_.seed);
      for (point_ = 0; point_ < points_.size(); ++point_)
        descend(0);
    }
    for (const Combination& combination : space_.include)
      add(ordered(combination));
    if (result_.combinations.empty())
      return fail(ErrorCode::configuration, "'exclude' leaves no combination");
    return std::move(result_);
  }

 private:
  Result<void> check_sampling() const {
    if (!sampled_.empty() && !sampling_.count)
      return fail(ErrorCode::configuration,
                  "'{}' is an interval, and nothing says how many of its values to take",
                  sampled_.front()->keys.front())
          .with_hint("add '--samples 20', or a number of values: 'lin:0..1:5'");
    if (coordinates() > most_sampled_keys)
      return fail(ErrorCode::configuration, "a sweep has at most {} intervals", most_sampled_keys);
    return {};
  }

  /// Those with a condition come after the key that it is about.
  Result<void> order_dimensions() {
    std::vector<bool> known(names_.size(), false);
    std::vector<bool> placed(space_.dimensions.size(), false);
    for (bool progress = true; progress;) {
      progress = false;
      for (std::size_t i = 0; i < space_.dimensions.size(); ++i) {
        const Dimension& dimension = space_.dimensions[i];
        if (placed[i])
          continue;
        if (dimension.when) {
          DSTACK_TRY(const std::size_t asked, find_condition(dimension));
          if (!known[asked])
            continue;
        }
        placed[i] = true;
        progress = true;
        order_.push_back(i);
        for (const std::string& key : dimension.keys)
          known[index_.at(key)] = true;
      }
    }
    for (std::size_t i = 0; i < placed.size(); ++i)
      if (!placed[i])
        return fail(ErrorCode::configuration,
                    "the conditions of '{}' form a circle",
                    space_.dimensions[i].keys.front());
    return {};
  }

  Result<std::size_t> find_condition(const Dimension& dimension) const {
    const auto found = index_.find(dimension.when->key);
    if (found != index_.end())
      return found->second;
    return fail(ErrorCode::configuration,
                "'when' of '{}' asks for '{}', which is not a key of the sweep",
                dimension.keys.front(),
                printable(dimension.when->key))
        .with_hint("{}", did_you_mean(dimension.when->key, names_));
  }

  Result<void> check_size() const {
    std::size_t size = sampled_.empty() ? 1 : *sampling_.count;
    for (const Dimension& dimension : space_.dimensions)
      if (!dimension.interval && size <= most_combinations)
        size *= dimension.rows.size();
    if (size <= most_combinations)
      return {};
    return fail(ErrorCode::configuration,
                "the sweep has more than {} combinations",
                most_combinations)
        .with_hint("intervals with '--samples N' choose some of them");
  }

  std::size_t coordinates() const {
    std::size_t count = 0;
    for (const Dimension* dimension : sampled_)
      count = std::max(count, dimension->interval->coordinate + 1);
    return count;
  }

  bool applies(const Dimension& dimension) const {
    if (!dimension.when)
      return true;
    const auto& value = current_[index_.at(dimension.when->key)];
    const auto& wanted = dimension.when->values;
    return value && std::find(wanted.begin(), wanted.end(), *value) != wanted.end();
  }

  void descend(std::size_t depth) {
    if (depth == order_.size()) {
      Combination combination;
      for (std::size_t i = 0; i < names_.size(); ++i)
        if (current_[i])
          combination.emplace_back(names_[i], *current_[i]);
      if (!is_excluded(combination))
        add(std::move(combination));
      return;
    }
    const Dimension& dimension = space_.dimensions[order_[depth]];
    if (!applies(dimension)) {
      for (const std::string& key : dimension.keys)
        current_[index_.at(key)].reset();
      descend(depth + 1);
    } else if (dimension.interval) {
      current_[index_.at(dimension.keys.front())] =
          dimension.interval->at(points_[point_][dimension.interval->coordinate]);
      descend(depth + 1);
    } else {
      for (const auto& row : dimension.rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
          current_[index_.at(dimension.keys[i])] = row[i];
        descend(depth + 1);
      }
    }
  }

  bool is_excluded(const Combination& combination) const {
    return std::any_of(
        space_.exclude.begin(), space_.exclude.end(), [&](const Combination& excluded) {
          return std::all_of(excluded.begin(), excluded.end(), [&](const auto& wanted) {
            const std::string* value = value_of(combination, wanted.first);
            return value != nullptr && *value == wanted.second;
          });
        });
  }

  Combination ordered(const Combination& combination) const {
    Combination result;
    for (const std::string& name : names_)
      if (const std::string* value = value_of(combination, name))
        result.emplace_back(name, *value);
    return result;
  }

  void add(Combination combination) {
    if (seen_.insert(identity_of(combination)).second)
      result_.combinations.push_back(std::move(combination));
    else
      ++result_.equal;
  }

  const Space& space_;
  const Sampling& sampling_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<const Dimension*> sampled_;
  std::vector<std::size_t> order_;  ///< dimensions, each after what its condition is about
  std::vector<std::vector<double>> points_;
  std::size_t point_ = 0;
  std::vector<std::optional<std::string>> current_;  ///< by key
  std::unordered_set<std::string> seen_;
  Expansion result_;
};

}  // namespace

std::vector<std::string> Space::keys() const {
  std::vector<std::string> names = order;
  for (const Dimension& dimension : dimensions)
    for (const std::string& key : dimension.keys)
      add_once(names, key);
  for (const Combination& combination : include)
    for (const auto& [key, value] : combination)
      add_once(names, key);
  return names;
}

Dimension dimension_of(std::string key, Values values) {
  Dimension dimension;
  dimension.keys.push_back(std::move(key));
  dimension.interval = std::move(values.interval);
  for (std::string& value : values.list)
    dimension.rows.push_back({std::move(value)});
  return dimension;
}

Result<Dimension> zip(const std::vector<Dimension>& parts) {
  Dimension zipped;
  for (const Dimension& part : parts) {
    if (part.interval || part.when)
      return fail(ErrorCode::configuration,
                  "'{}' has {}, and cannot change together with other keys",
                  part.keys.front(),
                  part.interval ? "an interval" : "a condition")
          .with_hint("{}", part.interval ? "give it a number of values: 'lin:0..1:5'" : "");
    if (!zipped.keys.empty() && part.rows.size() != zipped.rows.size())
      return fail(ErrorCode::configuration,
                  "'{}' has {}, and '{}' has {}: keys that change together have equally many",
                  zipped.keys.front(),
                  plural(zipped.rows.size(), "value"),
                  part.keys.front(),
                  part.rows.size());
    zipped.rows.resize(part.rows.size());
    zipped.keys.insert(zipped.keys.end(), part.keys.begin(), part.keys.end());
    for (std::size_t i = 0; i < part.rows.size(); ++i)
      zipped.rows[i].insert(zipped.rows[i].end(), part.rows[i].begin(), part.rows[i].end());
  }
  return zipped;
}

Result<Expansion> expand(const Space& space, const Sampling& sampling) {
  return Enumeration(space, sampling).run();
}

}  // namespace dstack::sweep
