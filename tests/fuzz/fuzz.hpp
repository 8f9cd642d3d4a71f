// What the fuzz targets share. A target is one source with LLVMFuzzerTestOneInput(): it takes any
// bytes for what a third party wrote, hands them to one reader of ours, and checks what must hold
// whatever they are. libFuzzer calls it (cmake/scripts/fuzz.sh), and so does replay.cpp in every
// test run.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace dstack::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What must hold for every input: the program ends here when it does not.
inline void require(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "not true: %s\n", what);
  std::abort();
}

/// For what reads by path: a file in memory that has a path as long as this lives.
class InputFile {
 public:
  explicit InputFile(std::string_view bytes) : file_(::memfd_create("input", MFD_CLOEXEC)) {
    require(file_ && write_all(file_.get(), bytes), "a file in memory can be made");
  }

  Path path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  Fd file_;
};

/// A folder for what a target keeps from input to input.
inline const Path& scratch() {
  static const TemporaryFolder folder =
      *TemporaryFolder::make(fs::temp_directory_path(), "dstack-fuzz-");
  return folder.path();
}

/// The parts of an input that is several texts: they stand between lines `=== NAME`, as in
/// tests/cli/wrong.
struct Part {
  std::string name;
  std::string text;
};

inline std::vector<Part> parts_of(std::string_view input) {
  constexpr std::string_view heading = "=== ";
  std::vector<Part> parts(1);
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    const std::string_view whole = input.substr(0, line.size() + 1);
    if (line.starts_with(heading))
      parts.push_back({std::string(line.substr(heading.size())), {}});
    else
      parts.back().text += whole;
    input.remove_prefix(whole.size());
  }
  return parts;
}

}  // namespace dstack::fuzz
