#include "captured.hpp"

using namespace dstack;
using dstack::test::Captured;

TEST_CASE("a text is cut between characters") {
  Captured captured;
  CHECK(ui::cut(captured.terminal(), "düsseldorf", 5) == "düss…");
  CHECK(ui::cut(captured.plain(), "düsseldorf", 5) == "dü...");
  CHECK(ui::cut(captured.plain(), "abc", 3) == "abc");
  CHECK(ui::cut(captured.plain(), "abcdef", 2) == "..");
  CHECK(ui::cut(captured.terminal(), "数据集", 4) == "数…");
}

TEST_CASE("colour goes only where it is wanted") {
  Captured captured;
  CHECK(ui::paint(captured.plain(), ui::Colour::red, "x") == "x");
  CHECK(ui::paint(captured.terminal(), ui::Colour::red, "x") == "\033[31mx\033[0m");
  CHECK(ui::paint(captured.terminal(), ui::Colour::plain, "x") == "x");
}

TEST_CASE("without a terminal there is neither colour nor symbols, unless requested") {
  Captured captured;
  const int fd = captured.plain().fd;
  const ui::Stream automatic = ui::describe_stream(fd, ui::ColourChoice::automatic);
  CHECK_FALSE(automatic.terminal);
  CHECK_FALSE(automatic.colour);
  CHECK_FALSE(automatic.unicode);
  CHECK(ui::describe_stream(fd, ui::ColourChoice::always).colour);
}
