#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

// A failed assertion is a failure even where another section of the test case was skipped. Catch's
// own return value is a count, which could by chance be the code that means "skipped".
int main(int argc, char* argv[]) {
  const int failed = Catch::Session().run(argc, argv);
  if (failed != 0)
    return EXIT_FAILURE;
  return dstack::test::skipped ? dstack::test::skipped_exit_code : EXIT_SUCCESS;
}
