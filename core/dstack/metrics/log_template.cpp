#include "dstack/metrics/log_template.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace dstack::metrics {

namespace {

bool is_blank(char character) {
  return character == ' ' || character == '\t' || character == '\r';
}

std::string with_single_blanks(std::string_view text) {
  std::string result;
  for (const char character : text)
    if (!is_blank(character))
      result += character;
    else if (result.empty() || result.back() != ' ')
      result += ' ';
  return result;
}

/// Takes a number from the front of a text.
std::optional<double> take_number(std::string_view& text) {
  const std::size_t most = std::min(text.find_first_of(" ,;|)]}%/\"'"), text.size());
  for (std::size_t size = most; size > 0; --size) {
    const auto value = parse_value(text.substr(0, size));
    if (!value)
      continue;
    if (!std::isfinite(*value) && size < most &&
        std::isalnum(static_cast<unsigned char>(text[size])))
      return std::nullopt;  // "information" is not infinite
    text.remove_prefix(size);
    return value;
  }
  return std::nullopt;
}

}  // namespace

LogTemplate::LogTemplate(std::string_view text) {
  const std::string normal = with_single_blanks(trim(text));
  std::string_view left = normal;
  for (std::size_t brace = left.find('{'); brace != std::string_view::npos;
       brace = left.find('{')) {
    const std::size_t end = left.find('}', brace);
    parts_.push_back({std::string(left.substr(0, brace)),
                      std::string(trim(left.substr(brace + 1, end - brace - 1)))});
    left.remove_prefix(end + 1);
  }
  end_ = std::string(left);
}

std::optional<std::vector<std::pair<std::string, double>>> LogTemplate::match_at(
    std::string_view line) const {
  std::vector<std::pair<std::string, double>> numbers;
  for (const Part& part : parts_) {
    if (!line.starts_with(part.before))
      return std::nullopt;
    line.remove_prefix(part.before.size());
    if (line.starts_with(' '))
      line.remove_prefix(1);
    const auto number = take_number(line);
    if (!number)
      return std::nullopt;
    numbers.emplace_back(part.name, *number);
  }
  return line.starts_with(end_) ? std::optional(std::move(numbers)) : std::nullopt;
}

std::optional<Row> LogTemplate::match(std::string_view line) const {
  const std::string normal = with_single_blanks(line);
  const std::string_view text = normal;
  const std::string& first = parts_.front().before;
  for (std::size_t at = text.find(first); at != std::string_view::npos;
       at = text.find(first, at + 1))
    if (auto numbers = match_at(text.substr(at)))
      return make_row(*std::move(numbers));
  return std::nullopt;
}

}  // namespace dstack::metrics
