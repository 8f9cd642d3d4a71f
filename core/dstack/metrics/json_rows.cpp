#include "dstack/metrics/json_rows.hpp"

#include <array>

namespace dstack::metrics {

namespace {

using namespace std::string_view_literals;

using Numbers = std::vector<std::pair<std::string, double>>;

constexpr std::array bare_words = {"NaN"sv, "-Infinity"sv, "Infinity"sv};

std::optional<double> number_of(const Json& json) {
  if (json.is_number())
    return json.get<double>();
  if (json.is_string())
    for (const std::string_view word : bare_words)
      if (json.get_ref<const std::string&>() == word)
        return parse_value(word);
  return std::nullopt;
}

void add_numbers(const std::string& name, const Json& json, Numbers& numbers) {
  if (json.is_object()) {
    for (const auto& [key, member] : json.items())
      add_numbers(name.empty() ? key : name + "." + key, member, numbers);
    return;
  }
  const bool is_list = json.is_array() && !json.empty();
  if (const auto number = number_of(is_list ? json.back() : json); number && !name.empty())
    numbers.emplace_back(name, *number);
}

}  // namespace

Result<Json> parse_with_nan(std::string_view text) {
  std::string quoted;
  bool in_text = false;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char character = text[at];
    if (in_text && character == '\\') {
      ++at;
    } else if (character == '"') {
      in_text = !in_text;
    } else if (!in_text && (character == 'N' || character == 'I' || character == '-')) {
      for (const std::string_view word : bare_words) {
        if (!text.substr(at).starts_with(word))
          continue;
        quoted.append(text, copied, at - copied);
        quoted += fmt::format("\"{}\"", word);
        copied = at + word.size();
        at = copied - 1;
        break;
      }
    }
  }
  if (copied == 0)
    return parse_json(text, "it");
  quoted += text.substr(copied);
  return parse_json(quoted, "it");
}

Row row_of(const Json& object) {
  Numbers numbers;
  add_numbers({}, object, numbers);
  return make_row(std::move(numbers));
}

bool is_trainer_state(const Json& document) {
  const Json* history = json_member(document, "log_history");
  return history != nullptr && history->is_array() && document.contains("global_step");
}

std::vector<Row> rows_of_document(const Json& document) {
  std::vector<Row> rows;
  const Json& list = is_trainer_state(document) ? document["log_history"] : document;
  if (!list.is_array())
    return {row_of(list)};
  for (const Json& entry : list)
    if (entry.is_object())
      rows.push_back(row_of(entry));
  return rows;
}

}  // namespace dstack::metrics
