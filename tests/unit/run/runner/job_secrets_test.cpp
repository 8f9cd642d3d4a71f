#include "dstack/run/runner/job_secrets.hpp"

#include "dstack/files/home.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/secrets/vault.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/text.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

/// An order of project /p in a home whose vault has KEY and TOKEN.
struct Setup {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  JobOrder order;
  std::vector<std::string> warnings;

  Setup() {
    order.home = folder.path().string();
    order.project = "/p";
    for (const char* name : {"KEY", "TOKEN"})
      REQUIRE(secrets::add(files::Home{folder.path()}.secrets(),
                           "/p",
                           name,
                           "value of " + std::string(name),
                           secrets::Replace::no));
  }
};

}  // namespace

TEST_CASE("a job without secrets opens no vault, not even a damaged one") {
  Setup setup;
  REQUIRE(write_file_atomically(
      files::Home{setup.folder.path()}.secrets() / "vault", "x", Durable::no, 0600));
  CHECK(resolve_secrets(setup.order, setup.warnings)->needles.empty());
  setup.order.secrets = {"KEY"};
  const Error damaged = test::failure_of(resolve_secrets(setup.order, setup.warnings));
  CHECK(damaged.code == ErrorCode::unavailable);
  CHECK(test::holds(damaged.message, "/vault'"));
}

TEST_CASE("values come where references are meant, and nowhere else") {
  Setup setup;
  const std::string key = "${{ secrets.KEY }}";
  const std::string token = "${{ secrets.TOKEN }}";
  setup.order.environment = {{"A", "a " + key + " " + token}, {"B", key}, {"TOKEN", token}};
  setup.order.secret_variables = {"A", "TOKEN"};
  setup.order.secrets = {"KEY"};
  setup.order.spec.container.emplace();
  setup.order.spec.container->image = key;
  setup.order.spec.container->username = token;
  setup.order.spec.container->password = key;
  setup.order.spec.native = {{"shown", key}, {"secrets", {{"headers", {{"X", "Bearer " + key}}}}}};
  const auto found = resolve_secrets(setup.order, setup.warnings);
  REQUIRE(found);
  CHECK(setup.order.environment[0].second == "a value of KEY value of TOKEN");
  CHECK(setup.order.environment[1].second == key);
  CHECK(setup.order.environment[2].second == "value of TOKEN");
  CHECK(setup.order.spec.container->image == key);
  CHECK(setup.order.spec.container->username == token);  // the files do not refer to it
  CHECK(setup.order.spec.container->password == "value of KEY");
  CHECK(setup.order.spec.native["shown"] == key);
  CHECK(setup.order.spec.native["secrets"]["headers"]["X"] == "Bearer value of KEY");
  CHECK(found->needles.masked("value of KEY, value of TOKEN") == "***, ***");
  CHECK(found->names == std::vector<std::string>{"KEY", "TOKEN"});
  CHECK(found->needles.find_values("the value of TOKEN") == std::vector<std::size_t>{1});
  CHECK(setup.warnings.empty());
}

TEST_CASE("what is gone is an error where it is named, and a warning where it is not") {
  Setup setup;
  setup.order.environment = {{"OTHER", "${{ secrets.other }}"}, {"PLAIN", "x"}};
  setup.order.secret_variables = {"OTHER"};
  REQUIRE(resolve_secrets(setup.order, setup.warnings));
  CHECK(setup.order.environment.size() == 1);
  REQUIRE(setup.warnings.size() == 1);
  CHECK(setup.warnings[0].find("secret 'other' has been deleted") != std::string::npos);
  setup.order.secrets = {"other"};
  const auto failed = resolve_secrets(setup.order, setup.warnings);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().hint == "'dstack secrets add other' adds it");
}
