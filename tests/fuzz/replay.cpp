// Hands a target every input that was kept for it: its corpus, and files of other tests that make
// good beginnings. That needs no fuzzer, so every test run does it, with any compiler.
#include "dstack/base/text.hpp"
#include "fuzz.hpp"
#include "support/catch.hpp"

#include <algorithm>

using namespace dstack;

namespace {

/// The content of a file whose name ends so is repeated: for what once took a time or a memory that
/// grew faster than its input.
constexpr std::string_view repeated_ending = ".repeated";
constexpr std::size_t repeated_size = 1u << 20;

std::vector<Path> inputs() {
  std::vector<Path> found;
  for (const std::string_view folder : split(DSTACK_FUZZ_INPUTS, ':'))
    for (const auto& entry : fs::directory_iterator(Path(std::string(folder))))
      if (fs::is_regular_file(entry.path()))
        found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

void take(const std::string& bytes) {
  // In memory of its own size, so that the sanitizers see a read behind its end.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  CHECK(LLVMFuzzerTestOneInput(exact.data(), exact.size()) == 0);
}

}  // namespace

TEST_CASE("every input that was kept is taken without a fault") {
  const std::vector<Path> all = inputs();
  CHECK_FALSE(all.empty());
  for (const Path& path : all) {
    INFO(path.string());
    const auto bytes = read_file(path);
    REQUIRE(bytes);
    take(*bytes);
    if (bytes->empty() || !path.string().ends_with(repeated_ending))
      continue;
    std::string many;
    while (many.size() < repeated_size)
      many += *bytes;
    take(many);
  }
}

TEST_CASE("an input without a byte is taken without a fault") {
  take("");
}
