// The value of `metrics`: paths, or a map of files, log and best.
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/metrics.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

namespace dstack::provider {

using config::Value;
using config::ValueKind;

Json ValueTyper::metrics(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::mapping) {
    Json files = list(name, value, &ValueTyper::metric_file);
    return files.empty() ? Json() : Json{{"files", std::move(files)}};
  }
  return map_of_ours(name,
                     value,
                     {{"files", &ValueTyper::metric_files},
                      {"log", &ValueTyper::log_template},
                      {"best", &ValueTyper::best_metrics}});
}

Json ValueTyper::metric_files(const std::string& name, const Value& value) {
  return list(name, value, &ValueTyper::metric_file);
}

Json ValueTyper::metric_file(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar || value.text.empty())
    return wrong(name, value, "the path of a file or folder");
  if (text(name, value).is_null())
    return nullptr;
  if (is_pattern(value.text))
    return error(
        value.where,
        fmt::format("{} takes paths, not patterns: {}", subject(name), quoted_excerpt(value.text)),
        "name the folder: the files of metrics in it are found");
  std::optional<std::string> normal = normal_relative_path(value.text);
  if (!normal)
    return error(
        value.where,
        fmt::format(
            "{} leads out of the working directory: {}", subject(name), quoted_excerpt(value.text)),
        "write a relative path, from the working directory");
  return *std::move(normal);
}

Json ValueTyper::log_template(const std::string& name, const Value& value) {
  Json typed = text(name, value);
  if (typed.is_null())
    return typed;
  const std::string problem = job::problem_of_log_template(value.text);
  return problem.empty()
             ? typed
             : error(value.where,
                     fmt::format("{} {}: {}", subject(name), problem, quoted_excerpt(value.text)),
                     "write a line as the job prints it, with names in the place of numbers: "
                     "'epoch {epoch} loss {loss}'");
}

Json ValueTyper::best_metrics(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::mapping)
    return wrong(name, value, "a map from names of metrics to min or max");
  Json best = Json::object();
  for (const config::Member& member : value.members) {
    const Value& word = member.value;
    if (word.kind == ValueKind::scalar && job::parse_better(word.text))
      best[member.key] = word.text;
    else
      wrong(name + "." + member.key,
            word,
            "min or max",
            word.kind == ValueKind::scalar ? did_you_mean(word.text, {"min", "max"}) : "");
  }
  return best;
}

}  // namespace dstack::provider
