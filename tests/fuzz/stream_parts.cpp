// What an engine sends of a container: pieces of two streams. The first byte of an input says how
// long the pieces are in which it arrives.
#include "dstack/backend/container.hpp"
#include "fuzz.hpp"

#include <map>

using namespace dstack;
using namespace dstack::fuzz;

namespace {

std::map<int, std::string> streams_of(std::string_view bytes, std::size_t at_once) {
  std::map<int, std::string> streams;
  backend::StreamParts parts([&](int stream, std::string_view piece) { streams[stream] += piece; });
  for (std::size_t at = 0; at < bytes.size(); at += at_once)
    parts.feed(bytes.substr(at, at_once));
  return streams;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes = text_of(data + 1, size - 1);
  const auto whole = streams_of(bytes, std::max<std::size_t>(1, bytes.size()));
  require(streams_of(bytes, data[0] + 1u) == whole, "it is the same however it arrives");
  std::size_t total = 0;
  for (const auto& [stream, text] : whole)
    total += text.size();
  require(total <= bytes.size(), "nothing is added to what was sent");
  return 0;
}
