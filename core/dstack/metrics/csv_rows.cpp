#include "dstack/metrics/csv_rows.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::metrics {

std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char character = line[at];
    if (quoted && character == '"' && at + 1 < line.size() && line[at + 1] == '"')
      fields.back() += line[++at];
    else if (character == '"')
      quoted = !quoted;
    else if (character == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += character;
  }
  if (quoted)
    return std::nullopt;
  for (std::string& field : fields)
    field = std::string(trim(field));
  return fields;
}

bool is_csv_header(const std::vector<std::string>& fields) {
  return fields.size() > 1 && std::none_of(fields.begin(), fields.end(), [](const auto& field) {
           return parse_value(field).has_value();
         });
}

Row row_of(const std::vector<std::string>& header, const std::vector<std::string>& fields) {
  std::vector<std::pair<std::string, double>> numbers;
  for (std::size_t i = 0; i < fields.size() && i < header.size(); ++i)
    if (const auto number = parse_value(fields[i]); number && !header[i].empty())
      numbers.emplace_back(header[i], *number);
  return make_row(std::move(numbers));
}

}  // namespace dstack::metrics
