// What a job has made is written for the user beneath the folder that the user named, never through
// a link, and never into a repository of Git.
#include "support/catch.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using namespace dstack::test;

TEST_CASE("a download does not follow a link that an earlier one brought") {
  const Sandbox box;
  const Path elsewhere = box.root() / "elsewhere";
  REQUIRE(make_folders(elsewhere));
  box.workflows(fmt::format(R"(workflows:
  - {{name: one, provider: bash, artifacts: [data], commands: ["mkdir data; ln -s {} data/cache"]}}
  - {{name: two, provider: bash, artifacts: [data], commands: ["mkdir -p data/cache; echo x > data/cache/keys"]}}
)",
                            elsewhere.string()));
  box.ok({"run", "one", "-t", "a"});
  box.ok({"run", "two", "-t", "b"});
  box.ok({"artifacts", "download", "one:a", "-o", "out"});
  CHECK(box.refused({"artifacts", "download", "two:b", "-o", "out"}, 1).find("data/cache") !=
        std::string::npos);
  box.ok({"artifacts", "download", "two:b", "-o", "out", "--force"});
  CHECK(fs::is_empty(elsewhere));
  CHECK(fs::exists(box.project() / "out/data/cache/keys"));
}
