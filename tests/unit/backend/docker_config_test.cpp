// Which engine Docker's own configuration names, and with which accounts images are pulled.
#include "dstack/backend/docker_config.hpp"

#include "dstack/backend/registry_login.hpp"
#include "dstack/base/sha256.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/text.hpp"
#include "support/variables.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::backend;
using dstack::test::holds;

namespace {

/// A folder like `~/.docker`.
struct Config {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");

  std::string path(const std::string& name = "") const { return (folder.path() / name).string(); }

  void file(const std::string& name, const std::string& text, unsigned mode = 0644) const {
    const Path file = folder.path() / name;
    REQUIRE(make_folders(file.parent_path()));
    REQUIRE(write_file_atomically(file, text, Durable::no, mode));
  }

  void context(const std::string& name, const std::string& host) const {
    file("contexts/meta/" + sha256(name).render() + "/meta.json",
         render_json({{"Name", name}, {"Endpoints", {{"docker", {{"Host", host}}}}}}));
  }

  Result<std::vector<EngineAddress>> addresses(
      std::map<std::string, std::string> variables = {}) const {
    variables["DOCKER_CONFIG"] = path();
    return engine_addresses(test::lookup_in(std::move(variables)));
  }

  /// The account for an image from `config.json`.
  RegistryUser login(const std::string& image, std::string* warnings = nullptr) const {
    return find_login(image, {path("config.json")}, [&](const std::string& sentence) {
      if (warnings != nullptr)
        *warnings += sentence + "\n";
    });
  }
};

/// `ada:hush`, in base64.
constexpr const char* ada = "YWRhOmh1c2g=";

}  // namespace

TEST_CASE("the context that is in use names the engine, and no other is tried") {
  const Config config;
  config.context("mine", "unix:///run/mine.sock");
  config.context("other", "tcp://127.0.0.1:2375");
  CHECK(config.addresses()->size() == 2);
  config.file("config.json", R"({"currentContext": "mine"})");
  auto all = config.addresses();
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  CHECK(all->front().socket == "/run/mine.sock");
  CHECK(all->front().named_by == "Docker's context 'mine'");
  CHECK(config.addresses({{"DOCKER_CONTEXT", "other"}})->front().url == "http://127.0.0.1:2375");
  CHECK(config.addresses({{"DOCKER_HOST", "unix:///x"}, {"DOCKER_CONTEXT", "other"}})
            ->front()
            .socket == "/x");
  CHECK(config.addresses({{"CONTAINER_HOST", "unix:///y"}})->front().name == "podman");
  CHECK(config.addresses({{"CONTAINER_HOST", "unix:///y"}, {"DOCKER_CONTEXT", "mine"}})
            ->front()
            .socket == "/run/mine.sock");
  CHECK(config.addresses({{"DOCKER_CONTEXT", "default"}})->size() == 2);
}

TEST_CASE("without DOCKER_CONFIG the context is looked up in the home") {
  const Config config;
  config.file(".docker/config.json", R"({"currentContext": "mine"})");
  config.file(".docker/contexts/meta/" + sha256("mine").render() + "/meta.json",
              R"({"Endpoints": {"docker": {"Host": "unix:///here"}}})");
  const auto all = engine_addresses(test::lookup_in({{"HOME", config.path()}}));
  REQUIRE(all);
  CHECK(all->front().socket == "/here");
}

TEST_CASE("a context that cannot be used is an error that names it and the way out") {
  const Config config;
  config.context("far", "ssh://me@host");
  auto error = config.addresses({{"DOCKER_CONTEXT", "far"}}).error();
  CHECK(error.message ==
        "Docker's context 'far' is 'ssh://me@host', which dstack does not support");
  CHECK(holds(error.hint, "DOCKER_CONTEXT=default"));
  error = config.addresses({{"DOCKER_CONTEXT", "none"}}).error();
  CHECK(error.message == "there is no context 'none' of Docker, which DOCKER_CONTEXT names");
  config.file("config.json", R"({"currentContext": "gone"})");
  error = config.addresses().error();
  CHECK(holds(error.message, "'gone'"));
  CHECK(holds(error.message, config.path("config.json")));
  config.file("config.json", "{");
  error = config.addresses().error();
  CHECK(holds(error.message, config.path("config.json")));
}

TEST_CASE("TLS is used with the files of the context, or those of the variables") {
  const Config config;
  config.context("safe", "tcp://127.0.0.1");
  const std::string folder = "contexts/tls/" + sha256("safe").render() + "/docker/";
  for (const char* name : {"ca.pem", "cert.pem", "key.pem"})
    config.file(folder + name, "x");
  auto all = config.addresses({{"DOCKER_CONTEXT", "safe"}});
  REQUIRE(all);
  CHECK(all->front().url == "https://127.0.0.1:2376");
  CHECK(all->front().tls == EngineTls{config.path(folder + "ca.pem"),
                                      config.path(folder + "cert.pem"),
                                      config.path(folder + "key.pem"),
                                      false});
  CHECK(parse_engine_address(render(all->front())) == all->front());
  all = config.addresses({{"DOCKER_HOST", "tcp://h:1"},
                          {"DOCKER_TLS_VERIFY", "1"},
                          {"DOCKER_CERT_PATH", config.path("certs")}});
  REQUIRE(all);
  CHECK(all->front().url == "https://h:1");
  CHECK(all->front().tls.authorities == config.path("certs/ca.pem"));
  all = config.addresses({{"DOCKER_HOST", "tcp://h"}});
  REQUIRE(all);
  CHECK(all->front().url == "http://h:2375");
  CHECK_FALSE(all->front().tls.any());
}

TEST_CASE("the account of 'docker login' is found under each way to write its registry") {
  const Config config;
  for (const std::string key :
       {"ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "ghcr.io/v1/"}) {
    INFO(key);
    config.file("config.json", render_json({{"auths", {{key, {{"auth", ada}}}}}}));
    const RegistryUser user = config.login("ghcr.io/team/tool:1");
    CHECK(user.name == "ada");
    CHECK(user.password == "hush");
    CHECK(user.source == config.path("config.json"));
    CHECK(config.login("quay.io/team/tool").anonymous());
    CHECK(config.login("python:3").anonymous());
  }
  config.file("config.json",
              render_json({{"auths", {{"https://index.docker.io/v1/", {{"auth", ada}}}}}}));
  CHECK(config.login("python:3").name == "ada");
  CHECK(config.login("docker.io/team/tool@sha256:1").name == "ada");
  config.file("config.json",
              R"({"auths": {"h:5000": {"username": "u", "password": "p:q"}, "r.io": {"auth": "",
                  "identitytoken": "t"}, "e.io": {}}})");
  CHECK(config.login("h:5000/tool").password == "p:q");
  CHECK(config.login("r.io/tool").identity_token == "t");
  CHECK(config.login("e.io/tool").anonymous());
}

TEST_CASE("of several accounts that of the longest name is used") {
  const Config config;
  config.file("config.json",
              R"({"auths": {"quay.io": {"username": "all", "password": "1"},
                            "quay.io/team": {"username": "team", "password": "2"}}})");
  CHECK(config.login("quay.io/team/tool:1").name == "team");
  CHECK(config.login("quay.io/teams/tool").name == "all");
  CHECK(config.login("quay.io/tool").name == "all");
}

TEST_CASE("a credential helper is asked for the registries it is for") {
  const Config config;
  config.file("bin/docker-credential-mine",
              "#!/bin/sh\nread server\ncase $server in\n"
              "  a.io) echo '{\"Username\": \"from\", \"Secret\": \"helper\"}' ;;\n"
              "  t.io) echo '{\"Username\": \"<token>\", \"Secret\": \"tok\"}' ;;\n"
              "  b.io) echo 'the keyring is locked'; exit 1 ;;\n"
              "  *) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n",
              0755);
  const test::SetVariable path("PATH",
                               config.path("bin") + ":" + test::own_variable("PATH").value_or(""));
  config.file("config.json",
              R"({"credHelpers": {"a.io": "mine", "b.io": "mine", "n.io": "not-installed"},
                  "credsStore": "mine",
                  "auths": {"b.io": {"username": "file", "password": "f"}}})");
  CHECK(config.login("a.io/x").name == "from");
  CHECK(config.login("a.io/x").password == "helper");
  CHECK(config.login("t.io/x").identity_token == "tok");
  std::string warnings;
  CHECK(config.login("other.io/x", &warnings).anonymous());
  CHECK(warnings.empty());
  CHECK(config.login("b.io/x", &warnings).name == "file");
  CHECK(holds(warnings, "the keyring is locked"));
  warnings.clear();
  CHECK(config.login("n.io/x", &warnings).anonymous());
  CHECK(holds(warnings, "docker-credential-not-installed"));
}

TEST_CASE("a file of accounts that is not JSON is reported, and no reason to fail") {
  const Config config;
  config.file("config.json", R"({"auths": )");
  std::string warnings;
  CHECK(config.login("a.io/x", &warnings).anonymous());
  CHECK(holds(warnings, config.path("config.json")));
}

TEST_CASE("Podman has files of its own for accounts, and Docker's after them") {
  const auto files = [](bool podman, std::map<std::string, std::string> variables) {
    std::string text;
    for (const Path& file : login_files(podman, test::lookup_in(std::move(variables))))
      text += file.string() + "\n";
    return text;
  };
  CHECK(files(false, {{"HOME", "/h"}, {"XDG_RUNTIME_DIR", "/r"}}) == "/h/.docker/config.json\n");
  const std::string all = files(true, {{"HOME", "/h"}, {"XDG_RUNTIME_DIR", "/r"}});
  CHECK(all.starts_with("/r/containers/auth.json\n"));
  CHECK(all.ends_with("/h/.config/containers/auth.json\n/h/.docker/config.json\n"));
  CHECK(files(true, {{"HOME", "/h"}, {"REGISTRY_AUTH_FILE", "/a.json"}}) == "/a.json\n");
}

TEST_CASE("base64 is decoded with and without its end, and nothing else is") {
  CHECK(decode_base64("YTpi") == "a:b");
  CHECK(decode_base64("YWI6Yw==") == "ab:c");
  CHECK(decode_base64("YWI6Yw") == "ab:c");
  CHECK_FALSE(decode_base64("a b"));
}
