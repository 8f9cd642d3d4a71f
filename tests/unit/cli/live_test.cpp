#include "ui/live.hpp"

#include "captured.hpp"

#include <cstdlib>

using dstack::test::Captured;
using dstack::ui::Colour;
using dstack::ui::LiveBlock;

TEST_CASE("a block is redrawn in place, and removed") {
  Captured captured;
  auto stream = captured.terminal();
  stream.colour = false;
  {
    LiveBlock block(stream);
    block.draw({{{"one"}}, {{"two"}}});
    block.draw({{{"three"}}});
    block.clear();
    block.clear();
  }
  CHECK(captured.text() ==
        "\033[?2026hone\ntwo\n\033[?2026l"
        "\033[?2026h\r\033[2A\033[Jthree\n\033[?2026l"
        "\r\033[1A\033[J");
}

TEST_CASE("a terminal that became narrower has wrapped the block") {
  Captured captured;
  auto stream = captured.terminal();
  stream.colour = false;
  {
    ::setenv("COLUMNS", "40", 1);
    LiveBlock block(stream);
    block.draw({{{"a line of twenty-five cells"}}});
    ::setenv("COLUMNS", "10", 1);
    block.clear();
    ::unsetenv("COLUMNS");
  }
  CHECK(captured.text().find("\033[3A\033[J") != std::string::npos);
}

TEST_CASE("a line is cut before it could wrap") {
  Captured captured;
  auto stream = captured.terminal();
  stream.colour = false;
  ::setenv("COLUMNS", "10", 1);
  LiveBlock block(stream);
  block.draw({{{"12345"}, {"67890"}}});
  block.forget();
  ::unsetenv("COLUMNS");

  CHECK(captured.text() == "\033[?2026h12345678…\n\033[?2026l");
}

TEST_CASE("where the cursor cannot be moved nothing is drawn") {
  Captured captured;
  {
    LiveBlock block(captured.plain());
    block.draw({{{"one"}}});
  }
  CHECK(captured.text().empty());
}
