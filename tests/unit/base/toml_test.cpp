#include "dstack/base/toml.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

constexpr const char* project = R"([project]
name = "größe"
requires-python = ">=3.11"
dependencies = [
  "numpy>=1.26", # a comment
  'torch',
]

[project.optional-dependencies]
gpu = ["cupy"]

[[tool.lists]]
number = 3
"quoted key" = {deep.er = true, at = 2024-05-01}
)";

}  // namespace

TEST_CASE("TOML is read with the place of every value", "[base][toml]") {
  const TomlValue root = value_of(parse_toml(project, "sub/pyproject.toml"));
  const TomlValue* wanted = root.find({"project", "requires-python"});
  REQUIRE(wanted != nullptr);
  CHECK(wanted->text == ">=3.11");
  CHECK(wanted->where.render() == "sub/pyproject.toml:3:19");
  CHECK(wanted->where.length == 8);

  const TomlValue* list = root.find({"project", "dependencies"});
  REQUIRE(list != nullptr);
  CHECK(list->kind == TomlKind::list);
  REQUIRE(list->elements.size() == 2);
  CHECK(list->elements[1].text == "torch");
  CHECK(list->elements[1].where.render() == "sub/pyproject.toml:6:3");

  const TomlValue* project_table = root.find("project");
  REQUIRE(project_table->members.size() == 4);
  CHECK(project_table->members[0].key == "name");
  CHECK(project_table->members[0].value.text == "größe");
  CHECK(project_table->members[3].key == "optional-dependencies");
  CHECK(project_table->members[3].key_where.line == 9);

  const TomlValue& entry = root.find({"tool", "lists"})->elements.at(0);
  CHECK(entry.find("number")->text == "3");
  CHECK(describe(*entry.find("number")) == "a number");
  CHECK(entry.find({"quoted key", "deep", "er"})->text == "true");
  CHECK(entry.find({"quoted key", "at"})->kind == TomlKind::date);
  CHECK(root.find({"project", "name", "nothing"}) == nullptr);
  CHECK(root.find("nothing") == nullptr);
}

TEST_CASE("what is wrong with TOML has its line and column", "[base][toml]") {
  const auto place = [](const std::string& text) {
    const Error error = failure_of(parse_toml(text, "p.toml"));
    CHECK(error.message.find("this is not TOML: ") == 0);
    return error.where ? error.where->render() : "no place";
  };
  CHECK(place("a = 1\nb = [1, 2\nc = 3\n").find("p.toml:3:") == 0);
  CHECK(place("[project]\nname = x\n").find("p.toml:2:8") == 0);
  CHECK(place("[a]\nb = 1\nb = 2\n").find("p.toml:3:") == 0);
  CHECK(place("ä = 1\n").find("p.toml:1:1") == 0);
  CHECK(place("a = \"\xff\"\n").find("p.toml:1:") == 0);
  CHECK(place("a = \"never closed\n").find("p.toml:1:") == 0);
}

TEST_CASE("a byte order mark and Windows' line endings are not part of TOML's values",
          "[base][toml]") {
  const TomlValue root = value_of(parse_toml("\xEF\xBB\xBF[a]\r\nb = \"c\"\r\n", "p.toml"));
  REQUIRE(root.find({"a", "b"}) != nullptr);
  CHECK(root.find({"a", "b"})->text == "c");
  CHECK(root.find({"a", "b"})->where.render() == "p.toml:2:5");
  CHECK(value_of(parse_toml("", "p.toml")).members.empty());
}

TEST_CASE("TOML that nests without end is an error, and costs no stack", "[base][toml]") {
  std::string dotted = "a";
  for (int part = 0; part < 200'000; ++part)
    dotted += ".a";
  for (const std::string& text :
       {fmt::format("[{}]\n", dotted), fmt::format("x = {{ {} = 1 }}\n", dotted)})
    CHECK(failure_of(parse_toml(text, "p.toml")).message.find("a key of more than 32 parts") !=
          std::string::npos);
  failure_of(parse_toml("x = " + std::string(200'000, '['), "p.toml"));
  value_of(parse_toml(
      "description = \"a. b. c" + std::string(100, '.') + " end\"\nx = [1.0, 2.0]\n", "p.toml"));
}
