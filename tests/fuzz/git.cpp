// What is read of a repository without Git: its configuration, or its index.
#include "dstack/source/git_config.hpp"
#include "dstack/source/git_index.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;
using namespace dstack::source;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  for (const std::size_t digest_size : {20u, 32u})
    if (const auto files = parse_git_index(input, digest_size, "src/"))
      require(files->size() <= size, "each entry takes bytes");
  const auto settings = parse_git_config(input, "config");
  if (!settings)
    return 0;
  std::string text;
  for (const GitSetting& setting : *settings)
    text += render_git_setting(setting);
  const auto again = parse_git_config(text, "config");
  require(again && again->size() == settings->size(), "what was written can be read");
  for (std::size_t i = 0; i < settings->size(); ++i)
    require((*again)[i].key == (*settings)[i].key && (*again)[i].value == (*settings)[i].value,
            "what was written is read back");
  return 0;
}
