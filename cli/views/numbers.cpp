#include "views/numbers.hpp"

#include <fmt/format.h>

namespace dstack::cli {

std::string render_number(double value) {
  return fmt::format("{:.6g}", value);
}

std::string exact_number(double value) {
  return fmt::format("{}", value);
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos)
    return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"')
      quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

}  // namespace dstack::cli
