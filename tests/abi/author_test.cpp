// Hidden: author.sh builds the provider of the author's guide, and says where it is.
#include "calling.hpp"
#include "support/catch.hpp"

#include <cstdlib>

using namespace dstack;

TEST_CASE("the provider of the author's guide does what the guide says", "[.][author]") {
  const char* path = std::getenv("DSTACK_TEST_PROVIDER");
  REQUIRE(path != nullptr);
  provider::Candidate hello;
  hello.name = "hello";
  hello.path = path;
  const auto manifest = provider::read_manifest(hello.path);
  const auto plan = [&](const std::string& who) {
    return test::outcome(provider::plan_jobs(hello, {{"greet", {{"who", who}}}}), hello.path);
  };

  REQUIRE(manifest);
  CHECK(provider::is_supported(*manifest));
  CHECK(manifest->find("who")->default_value == "world");
  CHECK(manifest->find("artifacts")->common);
  CHECK(plan("Ada") == R"({"argv":["echo","hello","Ada"]} )");
  CHECK(plan("nobody") == "[who: there is nobody to greet; name somebody] ");
}
