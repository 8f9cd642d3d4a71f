// What of a secret is looked for besides the whole: without blanks around it, the fields of JSON,
// the lines of a key.
#include "dstack/base/json.hpp"
#include "dstack/secrets/encodings.hpp"
#include "dstack/secrets/masker.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::secrets;

namespace {

std::string masked(const std::string& value, const std::string& text) {
  return Needles({value}).masked(text);
}

const std::string line_1 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj";
const std::string line_2 = "AgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4Mha";
const std::string key =
    "-----BEGIN PRIVATE KEY-----\n" + line_1 + "\n" + line_2 + "\n-----END PRIVATE KEY-----\n";

/// As a cloud hands out the key of an account.
std::string account(int indentation) {
  const Json json = {{"type", "service_account"},
                     {"project_id", "demo"},
                     {"private_key_id", "0123456789abcdef"},
                     {"private_key", key},
                     {"client_email", "robot@demo.example"}};
  return json.dump(indentation);
}

}  // namespace

TEST_CASE("a secret is found without the blanks around it, too") {
  const auto value =
      GENERATE(as<std::string>(), "hush-hush-1  ", "\thush-hush-1", " hush-hush-1\r\n\n");
  CHECK(masked(value, "<hush-hush-1>") == "<***>");
  CHECK(masked(value, "<" + value + ">") == "<***>");
  CHECK(masked(value, "aHVzaC1odXNoLTE=") == "***=");
  CHECK(masked(value, "687573682d687573682d31") == "***");
}

TEST_CASE("what is left of a secret without its blanks must not be short either") {
  CHECK(masked("  1234567  ", "1234567") == "1234567");
  CHECK(masked("  1234567  ", "<  1234567  >") == "<***>");
}

TEST_CASE("a secret is found as a shell writes it without quotes") {
  CHECK(masked("ab  cd\tef\ngh ", "ab cd ef gh") == "***");
}

TEST_CASE("the strings of a secret that is JSON are masked, at any depth, and nothing else of it") {
  const std::string value =
      R"({"user-name": "ada", "password": "hush-hush-1", "port": 12345678, "deep-list":
          [{"token": "hush\/hush\u002d2"}, ["hush-hush-3"]], "short": "1234567"})";
  CHECK(masked(value, "hush-hush-1 hush/hush-2 hush-hush-3") == "*** *** ***");
  CHECK(masked(value, "aHVzaC1odXNoLTE=") == "***=");
  const std::string other = "user-name ada password 12345678 deep-list 1234567";
  CHECK(masked(value, other) == other);
  CHECK(masked(" \n" + value + "\n", "hush-hush-3") == "***");
  CHECK(masked(R"(["hush-hush-1", "hush-hush-2"])", "hush-hush-2") == "***");
  CHECK(masked("\xEF\xBB\xBF" + value, "hush-hush-3") == "***");
}

TEST_CASE("JSON within a string of JSON is looked into") {
  const Json inner = {{"token", "hush-hush-1"}};
  const Json outer = {{"config", inner.dump()}};
  CHECK(masked(outer.dump(), "token is hush-hush-1") == "token is ***");
}

TEST_CASE("what only looks like JSON is a text like any other") {
  CHECK(masked("{hush-hush", "hush-hush {hush-hush") == "hush-hush ***");
  CHECK(masked(std::string(60'000, '['), "[[[") == "[[[");
}

TEST_CASE("both forms of a private key in JSON are masked, and each line of it") {
  const std::string value = account(GENERATE(-1, 2));
  CHECK(masked(value, key) == "***");
  for (const std::string& line : {line_1, line_2, std::string("-----BEGIN PRIVATE KEY-----")})
    CHECK(masked(value, "> " + line + "\r\n") == "> ***\r\n");
  const std::string escaped = Json(key).dump();
  CHECK(masked(value, escaped) == "\"***\"");
  CHECK(masked(value, "robot@demo.example 0123456789abcdef") == "*** ***");
  CHECK(masked(value, "demo") == "demo");
}

TEST_CASE("a key in a variable, with backslashes for its line ends, is masked in both forms") {
  std::string value = Json(key).dump();
  value = value.substr(1, value.size() - 2);
  CHECK(masked(value, value) == "***");
  CHECK(masked(value, key) == "***");
  CHECK(masked(value, line_2) == "***");
  const Json twice = {{"private_key", value}};
  CHECK(masked(twice.dump(), key) == "***");
}

TEST_CASE("the largest secret of JSON takes no unreasonable number of forms") {
  Json list = Json::array();
  for (int i = 0; i < 5000; ++i)
    list.push_back("value" + std::to_string(10000 + i));
  CHECK(masked(list.dump(), "value12345") == "***");
}

TEST_CASE("a value whose words the trace of a shell quotes one by one is masked as a whole") {
  const auto forms = [](std::string_view value) {
    const auto all = encodings_of(value);
    return std::set<std::string>(all.begin(), all.end());
  };
  CHECK(forms("correct $horse battery99").contains("correct '$horse' battery99"));
  CHECK(forms("tr0ub4dor & three's pass").contains("tr0ub4dor '&' 'three'\\''s' pass"));
  CHECK(forms(R"({"password":"correct horse battery99"})")
            .contains(R"('{"password":"correct' horse 'battery99"}')"));
  CHECK(forms("~home a=~b #c").contains("'~home' 'a=~b' '#c'"));
}
