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
struct Bench {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  JobOrder order;
  std::vector<std::string> warnings;

  Bench() {
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
  Bench bench;
  REQUIRE(write_file_atomically(
      files::Home{bench.folder.path()}.secrets() / "vault", "x", Durable::no, 0600));
  CHECK(put_secrets_in(bench.order, bench.warnings)->needles.empty());
  bench.order.secrets = {"KEY"};
  const Error damaged = test::failure_of(put_secrets_in(bench.order, bench.warnings));
  CHECK(damaged.code == ErrorCode::unavailable);
  CHECK(test::holds(damaged.message, "/vault'"));
}

TEST_CASE("values come where references are meant, and nowhere else") {
  Bench bench;
  const std::string key = "${{ secrets.KEY }}";
  const std::string token = "${{ secrets.TOKEN }}";
  bench.order.environment = {{"A", "a " + key + " " + token}, {"B", key}, {"TOKEN", token}};
  bench.order.secret_variables = {"A", "TOKEN"};
  bench.order.secrets = {"KEY"};
  bench.order.spec.container.emplace();
  bench.order.spec.container->image = key;
  bench.order.spec.container->username = token;
  bench.order.spec.container->password = key;
  bench.order.spec.native = {{"shown", key}, {"secrets", {{"headers", {{"X", "Bearer " + key}}}}}};
  const auto found = put_secrets_in(bench.order, bench.warnings);
  REQUIRE(found);
  CHECK(bench.order.environment[0].second == "a value of KEY value of TOKEN");
  CHECK(bench.order.environment[1].second == key);
  CHECK(bench.order.environment[2].second == "value of TOKEN");
  CHECK(bench.order.spec.container->image == key);
  CHECK(bench.order.spec.container->username == token);  // the files do not refer to it
  CHECK(bench.order.spec.container->password == "value of KEY");
  CHECK(bench.order.spec.native["shown"] == key);
  CHECK(bench.order.spec.native["secrets"]["headers"]["X"] == "Bearer value of KEY");
  CHECK(found->needles.masked("value of KEY, value of TOKEN") == "***, ***");
  CHECK(found->names == std::vector<std::string>{"KEY", "TOKEN"});
  CHECK(found->needles.find_values("the value of TOKEN") == std::vector<std::size_t>{1});
  CHECK(bench.warnings.empty());
}

TEST_CASE("what is gone is an error where it is named, and a warning where it is not") {
  Bench bench;
  bench.order.environment = {{"OTHER", "${{ secrets.other }}"}, {"PLAIN", "x"}};
  bench.order.secret_variables = {"OTHER"};
  REQUIRE(put_secrets_in(bench.order, bench.warnings));
  CHECK(bench.order.environment.size() == 1);
  REQUIRE(bench.warnings.size() == 1);
  CHECK(bench.warnings[0].find("secret 'other' has been deleted") != std::string::npos);
  bench.order.secrets = {"other"};
  const auto failed = put_secrets_in(bench.order, bench.warnings);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().hint == "'dstack secrets add other' adds it");
}
