#include "dstack/base/strict_json.hpp"

#include "dstack/base/json_builder.hpp"

namespace dstack {

Result<Json> parse_strict_json(std::string_view text, std::string_view what) {
  return build_json(text, what, deepest_strict_json, Repeated::is_wrong, ErrorCode::configuration);
}

bool holds_several_json_texts(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '\\')
      ++at;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == '{')
      ++depth;
    else if (!quoted && c == '}' && --depth == 0)
      return text.find('{', at) != std::string_view::npos;
  }
  return false;
}

}  // namespace dstack
