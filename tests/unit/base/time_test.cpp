#include "dstack/base/time.hpp"

#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("a time survives rendering and parsing") {
  const Timestamp time(std::chrono::milliseconds(1'795'478'399'123));
  CHECK(parse_time(render_time(time)) == time);
}

TEST_CASE("times are read in the forms of ISO 8601 that people write") {
  CHECK(render_time(*parse_time("2026-11-24T00:14:39Z")) == "2026-11-24T00:14:39.000Z");
  CHECK(render_time(*parse_time("2026-11-24 02:14:39.5+02:00")) == "2026-11-24T00:14:39.500Z");
  CHECK(parse_time("2026-11-24").has_value());
  for (const char* text :
       {"", "yesterday", "2026-13-01", "2026-11-24T25:00Z", "2026-11-24T00:00Zx"})
    CHECK_FALSE(parse_time(text).has_value());
}

TEST_CASE("ages are shown in the largest whole unit") {
  const Timestamp then(std::chrono::seconds(1'000'000));
  const auto age = [&](long long seconds) {
    return render_age(then, then + std::chrono::seconds(seconds));
  };
  CHECK(age(3) == "now");
  CHECK(age(42) == "42 sec ago");
  CHECK(age(61) == "1 min ago");
  CHECK(age(7200) == "2 hours ago");
  CHECK(age(90000) == "yesterday");
}
