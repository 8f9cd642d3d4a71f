// The small readers of text: UTF-8, words of a shell, sizes, durations, times, paths.
#include "dstack/base/text.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/time.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

void check_shell(std::string_view text) {
  const auto one = shell_split(shell_quote(text));
  require(one && one->size() == 1 && one->front() == text, "a quoted word is one word, and itself");
  const auto words = shell_split(text);
  if (words)
    require(shell_split(shell_join(*words)) == *words, "words survive joining and splitting");
}

void check_printable(std::string_view text) {
  const std::string shown = printable(text);
  require(!find_invalid_utf8(shown), "what can be shown is UTF-8");
  require(printable(shown) == shown, "what can be shown stays as it is");
  for (const char c : shown)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "it holds no control character");
  require(display_width(shown) <= 2 * count_characters(shown), "no character is wider than two");
}

void check_path(std::string_view text) {
  const auto path = normal_relative_path(text);
  if (!path)
    return;
  require(normal_relative_path(*path) == *path, "the normal form of a path is its own");
  for (const std::string_view part : split(*path, '/'))
    require(part != ".." && part != ".", "a path does not leave its folder");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  if (text.find('\0') == std::string_view::npos)
    check_shell(text);
  check_printable(text);
  check_path(text);
  if (const auto bytes = parse_size(text))
    require(!render_size(*bytes).empty(), "a size can be shown");
  if (const auto duration = parse_duration(text)) {
    require(duration->count() >= 0, "a duration is not negative");
    require(!render_duration(*duration).empty(), "a duration can be shown");
  }
  if (const auto time = parse_time(text))
    require(!render_time(*time).empty(), "a time can be shown");
  return 0;
}
