#include "dstack/config/settings.hpp"

#include "parsing.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

namespace {

Result<Settings> settings_of(std::string_view text) {
  ProjectFolder folder;
  folder.file("config.yaml", text);
  return load_settings(folder.path() / "config.yaml");
}

Findings errors_of(std::string_view text) {
  Findings all;
  if (const auto settings = settings_of(text); !settings)
    for (const Error& error : flatten(settings.error()))
      all.push_back(brief(error));
  return all;
}

}  // namespace

TEST_CASE("without a file, and with an empty one, the defaults hold") {
  ProjectFolder folder;
  const auto none = load_settings(folder.path() / "no" / "config.yaml");
  REQUIRE(none);
  CHECK(none->stop_grace == std::chrono::seconds(10));
  CHECK(none->snapshot_file_limit == 100'000'000);
  REQUIRE(settings_of("# nothing\n"));
}

TEST_CASE("every setting is read") {
  const auto settings = settings_of(
      "resources:\n  cpu: 8\n  memory: 16GiB\n  gpus: [{name: V100, memory: 16GB}, {name: A100, "
      "memory: 40 GB}]\n"
      "stop-grace: 1m30s\nsnapshot_file_limit: 5MB\n");
  REQUIRE(settings);
  CHECK(settings->resources.cpu == 8u);
  CHECK(settings->resources.memory == 17'179'869'184u);
  REQUIRE(settings->resources.gpus);
  REQUIRE(settings->resources.gpus->size() == 2);
  CHECK(settings->resources.gpus->at(1).name == "A100");
  CHECK(settings->resources.gpus->at(1).memory == 40'000'000'000u);
  CHECK(settings->stop_grace == std::chrono::seconds(90));
  CHECK(settings->snapshot_file_limit == 5'000'000u);
}

TEST_CASE("no GPUs is something else than nothing said") {
  CHECK(settings_of("resources: {gpus: []}")->resources.gpus.has_value());
  CHECK_FALSE(settings_of("resources: {cpu: 1}")->resources.gpus.has_value());
}

TEST_CASE("every error of the file is reported, with suggestions") {
  const auto result =
      settings_of("resorces: {}\nstop_grace: soon\nresources: {cpu: 0, gpus: [{nmae: V100}]}\n");
  REQUIRE_FALSE(result);
  CHECK(result.error().hint == "did you mean 'resources'?");
  CHECK(errors_of("resorces: {}\nstop_grace: soon\nresources: {cpu: 0, gpus: [{nmae: V100}]}\n") ==
        Findings{"1:1+8 unknown key 'resorces'",
                 "2:13+4 'stop_grace' must be a duration",
                 "3:18 'cpu' must be a whole number from 1",
                 "3:29+4 unknown key 'nmae'"});
  CHECK(errors_of("- a\n") == Findings{"1:1+3 the file must be a map, not a list"});
  CHECK(errors_of("stop_grace: 1s\nstop-grace: 2s\n") ==
        Findings{"2:1+10 the key 'stop_grace' stands twice in this map"});
}
