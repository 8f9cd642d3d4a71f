#include "dstack/audit/chain.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::audit;

namespace {

struct Log {
  std::vector<std::string> lines;
  Last last;

  explicit Log(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Entry entry;
      entry.at = *parse_time("2026-11-30T10:00:00Z");
      entry.uid = 1001;
      entry.action = "run";
      entry.facts = {{"run", "quiet-otter-" + std::to_string(i)}};
      lines.push_back(render(entry, last));
      last = last_of(lines.back(), entry.number);
    }
  }

  std::vector<std::string> damage() const {
    std::string text;
    for (const std::string& line : lines)
      text += line + "\n";
    return read_chain(text, last).damage;
  }
};

using Damage = std::vector<std::string>;

}  // namespace

TEST_CASE("a whole log has its entries and no damage") {
  Log log(3);
  std::string text = log.lines[0] + "\n" + log.lines[1] + "\n" + log.lines[2] + "\n";
  const Reading reading = read_chain(text, log.last);
  CHECK(reading.damage.empty());
  REQUIRE(reading.entries.size() == 3);
  CHECK(reading.entries[2].number == 3);
  CHECK(reading.entries[2].uid == 1001);
  CHECK(reading.entries[2].action == "run");
  CHECK(reading.entries[2].facts == Json{{"run", "quiet-otter-2"}});
  CHECK(read_chain("", std::nullopt).damage.empty());
}

TEST_CASE("every kind of damage is found") {
  Log log(4);
  SECTION("an entry is changed") {
    log.lines[1].replace(log.lines[1].find("1001"), 4, "1002");
    CHECK(log.damage() == Damage{"line 2 was changed, or lines before line 3 were removed"});
  }
  SECTION("the last entry is changed") {
    log.lines[3].replace(log.lines[3].find("1001"), 4, "1002");
    CHECK(log.damage() == Damage{"the last entry was changed, or is not the one that was written"});
  }
  SECTION("one is removed from the middle") {
    log.lines.erase(log.lines.begin() + 1);
    CHECK(log.damage() == Damage{"line 1 was changed, or lines before line 2 were removed"});
  }
  SECTION("the first is removed") {
    log.lines.erase(log.lines.begin());
    CHECK(log.damage() == Damage{"entries are missing before line 1"});
  }
  SECTION("the end is cut") {
    log.lines.resize(2);
    CHECK(log.damage() == Damage{"2 entries are missing at its end"});
  }
  SECTION("all is removed") {
    log.lines.clear();
    CHECK(log.damage() == Damage{"4 entries are missing at its end"});
  }
  SECTION("two change places") {
    std::swap(log.lines[1], log.lines[2]);
    CHECK(log.damage().size() == 3);
  }
  SECTION("a line is torn, and others follow") {
    log.lines[3].resize(20);
    Entry entry;
    entry.at = *parse_time("2026-11-30T10:00:00Z");
    entry.action = "remove";
    log.lines.push_back(render(entry, last_of(log.lines[3], 4)));
    log.last = last_of(log.lines.back(), entry.number);
    CHECK(log.damage() == Damage{"line 4 is not an entry", "line 5 has the number 5 instead of 4"});
  }
  SECTION("the file beside it is gone") {
    const std::string text = log.lines[0] + "\n";
    CHECK(read_chain(text, std::nullopt).damage ==
          Damage{"the file that says which entry is the last one is missing"});
  }
}

TEST_CASE("the file beside the log is read strictly") {
  const Last last{7, std::string(64, 'a')};
  CHECK(parse_last(render(last)) == last);
  for (const std::string& text : {std::string(), render(last).substr(1), render(last) + " "})
    CHECK_FALSE(parse_last(text));
}
