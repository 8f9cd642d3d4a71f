#include "dstack/config/settings/settings.hpp"

#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

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
  CHECK(none->keep_changes == 100'000'000);
  CHECK(none->log_limit == 10'000'000'000u);
  REQUIRE(settings_of("# nothing\n"));
}

TEST_CASE("the file may end in .yml, and not be there with both endings") {
  ProjectFolder folder;
  folder.file("config.yml", "stop_grace: 3s\n");
  const auto settings = load_settings(folder.path() / "config.yaml");
  REQUIRE(settings);
  CHECK(settings->stop_grace == std::chrono::seconds(3));
  folder.file("config.yaml", "stop_grace: 4s\n");
  const auto both = load_settings(folder.path() / "config.yaml");
  REQUIRE_FALSE(both);
  const std::string home = folder.path().string();
  CHECK(both.error().message ==
        "there are both '" + home + "/config.yaml' and '" + home + "/config.yml'");
}

TEST_CASE("every setting is read") {
  const auto settings = settings_of(
      "resources:\n  cpu: 8\n  memory: 16GiB\n  gpus: [{name: V100, memory: 16GB}, {name: A100, "
      "memory: 40 GB}]\n"
      "stop-grace: 1m30s\nsnapshot_file_limit: 5MB\nkeep-changes: 2GB\n");
  REQUIRE(settings);
  CHECK(settings->resources.cpu == 8u);
  CHECK(settings->resources.memory == 17'179'869'184u);
  REQUIRE(settings->resources.gpus);
  REQUIRE(settings->resources.gpus->size() == 2);
  CHECK(settings->resources.gpus->at(1).name == "A100");
  CHECK(settings->resources.gpus->at(1).memory == 40'000'000'000u);
  CHECK(settings->stop_grace == std::chrono::seconds(90));
  CHECK(settings->snapshot_file_limit == 5'000'000u);
  CHECK(settings->keep_changes == 2'000'000'000u);
  CHECK(settings_of("keep_changes: 0\n")->keep_changes == 0);
}

TEST_CASE("a sandbox for all jobs is a level or a map of absolute paths") {
  CHECK_FALSE(settings_of("trust: ask\n")->sandbox);
  CHECK(settings_of("sandbox: strict\n")->sandbox->level == job::SandboxLevel::strict);
  const auto map = settings_of("sandbox: {read: [/data/, /b/../c], network: none}\n");
  CHECK(map->sandbox->level == job::SandboxLevel::files);
  CHECK(map->sandbox->read == std::vector<std::string>{"/data", "/c"});
  CHECK(map->sandbox->network == job::SandboxNetwork::none);
  CHECK(errors_of("sandbox: none\n") == Findings{"1:10+4 a sandbox must be 'files' or 'strict'"});
  CHECK(errors_of("sandbox: {write: [~/x]}\n") == Findings{"1:19+3 'write' takes absolute paths"});
}

TEST_CASE("a log has a limit of some size, or none") {
  CHECK(settings_of("log_limit: 2GB\n")->log_limit == 2'000'000'000u);
  CHECK(settings_of("log-limit: none\n")->log_limit == 0);
  CHECK(settings_of("log_limit: 0\n")->log_limit == 0);
  CHECK(errors_of("log_limit: 10\n") == Findings{"1:12+2 'log_limit' must be at least 64KB"});
}

TEST_CASE("receivers of notifications are read, with the secrets they refer to") {
  const auto settings = settings_of(
      "on-end:\n  - webhook: https://hooks.example.com/x?y\n    headers: {Authorization: \"Bearer "
      "${{secrets.TOKEN}}\", X: \"$${{ y\"}\n    when: failed\n    timeout: 5s\n    retry: 0\n"
      "  - command: [notify-send, \"a b\"]\n    when: [done, aborted]\n"
      "  - command: \"  ./notify.sh | tee log\"\n  - webhook: ${{ secrets.URL }}\n");
  REQUIRE(settings);
  REQUIRE(settings->on_end.size() == 4);
  const Receiver& hook = settings->on_end[0];
  CHECK(hook.webhook == "https://hooks.example.com/x?y");
  CHECK(hook.headers == std::vector<std::pair<std::string, std::string>>{
                            {"Authorization", "Bearer ${{ secrets.TOKEN }}"}, {"X", "${{ y"}});
  REQUIRE(hook.secrets.size() == 1);
  CHECK(hook.secrets[0].name == "TOKEN");
  CHECK(hook.secrets[0].where.line == 3);
  CHECK(hook.when == std::vector<std::string>{"failed"});
  CHECK(hook.timeout == std::chrono::seconds(5));
  CHECK(hook.retry == 0);
  CHECK(settings->on_end[1].command == std::vector<std::string>{"notify-send", "a b"});
  CHECK(settings->on_end[1].when == std::vector<std::string>{"done", "aborted"});
  CHECK(settings->on_end[1].timeout == std::chrono::seconds(30));
  CHECK(settings->on_end[1].retry == 4);
  CHECK(settings->on_end[2].command ==
        std::vector<std::string>{"/bin/sh", "-c", "  ./notify.sh | tee log"});
  CHECK(settings->on_end[3].webhook == "${{ secrets.URL }}");
  CHECK(settings_of("on_end: {command: x}")->on_end.size() == 1);
  CHECK(settings_of("on_end:")->on_end.empty());
}

TEST_CASE("what is shown of a receiver holds neither path, query, account nor argument") {
  const auto shown = [](const std::string& entry) {
    return describe(settings_of("on_end: [" + entry + "]")->on_end).at(0);
  };
  CHECK(shown("{webhook: \"https://me:pw@hooks.example.com:8443/T0/B0/x?token=1#y\"}") ==
        "webhook https://hooks.example.com:8443");
  CHECK(shown("{webhook: \"http://h\"}") == "webhook http://h");
  CHECK(shown("{webhook: \"${{ secrets.URL }}\"}") == "webhook ${{ secrets.URL }}");
  CHECK(shown("{webhook: \"https://${{ secrets.HOST }}/x\"}") ==
        "webhook https://${{ secrets.HOST }}");
  CHECK(shown("{command: [notify-send, secret]}") == "command notify-send");
  CHECK(shown("{command: \" curl -H secret | cat\"}") == "command curl");
  CHECK(shown("{command: \"notify;x\"}") == "command notify");
}

TEST_CASE("a webhook that can never be reached, and a header that breaks it, are refused") {
  const auto refusal = [](const std::string& url) {
    const Findings errors = errors_of("on_end: [{webhook: \"" + url + "\"}]\n");
    return errors.empty() ? std::string() : errors.front().substr(errors.front().find(' ') + 1);
  };
  const std::string never = "'webhook' is not a valid URL: ";
  CHECK(refusal("http://a b/") == never + "it contains a space, which is written %20");
  CHECK(refusal("http://h:99999/x") == never + "a port is a number from 1 to 65535");
  CHECK(refusal("http://h:0") == never + "a port is a number from 1 to 65535");
  CHECK(refusal("https://me@/x") == never + "it has no host");
  CHECK(refusal("https://:80/x") == never + "it has no host");
  for (const char* right : {"http://h:1/x",
                            "http://h:",
                            "http://me:p:w@h/x?a:b",
                            "http://[::1]:80/",
                            "http://[::1]/",
                            "https://${{ secrets.HOST }}:${{ secrets.PORT }}/",
                            "http://h:8443${{ secrets.PATH }}"})
    CHECK(refusal(right) == "");
  CHECK(errors_of("on_end: [{webhook: \"http://h\", headers: {Content-length: 3}}]\n") ==
        Findings{"1:42+14 header 'Content-length' is set by dstack itself"});
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
                 "3:18 'cpu' must be a whole number, at least 1",
                 "3:29+4 unknown key 'nmae'"});
  CHECK(errors_of("- a\n") == Findings{"1:1+3 the file must be a map, not a list"});
  CHECK(errors_of("stop_grace: 1s\nstop-grace: 2s\n") ==
        Findings{"2:1+10 duplicate key 'stop_grace'"});
}

TEST_CASE("a GPU of the settings has a name, a memory, and an id of its own",
          "[config][settings]") {
  const auto is_refused = [](const std::string& gpus, const std::string& message) {
    const Findings errors = errors_of("resources: {gpus: [" + gpus + "]}\n");
    return errors.size() == 1 && errors.front().find(message) != std::string::npos;
  };
  const std::string gpu = "{name: A, memory: 16GB";
  CHECK(settings_of("resources: {gpus: [" + gpu + "}, " + gpu + "}]}\n"));
  for (const char* incomplete : {"{}", "{name: B}", "{memory: 16GB}"})
    CHECK(is_refused(incomplete, "a GPU needs 'name' and 'memory'"));
  CHECK(is_refused("{name: B, memory: 2}", "'memory' must be at least 1MB"));
  CHECK(
      is_refused(gpu + ", uuid: U}, " + gpu + "}, " + gpu + ", uuid: U}", "duplicate GPU id 'U'"));
  CHECK(is_refused(gpu + "}, " + gpu + ", uuid: 0}", "duplicate GPU id '0'"));
}
