// What a manifest becomes in the schema. Whether the schema is right, tests/cli asks a validator.
#include "dstack/provider/discovery/schema.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::provider;

namespace {

/// The members of a workflow of a provider with these properties.
Json members(const std::string& properties) {
  Candidate candidate;
  candidate.name = "x";
  candidate.manifest =
      parse_manifest(R"({"abi": "0.0", "name": "x", "version": "1", "properties": [)" + properties +
                     "]}")
          .value();
  return workflows_schema(Registry({candidate}))["$defs"]["provider-x"]["properties"];
}

}  // namespace

TEST_CASE("a property stands in the schema under all its names", "[provider][schema]") {
  const Json found = members(
      R"({"name": "nproc_per_node", "aliases": ["procs"], "type": "integer", "minimum": 1, "default": 2, "help": "How many"})");
  for (const char* key : {"nproc_per_node", "nproc-per-node"}) {
    CHECK(found[key]["description"] == "How many");
    CHECK(found[key]["default"] == 2);
    CHECK(found[key]["minimum"] == 1);
  }
  CHECK(found["procs"]["description"] == "The same as 'nproc_per_node'");
  CHECK_FALSE(found.contains("other"));
}

TEST_CASE("the only values of a text are offered, and so is a reference", "[provider][schema]") {
  const Json found = members(R"({"name": "kind", "type": "text", "choices": ["one", "two"]})");
  CHECK(found["kind"]["anyOf"][0]["enum"] == Json{"one", "two"});
  CHECK(found["kind"]["anyOf"][1]["type"] == "string");
  CHECK(found["kind"]["anyOf"][2]["type"] == "null");
}

TEST_CASE("a default stands in the schema as it could be written", "[provider][schema]") {
  const Json found = members(
      R"({"name": "a", "type": "duration", "default": "2m"}, {"name": "b", "type": "texts", "default": ["x"]})");
  CHECK(found["a"]["default"] == 120);
  CHECK(found["b"]["default"] == Json::array({"x"}));
}

TEST_CASE("a map of texts may be a list, too", "[provider][schema]") {
  const Json found = members(R"({"name": "headers", "type": "map"})");
  CHECK(found["headers"]["additionalProperties"]["type"] == Json{"string", "number", "boolean"});
  CHECK(found["headers"]["items"]["type"] == "string");
}

TEST_CASE("of properties that exclude each other the schema wants exactly one") {
  Candidate candidate;
  candidate.name = "x";
  candidate.manifest = parse_manifest(R"({"abi": "0.0", "name": "x", "version": "1", "properties": [
        {"name": "image", "type": "text", "aliases": ["img"]}, {"name": "build", "type": "build"}],
        "one_of": [["image", "build"]]})")
                           .value();
  const Json provider = workflows_schema(Registry({candidate}))["$defs"]["provider-x"];
  CHECK(provider["allOf"].back() ==
        Json::parse(R"({"oneOf": [{"anyOf": [{"required": ["image"]}, {"required": ["img"]}]},
                                  {"required": ["build"]}]})"));
  const Json build = provider["properties"]["build"];
  CHECK(build["type"] == Json{"string", "number", "boolean", "object", "null"});
  CHECK(build["properties"].contains("dockerfile"));
  CHECK(build["additionalProperties"] == false);
}

TEST_CASE("providers that were not taken are not in the schema", "[provider][schema]") {
  Candidate candidate;
  candidate.name = "refused";
  candidate.status = CandidateStatus::refused;
  const Json schema = workflows_schema(Registry({candidate}));
  CHECK(schema["$defs"].size() == 1);
  CHECK(schema["$defs"]["workflow"]["properties"]["provider"]["enum"].empty());
}
