// $DSTACK_HOME/config.yaml.
#include "dstack/config/settings/settings.hpp"

#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(text_of(data, size));
  const auto settings = config::load_settings(file.path());
  if (!settings)
    return 0;
  require(settings->stop_grace.count() >= 0, "a duration is not negative");
  require(!settings->resources.cpu || *settings->resources.cpu > 0, "no machine has no processor");
  return 0;
}
