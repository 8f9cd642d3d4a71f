// The section with the manifest in a library: an ELF file of which every number may be forged.
#include "dstack/provider/manifest/manifest.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(text_of(data, size));
  const auto manifest = provider::read_manifest(file.path());
  require(manifest || !manifest.error().hint.empty(), "a refusal says what to do");
  return 0;
}
