// providers new and providers check, as far as no compiler is needed: tests/third_party builds what
// they write and try.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

using namespace dstack;
using dstack::test::holds;
using dstack::test::Sandbox;

namespace {

std::string written(const Sandbox& box, const std::string& file) {
  const auto text = read_file(box.project() / file);
  return text ? *text : "no file " + file;
}

}  // namespace

TEST_CASE("a new provider has its name in every file") {
  const Sandbox box;
  const std::string steps = box.ok({"providers", "new", "my-provider.2"});
  CHECK(holds(written(box, "my-provider.2/manifest.json"), "\"name\": \"my-provider.2\""));
  CHECK(holds(written(box, "my-provider.2/my-provider.2.cpp"), "\nDSTACK_PROVIDER(MyProvider2)\n"));
  CHECK(holds(written(box, "my-provider.2/CMakeLists.txt"),
              "dstack_add_provider(my-provider.2 SOURCES my-provider.2.cpp)"));
  CHECK(steps.substr(0, 20) == "  cd my-provider.2\n ");
  CHECK(holds(steps, "  dstack providers check build/my-provider.2.so\n"));

  box.ok({"providers", "new", "3d", "--lang", "rust"});
  CHECK(holds(written(box, "3d/Cargo.toml"), "name = \"provider_3d\""));
  CHECK(holds(written(box, "3d/src/dstack.rs"), "macro_rules! provider"));
  box.ok({"providers", "new", "plain", "--lang", "c"});
  CHECK(holds(written(box, "plain/plain.c"), "DSTACK_MANIFEST(\"manifest.json\")"));
  for (const std::string file :
       {"3d/src/lib.rs", "3d/Cargo.toml", "3d/manifest.json", "plain/plain.c"})
    CHECK_FALSE(holds(written(box, file), "@"));
}

TEST_CASE("a new provider never overwrites existing files") {
  const Sandbox box;
  box.file("taken/notes", "mine");
  const auto output = box.run({"providers", "new", "taken"});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.err.find("error: '" + (box.project() / "taken").string() + "' already exists\n") ==
        0);
  CHECK(written(box, "taken/notes") == "mine");
  REQUIRE(make_folders(box.project() / "empty"));
  box.ok({"providers", "new", "empty"});
  CHECK(holds(written(box, "empty/manifest.json"), "empty"));
}

TEST_CASE("names and languages that cannot be are refused") {
  const Sandbox box;
  for (const std::string name : {"a b", "../x", "-", "ä", ""}) {
    CHECK(holds(box.refused({"providers", "new", "--", name}, 2), "'" + name + "'"));
  }
  const auto output = box.run({"providers", "new", "x", "--lang", "go"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("error: '--lang' takes cpp, c or rust, not 'go'\n") == 0);
  CHECK_FALSE(fs::exists(box.project() / "x"));
}

TEST_CASE("the examples of every provider that comes with dstack can be planned") {
  const Sandbox box;
  for (const Json& candidate : box.json({"providers", "list", "--json"})) {
    if (candidate["source"] != "built in")
      continue;
    const std::string name = json_string(candidate, "name");
    INFO(name);
    std::size_t examples = 0;
    for (const Json& check : box.json({"providers", "check", name, "--json"})) {
      INFO(check.dump());
      const bool is_file = check["check"] == "file";  // the build may lie where others can write
      CHECK((is_file || check["status"] == "ok"));
      examples += check["check"] == "example" ? 1u : 0u;
    }
    CHECK(examples > 0);
  }
}

TEST_CASE("a file that is not a provider is reported with what it is") {
  const Sandbox box;
  box.file("notes.txt", "not a library");
  const auto notes = box.run({"providers", "check", "notes.txt"});
  CHECK(Sandbox::code(notes) == 1);
  CHECK(holds(notes.out, "error   manifest  it is not a shared library\n"));
  const auto nothing = box.run({"providers", "check", "nothing"});
  CHECK(Sandbox::code(nothing) == 2);
  CHECK(nothing.err.find("error: there is no file or provider 'nothing'\n") == 0);
}
