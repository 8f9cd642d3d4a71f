// JSON of ours and of third parties.
#include "dstack/base/strict_json.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  (void)holds_several_json_texts(text);
  const auto strict = parse_strict_json(text, "it");
  const auto json = parse_json(text, "it");
  require(json || !strict, "what third parties may write, we may");
  if (!json)
    return 0;
  const std::string written = render_json(*json);
  const auto again = parse_json(written, "it");
  require(again && render_json(*again) == written, "JSON survives rendering and parsing");
  require(!strict || *strict == *json, "both readers read the same");
  return 0;
}
