// The rules of a .dstackignore file. Behind the first empty line stand paths to ask for.
#include "dstack/source/ignore.hpp"

#include "dstack/base/text.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  const std::size_t end = std::min(input.find("\n\n"), input.size());
  source::IgnoreRules rules;
  rules.add("", input.substr(0, end));
  const std::string_view paths = input.substr(std::min(end + 2, input.size()));
  for (const std::string_view path : split(paths, '\n')) {
    // As long as a system lets a path be, and a file of it relative.
    if (path.empty() || path.size() > 4096 || path.front() == '/' ||
        path.find('\0') != std::string_view::npos)
      continue;
    const bool ignored = rules.ignores(std::string(path));
    require(!ignored || !rules.empty(), "without a rule nothing is ignored");
  }
  return 0;
}
