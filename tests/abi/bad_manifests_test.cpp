// What a library may declare about itself that cannot be: refused with the reason, and never run.
#include "bad.hpp"
#include "support/catch.hpp"

using namespace dstack;
using dstack::test::bad;
using dstack::test::Sandbox;

namespace {

const std::string begin = "{\"abi\": \"0.0\",";

/// A good library, with another text where its manifest was.
std::string with_manifest(std::string manifest) {
  std::string library = read_file(bad("good")).value();
  const std::size_t at = library.find(begin);
  const std::size_t end = library.find_first_not_of(' ', library.find("]\n}", at) + 3);
  REQUIRE(at != std::string::npos);
  REQUIRE(manifest.size() <= end - at);
  manifest.resize(end - at, ' ');
  return library.replace(at, manifest.size(), manifest);
}

std::string with_properties(const std::string& properties) {
  return with_manifest(begin + R"("name": "x", "version": "1", "common": true, "properties": [)" +
                       properties + "]}");
}

const std::string fix = "; fix its manifest.json and build it again";

/// The reason for which the only library of a home is refused, without that next step; empty when
/// it is not refused.
std::string reason(const std::string& library) {
  const Sandbox box;
  REQUIRE(make_folders(box.home() / "plugins"));
  REQUIRE(write_file_atomically(box.home() / "plugins" / "x.so", library, Durable::no));
  for (const Json& candidate : box.json({"providers", "list", "--json"}))
    if (candidate["source"] == "home") {
      CHECK(candidate["status"] == (candidate["reason"].is_null() ? "ok" : "refused"));
      const std::string reason = json_string(candidate, "reason");
      CHECK((reason.empty() || reason.find("; ") != std::string::npos));
      return reason.ends_with(fix) ? reason.substr(0, reason.size() - fix.size()) : reason;
    }
  return "no candidate";
}

std::string property(const std::string& members) {
  return reason(with_properties("{\"name\": \"what\", \"type\": \"text\"" + members + "}"));
}

}  // namespace

TEST_CASE("malformed manifests are refused with the reason", "[abi][third-party]") {
  CHECK(reason(with_manifest(begin + R"("name": "x", "version": "1"})")).empty());
  CHECK(reason(with_manifest("")).find("cannot read its manifest: ") == 0);
  CHECK(reason(with_manifest(begin + R"("name": "x", "vers)")).find("cannot read its manifest: ") ==
        0);
  CHECK(reason(with_manifest("[]")) == "its manifest is not a map");
  CHECK(reason(with_manifest(begin + "\"name\": \"\xff\"}")) ==
        "its manifest is not UTF-8, at byte 23");
  CHECK(reason(with_manifest(begin + R"("name": "x", "version": "1", "name": "y"})")) ==
        "its manifest has the member 'name' twice");
  CHECK(reason(with_properties(R"({"name": "a", "type": "texts", "default": )" +
                               std::string(5'000, '[') + std::string(5'000, ']') + "}")) ==
        "its manifest nests deeper than 32 levels");
  CHECK(reason(with_manifest(begin + R"("name": "x", "version": "1"} {"name": "y"})")) ==
        "it contains more than one manifest; use DSTACK_MANIFEST() in one source only, and not "
        "together with dstack_add_provider()");
  CHECK(reason(read_file(bad("two_manifests")).value())
            .find("it contains more than one manifest; ") == 0);
}

TEST_CASE("a manifest of another interface is refused under its name", "[abi][third-party]") {
  const std::string text = R"("name": "x", "version": "1", "something": "of later"})";
  for (const std::string abi : {"0.1", "1.0", "7.3"})
    CHECK(
        reason(with_manifest("{\"abi\": \"" + abi + "\", " + text)) ==
        "it is built for version " + abi +
            " of the provider interface, this dstack supports 0.0; rebuild it with the SDK of this "
            "dstack");
  for (const std::string abi : {"", "0", "x.y", "-1.0", "0.0.0", "99999999999.0"})
    CHECK(reason(with_manifest("{\"abi\": \"" + abi + "\", " + text))
              .find("'abi' must be the version of the provider interface, such as '0.0'") !=
          std::string::npos);
}

TEST_CASE("names that are taken or cannot be are refused", "[abi][third-party]") {
  const std::string wrong = "its manifest is invalid: ";
  CHECK(reason(with_manifest(begin + R"("name": "a b", "version": "1"})")) ==
        wrong + "'name' must be letters, digits, '.', '_' and '-'");
  CHECK(reason(with_manifest(begin + R"("name": "x"})")) ==
        wrong + "the manifest has no 'version'");
  for (const std::string name :
       {"name", "provider", "help", "depends_on", "deps", "artifacts", "env"})
    CHECK(reason(with_properties("{\"name\": \"" + name + "\", \"type\": \"text\"}")) ==
          wrong + "the name '" + name + "' is used by another property, or by the host");
  CHECK(property(R"(, "aliases": ["provider"])") ==
        wrong + "the name 'provider' is used by another property, or by the host");
  CHECK(property(R"(, "typ": "text")") ==
        wrong + "property 'what' has the unknown member 'typ', did you mean 'type'?");
  CHECK(reason(with_properties(R"({"name": "a", "type": "txt"})")) ==
        wrong + "property 'a' has the unknown type 'txt'");
  CHECK(reason(with_properties(R"({"name": "Upper", "type": "text"})"))
            .find("'Upper' is not a valid property name") != std::string::npos);
}

TEST_CASE("options that are the host's, or taken twice, are refused", "[abi][third-party]") {
  const std::string wrong = "its manifest is invalid: ";
  const auto flag = [](const std::string& name, const std::string& more = "") {
    return R"(, "flag": {"name": ")" + name + R"(", "value": "X")" + more + "}";
  };
  CHECK(property(flag("--what")).empty());
  for (const std::string name :
       {"--detach", "--tag", "--help", "--provider-path", "--gpu", "--env"})
    CHECK(property(flag(name)) ==
          wrong + "the option '" + name + "' is used by another property, or by the host");
  CHECK(property(flag("--what", R"(, "short": "-t")")) ==
        wrong + "the option '-t' is used by another property, or by the host");
  CHECK(reason(with_properties(R"({"name": "a", "type": "text")" + flag("--xx") +
                               R"(}, {"name": "b", "type": "text")" + flag("--xx") + "}")) ==
        wrong + "the option '--xx' is used by another property, or by the host");
  CHECK(property(flag("what")) ==
        wrong + "the flag of property 'what' must have a 'name' such as '--requirements'");
}

TEST_CASE("values that do not fit their property are refused", "[abi][third-party]") {
  CHECK(reason(with_properties(R"({"name": "a", "type": "integer", "default": "many"})"))
            .find("its manifest is invalid: the default of ") == 0);
  CHECK(property(R"(, "required": true, "default": "x")") ==
        "its manifest is invalid: property 'what' is required and has a default");
  CHECK(reason(with_properties(R"({"name": "a", "type": "texts", "positional": true},)"
                               R"({"name": "b", "type": "text", "positional": true})")) ==
        "its manifest is invalid: property 'b' is positional after one that takes the rest");
}

TEST_CASE("files that are not whole libraries are refused with the reason", "[abi][third-party]") {
  const std::string whole = read_file(bad("good")).value();
  CHECK(reason("") == "it is not a shared library; remove it, or move it to another folder");
  CHECK(reason("#!/bin/sh\n") == reason(""));
  CHECK(reason(whole.substr(0, whole.size() / 2)) ==
        "it is truncated or damaged; install it again");
  CHECK(reason(read_file("/bin/true").value()).find("it has no provider manifest") == 0);
}
