#include "dstack/secrets/masker.hpp"

#include "dstack/secrets/encodings.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <random>

using namespace dstack::secrets;

namespace {

std::string mask_whole(const std::vector<std::string>& values, std::string_view text) {
  Masker masker{Needles(values)};
  std::string out(masker.take(text));
  out += masker.finish();
  return out;
}

/// The text in pieces that end at `cuts`.
std::string mask_cut(const std::vector<std::string>& values,
                     std::string_view text,
                     const std::vector<std::size_t>& cuts) {
  Masker masker{Needles(values)};
  std::string out;
  std::size_t done = 0;
  for (const std::size_t cut : cuts) {
    out += masker.take(text.substr(done, cut - done));
    done = cut;
  }
  out += masker.take(text.substr(done));
  out += masker.finish();
  return out;
}

/// What masking means, in the plainest way.
std::string reference(const std::vector<std::string>& values, std::string_view text) {
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  for (const std::string& value : values)
    for (const std::string& form : encodings_of(value))
      for (std::size_t at = text.find(form); at != std::string_view::npos;
           at = text.find(form, at + 1))
        spans.emplace_back(at, at + form.size());
  std::sort(spans.begin(), spans.end());
  std::string out;
  std::size_t done = 0;
  std::size_t end = 0;
  for (const auto& [from, to] : spans) {
    if (from >= end) {
      out.append(text.substr(done, from - done)).append("***");
      end = to;
    }
    end = std::max(end, to);
    done = end;
  }
  return out.append(text.substr(done));
}

bool has(const std::vector<std::string>& forms, const std::string& form) {
  return std::find(forms.begin(), forms.end(), form) != forms.end();
}

}  // namespace

TEST_CASE("the forms of a secret are what the usual tools print") {
  // By base64(1), xxd(1), python3, jq(1), node and bash.
  const std::string value = "p@ss w/ö\"rd'\\1";
  const auto forms = encodings_of(value);
  const std::string form = GENERATE(std::string("p@ss w/ö\"rd'\\1"),
                                    std::string("cEBzcyB3L8O2InJkJ1wx"),
                                    std::string("BAc3Mgdy/DtiJyZCdcM"),  // one byte before
                                    std::string("wQHNzIHcvw7Yi"),        // two bytes before
                                    std::string("cEBzcyB3L8O2InJkJ1wx"),
                                    std::string("7040737320772fc3b6227264275c31"),
                                    std::string("7040737320772FC3B6227264275C31"),
                                    std::string("70:40:73:73:20:77:2f:c3:b6:22:72:64:27:5c:31"),
                                    std::string("p%40ss%20w%2F%C3%B6%22rd%27%5C1"),
                                    std::string("p%40ss%20w/%C3%B6%22rd%27%5C1"),
                                    std::string("p%40ss%20w%2F%C3%B6%22rd'%5C1"),
                                    std::string("p%40ss+w%2F%C3%B6%22rd%27%5C1"),
                                    std::string("p@ss w/ö\\\"rd'\\\\1"),
                                    std::string("p@ss w/\\u00f6\\\"rd'\\\\1"),
                                    std::string("p@ss w\\/\\u00f6\\\"rd'\\\\1"),
                                    std::string("p@ss w/ö\"rd'\\''\\1"),
                                    std::string("p@ss w/ö\"rd'\"'\"'\\1"),
                                    std::string("p@ss\\ w/ö\\\"rd\\'\\\\1"),
                                    std::string("p@ss w/\\303\\266\"rd\\'\\\\1"),
                                    std::string("p@ss w/ö\"rd\\'\\\\1"),
                                    std::string("p@ss w/ö&quot;rd&#39;\\1"));
  INFO(form);
  if (form.starts_with("BAc") || form.starts_with("wQH"))
    CHECK(std::any_of(forms.begin(), forms.end(), [&](const std::string& one) {
      return one.starts_with(form.substr(0, 8));
    }));
  else
    CHECK(has(forms, form));
}

TEST_CASE("a secret is found as Python and bash escape what they must not print as it is") {
  // print(repr(os.environb[…]), ascii(os.environ[…])); printf %q
  const auto [value, form] = GENERATE(table<std::string, std::string>({
      {"pässwört-geheim", "p\\xc3\\xa4ssw\\xc3\\xb6rt-geheim"},
      {"pässwört-geheim", "p\\xe4ssw\\xf6rt-geheim"},
      {"5 € für 'Łódź' 🔑\t", "5 \\u20ac f\\xfcr \\'\\u0141\\xf3d\\u017a\\' \\U0001f511\\t"},
      {"5 € für 'Łódź' 🔑\t", "5 \\u20ac f\\xfcr '\\u0141\\xf3d\\u017a' \\U0001f511\\t"},
      {"tok{en}!with~braces", "tok\\{en\\}\\!with~braces"},
      {"abcdefgh~ij kl", "abcdefgh~ij\\ kl"},
      {"a:~b=~c#d,e%f", "a:\\~b=\\~c#d\\,e%f"},
  }));
  INFO(form);
  CHECK(has(encodings_of(value), form));
  CHECK(mask_whole({value}, "<" + form + ">") == "<***>");
}

TEST_CASE("a long secret is found in the lines that base64, openssl and xxd print") {
  std::string value;
  for (int i = 0; i < 12; ++i)
    value += "part" + std::to_string(i);
  // By base64, base64 -w 64 and xxd -p, without and with a line end behind the value.
  const std::string lines = GENERATE(
      std::string("cGFydDBwYXJ0MXBhcnQycGFydDNwYXJ0NHBhcnQ1cGFydDZwYXJ0N3BhcnQ4cGFydDlwYXJ0MTBw\n"
                  "YXJ0MTE="),
      std::string("cGFydDBwYXJ0MXBhcnQycGFydDNwYXJ0NHBhcnQ1cGFydDZwYXJ0N3BhcnQ4cGFy\n"
                  "dDlwYXJ0MTBwYXJ0MTE="),
      std::string("cGFydDBwYXJ0MXBhcnQycGFydDNwYXJ0NHBhcnQ1cGFydDZwYXJ0N3BhcnQ4cGFy\n"
                  "dDlwYXJ0MTBwYXJ0MTEK"),
      std::string("706172743070617274317061727432706172743370617274347061727435\n"
                  "706172743670617274377061727438706172743970617274313070617274\n"
                  "3131"),
      std::string("706172743070617274317061727432706172743370617274347061727435\n"
                  "706172743670617274377061727438706172743970617274313070617274\n"
                  "31310a"));
  INFO(lines);
  std::string left = mask_whole({value}, lines + "\n");
  std::erase_if(left, [](char c) { return c == '*' || c == '\n'; });
  CHECK((left.empty() || left == "=" || left == "K" || left == "0a"));  // nothing of the value
}

TEST_CASE("a line of a broken encoding is found alone") {
  const std::string value(200, 'x');
  std::string line;
  for (int i = 0; i < 30; ++i)
    line += "78";
  CHECK(mask_whole({value}, "0: " + line + "\n") == "0: ***\n");
}

TEST_CASE("each line of a secret of several is masked, but for those that stand everywhere") {
  const std::string value = "{\n  \"key\": \"0123456789\",\n  \"other\": \"abcdefghij\"\n}\n";
  CHECK(mask_whole({value}, "{ }\r\n  \"key\": \"0123456789\",\r\nend\n") ==
        "{ }\r\n  ***\r\nend\n");
}

TEST_CASE("what is shorter than eight bytes is not looked for") {
  CHECK(encodings_of("1234567").empty());
  CHECK(Needles({"1234567", ""}).empty());
  CHECK(mask_whole({"1234567"}, "1234567") == "1234567");
  CHECK(mask_whole({"12345678"}, "a12345678b") == "a***b");
}

TEST_CASE("secrets that overlap leave nothing of either") {
  CHECK(mask_whole({"abcdefgh", "efghijkl"}, "xabcdefghijkly") == "x***y");
  CHECK(mask_whole({"abcdefgh", "abcdefghijkl"}, "abcdefghijkl abcdefghi") == "*** ***i");
  CHECK(mask_whole({"abcdefgh"}, "abcdefghabcdefgh") == "******");
  CHECK(mask_whole({"aaaaaaaa"}, std::string(1000, 'a')) == "***");
}

TEST_CASE("what only begins like a secret is held back no longer than it does") {
  Masker masker{Needles({"hunter2hunter2"})};
  CHECK(masker.take("login: hunter") == "login: ");
  CHECK(masker.take("s welcome\n") == "hunters welcome\n");
  CHECK(masker.take("hunter2hun") == "");
  CHECK(masker.take("ter2!\n") == "***!\n");
  CHECK(masker.take("a hunter2") == "a ");
  CHECK(masker.finish() == "hunter2");
  CHECK(masker.finish() == "");
}

TEST_CASE("every form of a secret is masked wherever the stream is cut") {
  const std::vector<std::string> values = {"s3cr3t/ö\"'\\ value", "line one is\nline two is"};
  for (const std::string& value : values)
    for (const std::string& form : encodings_of(value)) {
      const std::string text = "begin " + form + " end\n";
      const std::string expected = reference(values, text);
      INFO(form);
      REQUIRE(expected.find("***") != std::string::npos);
      REQUIRE(mask_whole(values, text) == expected);
      for (std::size_t cut = 0; cut <= text.size(); ++cut)
        REQUIRE(mask_cut(values, text, {cut}) == expected);
      std::vector<std::size_t> everywhere;
      for (std::size_t cut = 1; cut < text.size(); ++cut)
        everywhere.push_back(cut);
      REQUIRE(mask_cut(values, text, everywhere) == expected);
    }
}

TEST_CASE("a masked stream is the masked text, for random secrets, texts and cuts") {
  std::mt19937 random(20261124);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  // Few letters, so that beginnings, overlaps and repetitions are frequent.
  const auto word = [&](std::size_t size) {
    std::string text;
    while (text.size() < size)
      text += static_cast<char>('a' + below(2));
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i <= below(4); ++i)
      values.push_back(word(8 + below(6)));
    std::string text;
    while (text.size() < 200)
      text += below(3) == 0 ? values[below(values.size())] : word(1 + below(9));
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < text.size(); at += 1 + below(1 + below(40)))
      cuts.push_back(at);
    INFO(text);
    REQUIRE(mask_cut(values, text, cuts) == reference(values, text));
  }
}

TEST_CASE("many secrets at once are each found, and nothing else") {
  std::mt19937 random(7);
  std::vector<std::string> values;
  for (int i = 0; i < 200; ++i) {
    std::string value;
    for (int n = 0; n < 24; ++n)
      value += static_cast<char>('!' + random() % 90);
    values.push_back(value);
  }
  const Needles needles(values);
  std::string noise;
  while (noise.size() < 1'000'000)
    noise += static_cast<char>(' ' + random() % 90);
  CHECK(needles.find(noise).empty());
  for (const std::string& value : values)
    CHECK(needles.masked("<" + value + ">") == "<***>");
}

TEST_CASE("the values that stand in a text are reported, also when two are the same") {
  const Needles needles({"first-value", "second-value", "first-value", "a value/of three"});
  using Values = std::vector<std::size_t>;
  CHECK(needles.find_values("nothing of a value") == Values{});
  CHECK(needles.find_values("..second-value..") == Values{1});
  CHECK(needles.find_values("second-value, first-value") == Values{0, 1, 2});
  CHECK(needles.find_values("a%20value%2Fof%20three") == Values{3});
  CHECK(needles.masked("first-value") == "***");
}

TEST_CASE("ten thousand secrets are each found, among bytes like their own") {
  std::mt19937 random(11);
  std::vector<std::string> values;
  const auto text = [&](int size) {
    std::string out;
    for (int i = 0; i < size; ++i)
      out += "0123456789abcdef"[random() % 16];
    return out;
  };
  for (int i = 0; i < 10'000; ++i)
    values.push_back(text(24));
  const Needles needles(values);
  for (std::size_t i = 0; i < values.size(); i += 7) {
    const auto found = needles.find_values(text(100) + values[i] + text(100));
    REQUIRE(found == std::vector<std::size_t>{i});
  }
}
