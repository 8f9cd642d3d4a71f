// The texts of the store: each has one spelling, for its hash is its name.
#include "dstack/store/objects/tree_text.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  if (const auto tree = store::parse_tree(text)) {
    require(store::render_tree(*tree) == text, "a tree has one text");
    for (const store::TreeEntry& entry : tree->entries)
      require(entry.name != ".." && entry.name != "." && !entry.name.empty() &&
                  entry.name.find('/') == std::string::npos,
              "the name of an entry leads nowhere else");
  }
  if (const auto times = store::parse_times(text))
    require(store::render_times(*times) == text, "a list of times has one text");
  return 0;
}
