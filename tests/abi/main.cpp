// As a program of its own, so that it can be its own provider-host child: /proc/self/exe is this.
#define CATCH_CONFIG_RUNNER
#include "dstack/provider/host/calls.hpp"
#include "support/catch.hpp"

#include <cstdlib>
#include <string_view>

int main(int argc, char* argv[]) {
  if (argc == 4 && std::string_view(argv[1]) == "provider-host")
    return dstack::provider::provider_host_main(argv[2], std::atoi(argv[3]));
  const int failed = Catch::Session().run(argc, argv);
  if (failed != 0)
    return EXIT_FAILURE;
  return dstack::test::skipped ? dstack::test::skipped_exit_code : EXIT_SUCCESS;
}
