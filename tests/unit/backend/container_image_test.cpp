#include "dstack/backend/container_image.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::backend;

TEST_CASE("a name without tag and digest is that of the latest") {
  CHECK(with_tag("python") == "python:latest");
  CHECK(with_tag("python:3.12") == "python:3.12");
  CHECK(with_tag("host:5000/a/b") == "host:5000/a/b:latest");
  CHECK(with_tag("host:5000/a/b:c") == "host:5000/a/b:c");
  CHECK(with_tag("a@sha256:12") == "a@sha256:12");
}

TEST_CASE("the registry is the first part of a name that looks like a host") {
  CHECK(registry_of("python:3.12") == "docker.io");
  CHECK(registry_of("user/image") == "docker.io");
  CHECK(registry_of("ghcr.io/user/image") == "ghcr.io");
  CHECK(registry_of("host:5000/image") == "host:5000");
  CHECK(registry_of("localhost/image") == "localhost");
}

TEST_CASE("an image's user is root when it is nobody else") {
  for (const std::string user : {"", "0", "root", "0:0", "root:staff"})
    CHECK(ImageFacts{"", user, {}, {}}.runs_as_root());
  for (const std::string user : {"1000", "app", "1000:0"})
    CHECK_FALSE(ImageFacts{"", user, {}, {}}.runs_as_root());
}

TEST_CASE("a pull is reported by tenths of all of its layers, each once") {
  const auto line = [](const std::string& id, int current, int total) {
    return Json{{"status", "Downloading"},
                {"id", id},
                {"progressDetail", {{"current", current}, {"total", total}}}};
  };
  PullProgress progress;
  CHECK_FALSE(progress.take(Json{{"status", "Pulling from library/x"}, {"id", "latest"}}));
  CHECK_FALSE(progress.take(line("a", 1'000, 40'000)));
  CHECK(progress.take(line("a", 20'000, 40'000)) ==
        std::optional<std::string>("50 % of the image pulled: 20.0 kB of 40.0 kB"));
  CHECK_FALSE(progress.take(line("a", 21'000, 40'000)));
  CHECK_FALSE(progress.take(line("b", 0, 60'000)));
  CHECK(progress.take(line("b", 60'000, 60'000)));
  CHECK(progress.take(Json{{"status", "Download complete"}, {"id", "a"}}) ==
        std::optional<std::string>("100 % of the image pulled: 100.0 kB of 100.0 kB"));
}

TEST_CASE("platforms are compared by what they mean, however they are written") {
  CHECK(normal_platform("x86_64") == "linux/amd64");
  CHECK(normal_platform("Linux/AARCH64") == "linux/arm64");
  CHECK(normal_platform("linux/arm64/v8") == "linux/arm64");
  CHECK(normal_platform("linux/arm/v7") == "linux/arm/v7");
  CHECK(fits("linux/arm64", "arm64"));
  CHECK(fits("linux/arm/v7", "linux/arm"));
  CHECK(fits("", "linux/amd64"));
  CHECK(fits("linux/amd64", ""));
  CHECK_FALSE(fits("linux/arm64", "linux/amd64"));
  CHECK_FALSE(fits("linux/arm/v6", "linux/arm/v7"));
  CHECK_FALSE(fits("linux/arm64", "linux/arm"));
}
