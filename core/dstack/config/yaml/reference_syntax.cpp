#include "dstack/config/yaml/reference_syntax.hpp"

#include "dstack/base/text.hpp"

namespace dstack::config {

bool holds_reference(std::string_view text) {
  return text.find(reference_opening) != std::string_view::npos;
}

std::optional<Reference> next_reference(std::string_view text, std::size_t from) {
  constexpr std::string_view closing = "}}";
  const std::size_t begin = text.find(reference_opening, from);
  if (begin == std::string_view::npos)
    return std::nullopt;
  const std::size_t inside = begin + reference_opening.size();
  if (begin > from && text[begin - 1] == '$')
    return Reference{Reference::Kind::literal, begin - 1, inside, {}};
  const std::size_t end = text.find(closing, inside);
  if (end == std::string_view::npos)
    return Reference{Reference::Kind::unclosed, begin, text.size(), {}};
  return Reference{
      Reference::Kind::named, begin, end + closing.size(), trim(text.substr(inside, end - inside))};
}

}  // namespace dstack::config
