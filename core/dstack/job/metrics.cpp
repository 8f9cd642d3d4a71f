#include "dstack/job/metrics.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"

namespace dstack::job {

std::string_view render(Better better) {
  return better == Better::min ? "min" : "max";
}

std::optional<Better> parse_better(std::string_view text) {
  for (const auto better : {Better::min, Better::max})
    if (text == render(better))
      return better;
  return std::nullopt;
}

std::string problem_of_log_template(std::string_view text) {
  bool has_metric = false;
  while (!text.empty()) {
    const std::size_t brace = text.find_first_of("{}");
    if (brace == std::string_view::npos)
      break;
    if (text[brace] == '}')
      return "has a '}' without its '{'";
    const std::size_t end = text.find_first_of("{}", brace + 1);
    if (end == std::string_view::npos || text[end] == '{')
      return "has no '}' for its '{'";
    if (trim(text.substr(brace + 1, end - brace - 1)).empty())
      return "has a '{}' without a name";
    has_metric = true;
    text.remove_prefix(end + 1);
    if (text.starts_with('{'))
      return "has nothing between two of its names";
  }
  return has_metric ? "" : "names no metric in braces";
}

std::string describe(const Metrics& metrics) {
  std::vector<std::string> parts;
  if (!metrics.files.empty())
    parts.push_back(fmt::format("of {}", quoted_list(metrics.files)));
  if (!metrics.log.empty())
    parts.push_back(fmt::format("of output like '{}'", metrics.log));
  if (!metrics.best.empty()) {
    std::vector<std::string> best;
    for (const auto& [name, better] : metrics.best)
      best.push_back(fmt::format("{} of {}", render(better), name));
    parts.push_back(fmt::format("shows the {}", join(best, ", ")));
  }
  return "metrics " + join(parts, ", ");
}

void to_json(Json& json, const Metrics& metrics) {
  json = Json::object();
  if (!metrics.files.empty())
    json["files"] = metrics.files;
  if (!metrics.log.empty())
    json["log"] = metrics.log;
  for (const auto& [name, better] : metrics.best)
    json["best"][name] = render(better);
}

void from_json(const Json& json, Metrics& metrics) {
  json_fields::expect_map(json, "'metrics'");
  json_fields::refuse_others(json, "'metrics'", {"files", "log", "best"});
  metrics = {json_strings(json, "files"), json_string(json, "log"), {}};
  if (const Json* best = json_member(json, "best"); best != nullptr && best->is_object())
    for (const auto& [name, word] : best->items()) {
      const auto better = word.is_string() ? parse_better(word.get<std::string>()) : std::nullopt;
      if (!better)
        throw JsonProblem(
            fmt::format("'best' of 'metrics' has something else than min or max for {}",
                        json_fields::quote(name)));
      metrics.best.emplace_back(name, *better);
    }
  if (!metrics.log.empty())
    if (const std::string problem = problem_of_log_template(metrics.log); !problem.empty())
      throw JsonProblem(fmt::format("'log' of 'metrics' {}", problem));
}

}  // namespace dstack::job
