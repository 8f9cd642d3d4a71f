// Secrets in the output of a job. An input is: a byte, the length of pieces in which the output
// arrives; the value of a secret up to a line's end; the output.
#include "dstack/secrets/masker.hpp"

#include "dstack/secrets/encodings.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::size_t at_once = data[0] + 1u;
  const std::string_view input = text_of(data + 1, size - 1);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string value(input.substr(0, line));
  const std::string_view output = input.substr(std::min(line + 1, input.size()));

  const std::string whole = secrets::Needles({value}).masked(output);
  // A mask beside other text could look like a value that has stars in it.
  if (value.size() >= secrets::shortest_masked && value.find('*') == std::string::npos)
    require(whole.find(value) == std::string::npos, "the value is not in what is shown");

  secrets::Masker masker{secrets::Needles({value})};
  std::string pieces;
  for (std::size_t at = 0; at < output.size(); at += at_once)
    pieces += masker.take(output.substr(at, at_once));
  pieces += masker.finish();
  require(pieces == whole, "it is the same however it arrives");
  return 0;
}
