#include "dstack/python/requirement_text.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"

using namespace dstack;
using namespace dstack::python;
using namespace std::string_literals;

namespace {

std::string decoded(const std::string& bytes) {
  const auto text = decode_requirements(bytes, "r.txt");
  INFO((text ? "" : render(text.error())));
  REQUIRE(text);
  return *text;
}

std::string utf16(const std::u16string& text, bool big_endian) {
  std::string bytes = big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char16_t unit : text) {
    const char low = static_cast<char>(unit & 0xFF);
    const char high = static_cast<char>(unit >> 8);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  }
  return bytes;
}

}  // namespace

TEST_CASE("a requirements file with a byte order mark is read in the encoding that it names") {
  const std::u16string text = u"six==1.16  # größer \U0001F40D\r\nnumpy\r\n";
  const std::string expected = "six==1.16  # größer \U0001F40D\r\nnumpy\r\n";
  CHECK(decoded(utf16(text, false)) == expected);
  CHECK(decoded(utf16(text, true)) == expected);
  CHECK(decoded("\xEF\xBB\xBF" + expected) == expected);
  CHECK(decoded("\xFF\xFE\0\0s\0\0\0i\0\0\0x\0\0\0"s) == "six");
  CHECK(decoded("\0\0\xFE\xFF\0\0\0s\0\0\0i\0\0\0x"s) == "six");
  CHECK(decoded("\xFF\xFE"s).empty());
}

TEST_CASE("a coding line says how a requirements file is read, and then says what became of it") {
  CHECK(decoded("# -*- coding: latin-1 -*-\nsix # gr\xF6\xDF"
                "er\n") == "# -*- coding: utf-8 -*-\nsix # größer\n");
  CHECK(decoded("# list\n# vim: set fileencoding=cp1252 :\nsix # 5 \x80\n") ==
        "# list\n# vim: set fileencoding=utf-8 :\nsix # 5 €\n");
  CHECK(decoded("# coding: UTF_8\nsix\n") == "# coding: UTF_8\nsix\n");
  // Only in the first two lines, and only in a comment.
  CHECK(decoded("six\n\n# coding: latin-1\n") == "six\n\n# coding: latin-1\n");
  CHECK(decoded("coding: latin-1\nsix\n") == "coding: latin-1\nsix\n");
  // The mark wins, and the text must not claim anything else.
  CHECK(decoded(utf16(u"# coding: latin-1\nö\n", false)) == "# coding: utf-8\nö\n");
}

TEST_CASE("a requirements file that cannot be read says where, and what to do") {
  const auto unknown = decode_requirements("# coding: klingon\nsix\n", "r.txt");
  REQUIRE(!unknown);
  CHECK(unknown.error().message ==
        "requirements file 'r.txt' names the encoding 'klingon', which is not known");
  CHECK(unknown.error().where->render() == "r.txt:1:11");

  const auto bytes = decode_requirements(
      "six\nnumpy # gr\xF6\xDF"
      "er\n",
      "r.txt");
  REQUIRE(!bytes);
  CHECK(bytes.error().message == "requirements file 'r.txt' is not UTF-8");
  CHECK(bytes.error().where->render() == "r.txt:2:11");
  CHECK(bytes.error().hint.find("# -*- coding: latin-1 -*-") != std::string::npos);

  const auto without_mark = decode_requirements("s\0i\0x\0\n\0"s, "r.txt");
  REQUIRE(!without_mark);
  CHECK(without_mark.error().hint ==
        "it looks like UTF-16 without a byte order mark: save it as UTF-8");
  CHECK(!decode_requirements("six\n\0numpy\n"s, "r.txt"));
  const auto half = decode_requirements(
      "\xFF\xFE"
      "s\0i"s,
      "r.txt");
  REQUIRE(!half);
  CHECK(half.error().message == "requirements file 'r.txt' begins as UTF-16, but is not");
}
