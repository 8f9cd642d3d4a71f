#include "dstack/base/quantity.hpp"

#include "support/catch.hpp"

using namespace dstack;
using std::chrono::seconds;

TEST_CASE("sizes are read in decimal and binary units, in any case, with or without a space") {
  CHECK(parse_size("16GB") == 16'000'000'000u);
  CHECK(parse_size("16 gb") == 16'000'000'000u);
  CHECK(parse_size("2Gi") == 2ull << 30);
  CHECK(parse_size("2GiB") == 2ull << 30);
  CHECK(parse_size("512M") == 512'000'000u);
  CHECK(parse_size("1024") == 1024u);
}

TEST_CASE("texts that are not sizes are refused") {
  for (const char* text : {"",
                           "GB",
                           "1.5GB",
                           "-1GB",
                           "1 XB",
                           "1GBB",
                           "1 G B",
                           "99999999999999999999",
                           "99999999999TB"})
    CHECK_FALSE(parse_size(text).has_value());
}

TEST_CASE("durations are seconds, or numbers with units in falling order") {
  CHECK(parse_duration("90") == seconds(90));
  CHECK(parse_duration("90s") == seconds(90));
  CHECK(parse_duration("5m") == seconds(300));
  CHECK(parse_duration("1h30m") == seconds(5400));
  CHECK(parse_duration("2d") == seconds(172800));
  for (const char* text : {"", "s", "30m1h", "1h1h", "1x", "5m3", "-1s", "999999999d"})
    CHECK_FALSE(parse_duration(text).has_value());
}

TEST_CASE("durations are shown as short as they can be") {
  CHECK(render_duration(std::chrono::milliseconds(3240)) == "3.2s");
  CHECK(render_duration(seconds(76)) == "1m16s");
  CHECK(render_duration(seconds(7380)) == "2h03m");
}

TEST_CASE("sizes are shown in decimal units") {
  CHECK(render_size(0) == "0 B");
  CHECK(render_size(999) == "999 B");
  CHECK(render_size(1'234'567) == "1.2 MB");
  CHECK(render_size(999'999) == "1.0 MB");
}

TEST_CASE("a size without a unit is asked about where one was forgotten") {
  CHECK(hint_of_forgotten_unit("16").ends_with("did you mean 16GB?"));
  CHECK(hint_of_forgotten_unit("512").ends_with("did you mean 512MB?"));
  CHECK(hint_of_forgotten_unit("100000").empty());
  CHECK(hint_of_forgotten_unit("1KB").empty());
}
