#include "ui/table.hpp"

#include "captured.hpp"

#include <cstdlib>

using dstack::test::Captured;
using dstack::ui::Cell;
using dstack::ui::Colour;
using dstack::ui::Table;

TEST_CASE("columns are aligned, and no line ends in blanks") {
  Table table({{"NAME"}, {"SIZE", Table::Align::right}, {"TAG"}});
  table.add({{"a"}, {"1"}, {""}});
  table.add({{"longer"}, {"1000"}, {"x"}});

  CHECK(table.render(Captured().plain()) ==
        "NAME    SIZE  TAG\n"
        "a          1\n"
        "longer  1000  x\n");
}

TEST_CASE("an empty cell in the middle keeps its place") {
  Table table({{"A"}, {"B"}, {"C"}});
  table.add({{"1"}, {""}, {"3"}});

  CHECK(table.render(Captured().plain()) == "A  B  C\n1     3\n");
}

TEST_CASE("wide characters take two cells") {
  Table table({{"NAME"}, {"X"}});
  table.add({{"数据"}, {"1"}});
  table.add({{"data"}, {"2"}});

  CHECK(table.render(Captured().plain()) == "NAME  X\n数据  1\ndata  2\n");
}

TEST_CASE("control characters of a name never reach the terminal") {
  Table table({{"NAME"}});
  table.add({{"a\033[2Jb"}});

  CHECK(table.render(Captured().plain()) == "NAME\na\\x1b[2Jb\n");
}

TEST_CASE("nothing is cut in a pipe, however narrow the screen") {
  ::setenv("COLUMNS", "20", 1);
  Table table({{"NAME"}, {"HELP", Table::Align::left, Table::Width::shrinks}});
  table.add({{"train"}, {"a text much longer than the screen"}});
  const std::string text = table.render(Captured().plain());
  ::unsetenv("COLUMNS");

  CHECK(text == "NAME   HELP\ntrain  a text much longer than the screen\n");
}

TEST_CASE("on a terminal the columns that may shrink are cut") {
  ::setenv("COLUMNS", "20", 1);
  Captured captured;
  auto stream = captured.terminal();
  stream.colour = false;
  Table table({{"NAME"}, {"HELP", Table::Align::left, Table::Width::shrinks}});
  table.add({{"train"}, {"a text much longer than the screen"}});
  const std::string text = table.render(stream);
  ::unsetenv("COLUMNS");

  CHECK(text == "NAME   HELP\ntrain  a text much…\n");
}

TEST_CASE("colour surrounds only the text, not the blanks") {
  Table table({{"A"}, {"B"}});
  table.add({{"x", Colour::red}, {"y"}});

  CHECK(table.render(Captured().terminal()) ==
        "\033[2mA\033[0m  \033[2mB\033[0m\n\033[31mx\033[0m  y\n");
}

TEST_CASE("a table that is taken in parts keeps its columns, and has one header") {
  Table table({{"NAME", Table::Align::left, Table::Width::whole, 6}, {"X"}});
  const Captured captured;
  table.add({{"a"}, {"1"}});
  CHECK(table.take(captured.plain()) == "NAME    X\na       1\n");
  table.add({{"longer"}, {"2"}});
  CHECK(table.take(captured.plain()) == "longer  2\n");
  CHECK(table.take(captured.plain()).empty());
  table.add({{"longer than all"}, {"3"}});
  CHECK(table.take(captured.plain()) == "longer than all  3\n");
}
