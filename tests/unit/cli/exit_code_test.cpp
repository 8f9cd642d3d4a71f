#include "command_line/exit_code.hpp"

#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("the kind of an error determines the exit code") {
  const auto code = [](ErrorCode kind) {
    Error error;
    error.code = kind;
    return cli::exit_code_of(error);
  };
  CHECK(code(ErrorCode::usage) == 2);
  CHECK(code(ErrorCode::configuration) == 2);
  CHECK(code(ErrorCode::not_found) == 2);
  CHECK(code(ErrorCode::conflict) == 1);
  CHECK(code(ErrorCode::unavailable) == 1);
  CHECK(code(ErrorCode::internal) == 1);
}
