// The manifest of a provider, and what is made of it.
#include "dstack/provider/manifest/manifest.hpp"

#include "dstack/base/text.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest = provider::parse_manifest(text_of(data, size));
  if (!manifest)
    return 0;
  require(is_name(manifest->name), "a provider has a name");
  if (!provider::is_supported(*manifest))
    return 0;
  for (const provider::Property& property : manifest->properties) {
    require(manifest->find(property.name) == &property, "each property is found by its name");
    for (const std::string& alias : property.aliases)
      require(manifest->find(alias) == &property, "each property is found by its other names");
    require(!property.required || property.default_value.is_null(),
            "what is required has no default");
  }
  return 0;
}
