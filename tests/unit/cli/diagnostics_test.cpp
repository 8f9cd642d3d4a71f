#include "ui/diagnostics.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::ui;

namespace {

Error error_at(std::string text,
               std::uint32_t line,
               std::uint32_t column,
               std::uint32_t length,
               std::string message) {
  Error error;
  error.code = ErrorCode::configuration;
  error.message = std::move(message);
  error.where =
      SourceLocation{make_source_text("file.yaml", std::move(text)), line, column, length};
  return error;
}

std::string rendered(const Error& error) {
  return render_diagnostics(error, Coloured::no);
}

}  // namespace

TEST_CASE("an error shows its place, its line with carets, and its hint") {
  Error error = error_at(
      "a: 1\n    artifcats: [model]\n", 2, 5, 9, "workflow 'train' has no property 'artifcats'");
  error.hint = "did you mean 'artifacts'?";
  CHECK(rendered(error) ==
        "error: workflow 'train' has no property 'artifcats'\n"
        " --> file.yaml:2:5\n"
        "  |\n"
        "2 |     artifcats: [model]\n"
        "  |     ^^^^^^^^^\n"
        "hint: did you mean 'artifacts'?\n");
}

TEST_CASE("an error without a place is a line with its context and hint below") {
  Error error;
  error.message = "it broke";
  error.context = {"while reading"};
  error.hint = "one\ntwo";
  CHECK(rendered(error) == "error: it broke\n  while reading\nhint: one\n      two\n");
}

TEST_CASE("several errors are in the order of the file and are counted") {
  Error error = error_at("a\nb\n", 2, 1, 1, "second");
  Error first = error_at("a\nb\n", 1, 1, 1, "first");
  error.also.push_back(first);
  CHECK(rendered(error) ==
        "error: first\n --> file.yaml:1:1\n  |\n1 | a\n  | ^\n\n"
        "error: second\n --> file.yaml:2:1\n  |\n2 | b\n  | ^\n\n"
        "2 errors\n");
  CHECK(render_diagnostics(error, Coloured::no, Severity::warning).find("warning: first\n") == 0);
}

TEST_CASE("carets are below their characters, whatever their width") {
  CHECK(rendered(error_at("日本: x", 1, 5, 1, "m")).find("\n1 | 日本: x\n  |       ^\n") !=
        std::string::npos);
  CHECK(rendered(error_at("\ta\tb", 1, 4, 1, "m")).find("\n1 |     a   b\n  |         ^\n") !=
        std::string::npos);
  CHECK(rendered(error_at("e\xCC\x81 x", 1, 4, 1, "m")).find("  |   ^\n") != std::string::npos);
}

TEST_CASE("control characters and bad bytes are made visible") {
  const std::string text = rendered(error_at("a\x1b[31m\xff x", 1, 9, 1, "m"));
  CHECK(text.find("\n1 | a\\x1b[31m\\xff x\n  |               ^\n") != std::string::npos);
}

TEST_CASE("a long line is cut around its carets") {
  const std::string text =
      rendered(error_at(std::string(5000, 'x') + "HERE" + std::string(5000, 'y'), 1, 5001, 4, "m"));
  CHECK(text.size() < 400);
  CHECK(text.find("xxHEREyy") != std::string::npos);
  const std::size_t line = text.find("1 | ");
  const std::size_t carets = text.find("  | ", line);
  // The cut's sign is three bytes and one cell.
  CHECK(text.find("HERE", line) - line - 2 == text.find("^^^^", carets) - carets);
}

TEST_CASE("carets go no further than the line, and are at least one") {
  CHECK(rendered(error_at("ab", 1, 2, 50, "m")).find("  |  ^\n") != std::string::npos);
  CHECK(rendered(error_at("ab", 1, 3, 1, "m")).find("  |   ^\n") != std::string::npos);
  CHECK(rendered(error_at("", 1, 1, 1, "m")) == "error: m\n --> file.yaml:1:1\n  |\n1 |\n  | ^\n");
}

TEST_CASE("colours mark the severity, the gutter and the hint") {
  Error error = error_at("a", 1, 1, 1, "m");
  error.hint = "h";
  const std::string text = render_diagnostics(error, Coloured::yes);
  CHECK(text.find("\x1b[1;31merror\x1b[0m") == 0);
  CHECK(text.find("\x1b[1;36mhint\x1b[0m: h\n") != std::string::npos);
  CHECK(text.find("\x1b[1;31m^\x1b[0m") != std::string::npos);
}

TEST_CASE("nothing that an error quotes controls the terminal") {
  Error error{ErrorCode::usage, 0, "there is no run 'a\x1b[2J\xe2\x80\xae'"};
  error.hint = "one\rtwo\nthree\x07";
  error.context = {"while reading \x1b]0;x\x07"};
  CHECK(render_diagnostics(error, Coloured::no) ==
        "error: there is no run 'a\\x1b[2J\\xe2\\x80\\xae'\n"
        "  while reading \\x1b]0;x\\x07\n"
        "hint: one\\x0dtwo\n"
        "      three\\x07\n");
}

TEST_CASE("of very many errors the first are shown, and all are counted") {
  std::vector<Error> errors(50'000, Error{ErrorCode::usage, 0, "wrong"});
  const std::string text = render_diagnostics(join(std::move(errors)), Coloured::no);
  CHECK(text.ends_with("\n50000 errors; these are the first 200\n"));
  CHECK(text.size() < 10'000);
}
