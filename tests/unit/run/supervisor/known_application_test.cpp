#include "dstack/run/supervisor/known_application.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

job::JobSpec spec_of(const std::string& token) {
  job::JobSpec spec;
  spec.ports = 2;
  spec.token = token;
  spec.apps = {{.name = "Lab", .port = 1, .path = "", .health = "", .token_query = "token"}};
  return spec;
}

job::Application said(const std::string& url) {
  job::Application app;
  app.name = "evil";
  app.url = url;
  app.password = "p";
  app.state = job::ApplicationState::ready;
  return app;
}

std::string url_of(const std::string& url) {
  const auto app = known_application(said(url), spec_of("TOKEN"), {20001, 20002});
  return app ? app->url : "";
}

}  // namespace

TEST_CASE("of what is said of an application only path, query and https are believed") {
  CHECK(url_of("http://127.0.0.1:20002/lab?token=a&b=%20") ==
        "http://127.0.0.1:20002/lab?token=a&b=%20");
  CHECK(url_of("https://127.0.0.1:1/x") == "https://127.0.0.1:20002/x");
  CHECK(url_of("http://evil.invalid:80/y?z=1") == "http://127.0.0.1:20002/y?z=1");
  CHECK(url_of("http://evil.invalid") == "http://127.0.0.1:20002/");
  CHECK(url_of("http://127.0.0.1:1/a b") == "http://127.0.0.1:20002/");
  CHECK(url_of("http://127.0.0.1:1/\x1b[31m") == "http://127.0.0.1:20002/");
  CHECK(url_of("http://127.0.0.1:1/" + std::string(5000, 'a')) == "http://127.0.0.1:20002/");
  CHECK(url_of("file:///etc/passwd").empty());
  CHECK(url_of("").empty());
}

TEST_CASE("an application's name is the plan's, and a password is one of a job that has a token") {
  const auto app = known_application(said("http://h/"), spec_of("TOKEN"), {20001, 20002});
  REQUIRE(app);
  CHECK(app->name == "Lab");
  CHECK(app->password == "p");
  CHECK(known_application(said("http://h/"), spec_of(""), {20001, 20002})->password.empty());
}

TEST_CASE("an application that the plan does not have, or has no port, is none") {
  job::Application other = said("http://127.0.0.1:20001/");
  other.index = 1;
  CHECK_FALSE(known_application(other, spec_of(""), {20001, 20002}));
  CHECK_FALSE(known_application(said("http://127.0.0.1:20001/"), spec_of(""), {20001}));
}
