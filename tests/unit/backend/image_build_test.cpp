// What an engine is given to build an image from.
#include "dstack/backend/image_build.hpp"

#include "dstack/backend/docker_ignore.hpp"
#include "dstack/backend/registry_login.hpp"
#include "dstack/backend/tar_file.hpp"
#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/text.hpp"

#include <fcntl.h>

using namespace dstack;
using namespace dstack::backend;
using dstack::test::holds;

TEST_CASE(".dockerignore leaves out what matches, and what is below it") {
  const DockerIgnore rules("# data\n\n*.csv\n/build/\n./docs/*.md\n**/cache\nsecret?\n");
  for (const char* path :
       {"a.csv", "build/x/y", "build", "docs/a.md", "cache", "a/b/cache/c", "secret1"})
    CHECK(rules.leaves_out(path));
  for (const char* path :
       {"sub/a.csv", "sub/build/x", "docs/sub/a.md", "caches/x", "secret", "secret12", "# data"})
    CHECK_FALSE(rules.leaves_out(path));
}

TEST_CASE("the last rule of .dockerignore that matches decides") {
  const DockerIgnore rules("*\n!src\nsrc/*.tmp\n!src/keep.tmp\r\n");
  CHECK(rules.leaves_out("README.md"));
  CHECK_FALSE(rules.leaves_out("src/a.py"));
  CHECK(rules.leaves_out("src/a.tmp"));
  CHECK_FALSE(rules.leaves_out("src/keep.tmp"));
  CHECK_FALSE(DockerIgnore("").leaves_out("x"));
  CHECK(DockerIgnore("**").leaves_out("a/b"));
  CHECK(DockerIgnore("a/../b").leaves_out("b"));
}

TEST_CASE("many '**' take no longer than the path allows") {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 60; ++i) {
    pattern += "**/a/";
    path += "a/";
  }
  CHECK_FALSE(DockerIgnore(pattern + "b").leaves_out(path + "c"));
}

TEST_CASE("tar reads back every entry of an archive, long names and links included") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  const std::string archive = (folder.path() / "a.tar").string();
  const std::string longer = std::string(90, 'd') + "/" + std::string(200, 'x');
  {
    const auto file = open_file(archive, O_RDWR | O_CREAT);
    REQUIRE(file);
    const auto content = open_file((folder.path() / "content").string(), O_RDWR | O_CREAT);
    REQUIRE(content);
    REQUIRE(write_all(content->get(), std::string(1000, 'c')));
    ::lseek(content->get(), 0, SEEK_SET);
    const TarWriter tar(file->get());
    REQUIRE(tar.add({"sub/", '5', 0755}));
    REQUIRE(tar.add({"sub/run", '0', 0755, 0, 1'000'000'000}, "echo\n"));
    REQUIRE(tar.add({longer, '0', 0600}, std::string(512, 'y')));
    REQUIRE(tar.add({"link", '2', 0777, 0, 0, longer}));
    REQUIRE(tar.add_file({"big", '0', 0644, 1000}, content->get()));
    REQUIRE(tar.end());
  }
  process::Command command;
  command.argv = {"tar", "-C", folder.path().string(), "-xpf", archive};
  const auto output = process::run(command);
  REQUIRE(output);
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
  CHECK(*read_file(folder.path() / "sub/run") == "echo\n");
  CHECK((fs::status(folder.path() / "sub/run").permissions() & fs::owner_exe) != 0);
  CHECK(fs::last_write_time(folder.path() / "sub/run") == 1'000'000'000);
  CHECK(*read_file(folder.path() / longer) == std::string(512, 'y'));
  CHECK(fs::read_symlink(folder.path() / "link") == longer);
  CHECK(*read_file(folder.path() / "big") == std::string(1000, 'c'));
}

TEST_CASE("the images that a build begins from are those that its Dockerfile names") {
  CHECK(base_images("FROM --platform=linux/arm64 ghcr.io/a/b:1 AS base\n"
                    "from base as next\n  COPY --from=quay.io/tool /x /y\n"
                    "COPY --from=base /x /y\nCOPY --from=0 /x /y\n"
                    "ARG V=1\nFROM python:${V}\nFROM scratch\nRUN echo FROM nothing\n") ==
        std::vector<std::string>{"ghcr.io/a/b:1", "quay.io/tool"});
  CHECK(base_images("").empty());
}

TEST_CASE("a build is asked for with all its options, and accounts in a header alone") {
  BuildRequest request;
  request.tag = "dstack-build:ab";
  request.dockerfile = "docker/Dockerfile";
  request.arguments = {{"V", "a b"}};
  request.target = "final";
  request.platform = "linux/arm64";
  request.labels = {{"k", "v"}};
  CHECK(registry_config(request).empty());
  request.accounts = {{"docker.io", {"ada", "hush"}}, {"q.io", {"", "", "tok"}}};
  const std::string url = build_url(request);
  for (const char* part : {"t=dstack-build%3Aab",
                           "dockerfile=docker%2FDockerfile",
                           "buildargs=%7B%22V%22%3A%22a%20b%22%7D",
                           "target=final",
                           "platform=linux%2Farm64",
                           "labels=%7B%22k%22%3A%22v%22%7D"})
    CHECK(holds(url, part));
  CHECK_FALSE(holds(url, "hush"));
  const auto config = decode_base64(registry_config(request));
  REQUIRE(config);
  CHECK(*config == R"({"https://index.docker.io/v1/":{"username":"ada","password":"hush"},)"
                   R"("q.io":{"identitytoken":"tok"}})");
}

TEST_CASE("the container of a step is in what Docker prints when the step begins") {
  CHECK(container_of_step(" ---> Running in 0123456789ab\n") == "0123456789ab");
  for (const char* text : {"Step 2/3 : RUN true\n",
                           " ---> 0123456789ab\n",
                           " ---> Running in ../../x\n",
                           " ---> Running in 0123456789abcdef\n",
                           "x ---> Running in 0123456789ab\n",
                           ""})
    CHECK(container_of_step(text).empty());
}
