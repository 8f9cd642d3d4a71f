#include "dstack/provider/manifest/manifest.hpp"

#include "checking.hpp"
#include "support/catch.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::provider;

namespace {

std::string refusal(const std::string& text) {
  const auto manifest = parse_manifest(text);
  return manifest ? "no error" : manifest.error().message;
}

/// A manifest with these properties and nothing else of interest.
std::string with(const std::string& properties, const std::string& more = "") {
  return R"({"abi": "0.0", "name": "x", "version": "1", "properties": [)" + properties + "]" +
         more + "}";
}

}  // namespace

TEST_CASE("a manifest is read with properties, flags, common properties and examples",
          "[provider][manifest]") {
  const Manifest manifest = dstack::test::demo_manifest();

  CHECK(manifest.name == "demo");
  CHECK(manifest.version == "1.0");
  CHECK(is_supported(manifest));
  CHECK(manifest.properties.size() == 10 + common_properties().size());
  CHECK(manifest.find("script") == manifest.find("file"));
  CHECK(manifest.find("working-dir") == manifest.find("working_dir"));
  CHECK(manifest.find("working-dir")->common);
  CHECK(manifest.find("nothing") == nullptr);
  CHECK(manifest.find("nodes")->default_value == 1);
  CHECK(manifest.find("nodes")->minimum == 1);
  CHECK(manifest.find("requirements")->flag->short_name == "-r");
  CHECK(manifest.find("requirements")->flag->repeat);
  CHECK(manifest.examples == std::vector<std::string>{"dstack run demo x.py"});
}

TEST_CASE("defaults are typed as their property says", "[provider][manifest]") {
  const auto manifest = parse_manifest(with(R"(
      {"name": "a", "type": "size", "default": "1KiB"}, {"name": "b", "type": "texts", "default": ["x", "y"]},
      {"name": "c", "type": "boolean", "default": false}, {"name": "d", "type": "duration", "default": "2s"})"));

  REQUIRE(manifest);
  CHECK(manifest->find("a")->default_value == 1024);
  CHECK(manifest->find("b")->default_value == Json{"x", "y"});
  CHECK(manifest->find("c")->default_value == false);
  CHECK(manifest->find("d")->default_value == 2000);
}

TEST_CASE("every type has one name", "[provider][manifest]") {
  const std::vector<std::pair<std::string, PropertyType>> types = {
      {"text", PropertyType::text},
      {"path", PropertyType::path},
      {"target", PropertyType::target},
      {"folder", PropertyType::folder},
      {"integer", PropertyType::integer},
      {"boolean", PropertyType::boolean},
      {"size", PropertyType::size},
      {"duration", PropertyType::duration},
      {"texts", PropertyType::texts},
      {"paths", PropertyType::paths},
      {"requirements", PropertyType::requirements},
      {"arguments", PropertyType::arguments},
      {"environment", PropertyType::environment},
      {"map", PropertyType::map},
      {"artifacts", PropertyType::artifacts},
      {"resources", PropertyType::resources},
      {"build", PropertyType::build}};
  for (const auto& [name, type] : types) {
    const auto manifest = parse_manifest(with(R"({"name": "a", "type": ")" + name + "\"}"));
    REQUIRE(manifest);
    CHECK(manifest->properties[0].type == type);
  }
}

TEST_CASE("a manifest that is not JSON, not a map, or not UTF-8 is refused with the reason",
          "[provider][manifest]") {
  CHECK(refusal("").find("cannot read its manifest") == 0);
  CHECK(refusal("{\"name\": ").find("cannot read its manifest") == 0);
  CHECK(refusal("[]") == "its manifest is not a map");
  CHECK(refusal("{\"name\": \"\xff\"}") == "its manifest is not UTF-8, at byte 10");
  CHECK(refusal(std::string(200'000, '[')).find("its manifest nests deeper than ") == 0);
}

TEST_CASE("all that is wrong with a manifest is said at once", "[provider][manifest]") {
  CHECK(refusal(R"({"abi": "zero", "name": "a b", "propertys": []})") ==
        "its manifest is invalid: 'name' must be letters, digits, '.', '_' and '-'; the "
        "manifest has "
        "no 'version'; 'abi' "
        "must be the version of the provider interface, such as '0.0'; the manifest has the "
        "unknown member "
        "'propertys', did you mean 'properties'?");
}

TEST_CASE("wrong properties of a manifest are refused by name", "[provider][manifest]") {
  CHECK(refusal(with(R"({"name": "a", "type": "float"})")) ==
        "its manifest is invalid: property 'a' has the unknown type 'float'");
  CHECK(refusal(with(R"({"name": "A", "type": "text"})")) ==
        "its manifest is invalid: 'A' is not a valid property name: use lower case letters, digits "
        "and '_'");
  CHECK(refusal(with(
            R"({"name": "a", "type": "text"}, {"name": "b", "aliases": ["a"], "type": "text"})")) ==
        "its manifest is invalid: the name 'a' is used by another property, or by the host");
  CHECK(refusal(with(R"({"name": "provider", "type": "text"})")).find("or by the host") !=
        std::string::npos);
  CHECK(refusal(with(R"({"name": "env", "type": "text"})", R"(, "common": true)")).find("'env'") !=
        std::string::npos);
  CHECK(refusal(with(R"({"name": "a", "type": "integer", "default": "many"})")) ==
        "its manifest is invalid: the default of 'a' must be a whole number, not 'many'");
  CHECK(refusal(with(R"({"name": "a", "type": "text", "required": true, "default": "x"})")) ==
        "its manifest is invalid: property 'a' is required and has a default");
  CHECK(refusal(with(R"({"name": "a", "type": "text", "minimum": 1})")).find("'minimum'") !=
        std::string::npos);
}

TEST_CASE("wrong flags and positionals of a manifest are refused", "[provider][manifest]") {
  const auto with_flag = [](const std::string& flag) {
    return with(R"({"name": "a", "type": "text", "flag": )" + flag + "}", R"(, "common": true)");
  };
  CHECK(refusal(with_flag(R"({"name": "a", "value": "A"})")) ==
        "its manifest is invalid: the flag of property 'a' must have a 'name' such as "
        "'--requirements'");
  CHECK(refusal(with_flag(R"({"name": "--detach", "value": "A"})")).find("or by the host") !=
        std::string::npos);
  CHECK(refusal(with_flag(R"({"name": "--aa", "short": "-e", "value": "A"})")).find("'-e'") !=
        std::string::npos);
  CHECK(refusal(with_flag(R"({"name": "--gpu", "value": "A"})")).find("'--gpu'") !=
        std::string::npos);
  CHECK(refusal(with(R"({"name": "a", "type": "arguments", "positional": true},
                        {"name": "b", "type": "text", "positional": true})")) ==
        "its manifest is invalid: property 'b' is positional after one that takes the rest");
  CHECK(refusal(with(R"({"name": "a", "type": "resources", "positional": true})"))
            .find("cannot be positional") != std::string::npos);
}

TEST_CASE("of a manifest for another interface only the identity is read", "[provider][manifest]") {
  const auto manifest = parse_manifest(
      R"({"abi": "7.3", "name": "x", "version": "1", "properties": {"new": "form"}})");

  REQUIRE(manifest);
  CHECK(manifest->name == "x");
  CHECK(manifest->abi_major == 7);
  CHECK(manifest->abi_minor == 3);
  CHECK_FALSE(is_supported(*manifest));
}

TEST_CASE("a manifest's own property takes the place of a newer common one, its option alone too",
          "[provider][manifest]") {
  const auto manifest = parse_manifest(with(R"(
      {"name": "inputs", "type": "texts"},
      {"name": "settings", "type": "path", "flag": {"name": "--env-file", "value": "FILE"}})",
                                            R"(, "common": true)"));

  REQUIRE(manifest);
  CHECK(manifest->find("inputs")->type == PropertyType::texts);
  CHECK(manifest->find("settings")->flag);
  REQUIRE(manifest->find("env_file") != nullptr);
  CHECK_FALSE(manifest->find("env_file")->flag);
  CHECK(refusal(with(R"({"name": "timeout", "type": "text"})", R"(, "common": true)"))
            .find("the name 'timeout' is used by another property") != std::string::npos);
}

TEST_CASE("a manifest declares bounds, hints, secrets and properties that exclude each other",
          "[provider][manifest]") {
  const auto manifest = parse_manifest(with(
      R"({"name": "a", "type": "integer", "minimum": 0, "maximum": 9, "hint": "write a digit",
          "suggest_for": ["digit"]},
         {"name": "b", "type": "map", "secret": true}, {"name": "c", "type": "text"})",
      R"(, "one_of": [["b", "c"]])"));
  REQUIRE(manifest);
  CHECK(manifest->find("a")->maximum == 9);
  CHECK(manifest->find("a")->hint == "write a digit");
  CHECK(manifest->find("a")->suggest_for == std::vector<std::string>{"digit"});
  CHECK(manifest->find("b")->secret);
  CHECK_FALSE(manifest->find("c")->secret);
  REQUIRE(manifest->group_of("c") != nullptr);
  CHECK(*manifest->group_of("c") == std::vector<std::string>{"b", "c"});
  CHECK(manifest->group_of("a") == nullptr);
}

TEST_CASE("declarations that cannot be are refused", "[provider][manifest]") {
  const auto group = [](const std::string& one_of) {
    return refusal(with(R"({"name": "a", "type": "text"}, {"name": "b", "type": "text"},
                           {"name": "c", "type": "text", "required": true},
                           {"name": "d", "type": "integer", "default": 1})",
                        ", \"one_of\": " + one_of));
  };
  CHECK(group(R"([["a", "b"]])") == "no error");
  CHECK_THAT(group(R"(["a", "b"])"), Catch::Contains("'one_of' of the manifest"));
  CHECK_THAT(group(R"({})"), Catch::Contains("'one_of' must be a list of lists"));
  CHECK_THAT(group(R"([["a"]])"), Catch::Contains("must have two properties or more"));
  CHECK_THAT(group(R"([["a", "x"]])"), Catch::Contains("names 'x', which is no property"));
  CHECK_THAT(group(R"([["a", "c"]])"), Catch::Contains("names 'c', which is required"));
  CHECK_THAT(group(R"([["a", "d"]])"), Catch::Contains("names 'd', which is required or has"));
  CHECK_THAT(group(R"([["a", "b"], ["b", "a"]])"), Catch::Contains("names 'b' twice"));
  CHECK_THAT(refusal(with(R"({"name": "a", "type": "integer", "secret": true})")),
             Catch::Contains("property 'a' is 'secret', which is for texts"));
  CHECK_THAT(refusal(with(R"({"name": "a", "type": "text", "maximum": 1})")),
             Catch::Contains("has a 'maximum', which must be a whole number"));
  CHECK_THAT(refusal(with(R"({"name": "a", "type": "integer", "minimum": 2, "maximum": 1})")),
             Catch::Contains("has a 'minimum' above its 'maximum'"));
}
