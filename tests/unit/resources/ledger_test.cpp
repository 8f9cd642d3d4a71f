#include "dstack/resources/ledger.hpp"

#include "dstack/base/json_fields.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace dstack;
using namespace dstack::resources;

namespace {

constexpr std::uint64_t gigabyte = 1'000'000'000;

/// A ledger in which requests arrive one by one.
struct Desk {
  Ledger ledger;
  Capacity capacity;

  std::uint64_t arrive(Demand demand) {
    Entry entry;
    entry.number = ledger.entries.empty() ? 1 : ledger.entries.back().number + 1;
    entry.run = "run-" + std::to_string(entry.number);
    entry.workflow = "train";
    entry.demand = std::move(demand);
    ledger.entries.push_back(entry);
    return entry.number;
  }

  Entry& at(std::uint64_t number) {
    return *std::find_if(ledger.entries.begin(), ledger.entries.end(), [&](const Entry& entry) {
      return entry.number == number;
    });
  }

  bool try_grant(std::uint64_t number) {
    at(number).granted = find_grant(ledger, number, capacity);
    return at(number).granted.has_value();
  }

  void leave(std::uint64_t number) {
    std::erase_if(ledger.entries, [&](const Entry& entry) { return entry.number == number; });
  }
};

Demand cpus(std::uint64_t count) {
  return {count, 0, {}};
}

Demand gpus(std::uint32_t count, std::vector<std::string> among) {
  return {0, 0, {{count, std::move(among)}}};
}

/// Nothing is granted twice, and every granted request has what it asked for.
void check_sums(const Desk& desk) {
  Capacity sum;
  std::set<std::string> seen;
  for (const Entry& entry : desk.ledger.entries) {
    if (!entry.granted)
      continue;
    sum.cpu += entry.demand.cpu;
    sum.memory += entry.demand.memory;
    REQUIRE(entry.granted->size() == entry.demand.gpus.size());
    for (std::size_t request = 0; request < entry.granted->size(); ++request) {
      const auto& got = (*entry.granted)[request];
      const auto& among = entry.demand.gpus[request].among;
      REQUIRE(got.size() == entry.demand.gpus[request].count);
      for (const std::string& gpu : got) {
        REQUIRE(std::find(among.begin(), among.end(), gpu) != among.end());
        REQUIRE(seen.insert(gpu).second);
      }
    }
  }
  REQUIRE(sum.cpu <= desk.capacity.cpu);
  REQUIRE(sum.memory <= desk.capacity.memory);
}

/// Without the earlier entries, each waiting one could be granted at once: no later one blocks it.
void check_order(const Desk& desk) {
  for (const Entry& waiting : desk.ledger.entries) {
    if (waiting.granted)
      continue;
    Ledger without = desk.ledger;
    std::erase_if(without.entries, [&](const Entry& e) { return e.number < waiting.number; });
    REQUIRE(find_grant(without, waiting.number, desk.capacity).has_value());
  }
}

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  /// One that the machine can grant.
  Demand demand(const Capacity& capacity, const std::vector<std::string>& all) {
    Demand demand;
    if (below(3) > 0)
      demand.cpu = below(capacity.cpu + 1);
    if (below(3) == 0)
      demand.memory = below(capacity.memory + 1);
    std::vector<std::string> left = all;
    std::shuffle(left.begin(), left.end(), random_);
    for (std::size_t requests = below(3); requests > 0 && !left.empty(); --requests) {
      // Among GPUs of this request alone, so that all requests can be granted together.
      const std::size_t own = 1 + below(left.size());
      GpuRequest request{static_cast<std::uint32_t>(1 + below(own)),
                         {left.end() - static_cast<long>(own), left.end()}};
      left.resize(left.size() - own);
      demand.gpus.push_back(std::move(request));
    }
    return demand;
  }

  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("a request is granted what is free, and waits for what is not") {
  Desk desk{{}, {4, 16 * gigabyte}};
  CHECK(desk.try_grant(desk.arrive(cpus(3))));
  const auto second = desk.arrive(cpus(2));
  CHECK_FALSE(desk.try_grant(second));
  CHECK(explain_wait(desk.ledger, second, desk.capacity) == "needs 2 CPUs, 1 of 4 free");
  desk.leave(1);
  CHECK(desk.try_grant(second));
}

TEST_CASE("a small request does not starve a large one that came first") {
  Desk desk{{}, {4, 16 * gigabyte}};
  CHECK(desk.try_grant(desk.arrive(cpus(2))));
  const auto large = desk.arrive(cpus(4));
  const auto small = desk.arrive(cpus(1));
  CHECK_FALSE(desk.try_grant(large));
  CHECK_FALSE(desk.try_grant(small));
  CHECK(explain_wait(desk.ledger, small, desk.capacity) == "waits behind 'train' of run 'run-2'");
  desk.leave(1);
  CHECK_FALSE(desk.try_grant(small));
  CHECK(desk.try_grant(large));
}

TEST_CASE("a request passes those from which it takes nothing") {
  Desk desk{{}, {4, 16 * gigabyte}};
  CHECK(desk.try_grant(desk.arrive(gpus(1, {"a"}))));
  Demand both = gpus(1, {"a"});
  both.cpu = 1;
  const auto waiting = desk.arrive(both);
  CHECK_FALSE(desk.try_grant(waiting));
  CHECK(explain_wait(desk.ledger, waiting, desk.capacity) == "needs 1 GPU, 0 of 1 free");
  const auto too_many = desk.arrive(cpus(4));
  CHECK_FALSE(desk.try_grant(too_many));
  desk.leave(too_many);
  CHECK(desk.try_grant(desk.arrive(cpus(3))));
}

TEST_CASE("a GPU is granted to one at a time, and to the request that it fits best") {
  Desk desk{{}, {4, 0}};
  const auto any = desk.arrive(gpus(1, {"small", "large"}));
  const auto large = desk.arrive(gpus(1, {"large"}));
  CHECK(desk.try_grant(large));
  CHECK(desk.at(large).granted == GrantedGpus{{"large"}});
  CHECK(desk.try_grant(any));
  CHECK(desk.at(any).granted == GrantedGpus{{"small"}});
  const auto none = desk.arrive(gpus(1, {"large", "small"}));
  CHECK_FALSE(desk.try_grant(none));
  CHECK(explain_wait(desk.ledger, none, desk.capacity) == "needs 1 GPU, 0 of 2 free");
}

TEST_CASE("jobs that start together get all or nothing") {
  Desk desk{{}, {4, 0}};
  Demand gang;
  gang.gpus = {{1, {"a", "b"}}, {1, {"a", "b"}}};
  const auto one = desk.arrive(gpus(1, {"a", "b"}));
  CHECK(desk.try_grant(one));
  const auto two = desk.arrive(gang);
  CHECK_FALSE(desk.try_grant(two));
  CHECK(explain_wait(desk.ledger, two, desk.capacity) == "needs 2 GPUs, 1 of 2 free");
  desk.leave(one);
  CHECK(desk.try_grant(two));
  CHECK(desk.at(two).granted->at(0) != desk.at(two).granted->at(1));
}

TEST_CASE("several shortages are all named") {
  Desk desk{{}, {2, 8 * gigabyte}};
  CHECK(desk.try_grant(desk.arrive({2, 5 * gigabyte, {}})));
  const auto second = desk.arrive({1, 4 * gigabyte, {}});
  CHECK_FALSE(desk.try_grant(second));
  CHECK(explain_wait(desk.ledger, second, desk.capacity) ==
        "needs 1 CPU, 0 of 2 free; 4.0 GB of memory, 3.0 GB of 8.0 GB free");
}

TEST_CASE("a ledger is read as it was written, and an unreadable one is empty") {
  Desk desk{{}, {4, 16 * gigabyte}};
  desk.try_grant(desk.arrive({1, 2, {{1, {"GPU-1", "GPU-2"}}}}));
  desk.try_grant(desk.arrive(gpus(2, {"GPU-1", "GPU-2"})));
  const auto read = Json(desk.ledger).get<Ledger>();
  CHECK(read.entries == desk.ledger.entries);
  CHECK_FALSE(
      from_json_value<Ledger>(Json::parse(R"({"entries": [{"number": "x"}]})"), "the ledger"));
}

TEST_CASE(
    "thousands of requests, kills and ends: nothing is granted twice, nobody is starved or "
    "forgotten") {
  const unsigned seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u);
  CAPTURE(seed);
  Chance chance(seed);
  Desk desk{{}, {1 + chance.below(16), (1 + chance.below(64)) * gigabyte}};
  std::vector<std::string> all;
  for (std::size_t gpu = chance.below(7); gpu > 0; --gpu)
    all.push_back("gpu-" + std::to_string(gpu));

  std::size_t granted = 0;
  std::size_t arrived = 0;
  // They retry in any order.
  const auto wake_all = [&] {
    std::vector<std::uint64_t> waiting;
    for (const Entry& entry : desk.ledger.entries)
      if (!entry.granted)
        waiting.push_back(entry.number);
    std::shuffle(waiting.begin(), waiting.end(), chance.random());
    for (const std::uint64_t number : waiting)
      granted += desk.try_grant(number) ? 1u : 0u;
  };
  for (std::size_t step = 0; step < 2000; ++step) {
    auto& entries = desk.ledger.entries;
    if (entries.size() < 12 && chance.below(2) == 0) {
      desk.arrive(chance.demand(desk.capacity, all));
      ++arrived;
      granted += desk.try_grant(entries.back().number) ? 1u : 0u;
    } else if (!entries.empty()) {
      desk.leave(entries[chance.below(entries.size())].number);  // ended, or killed while it waits
      wake_all();
    }
    check_sums(desk);
    check_order(desk);
  }
  // In the end all that still waits is served, when those who have it end.
  while (!desk.ledger.entries.empty()) {
    const auto holder = std::find_if(desk.ledger.entries.begin(),
                                     desk.ledger.entries.end(),
                                     [](const Entry& entry) { return entry.granted.has_value(); });
    REQUIRE(holder != desk.ledger.entries.end());
    desk.leave(holder->number);
    wake_all();
    check_sums(desk);
  }
  CHECK(arrived > 500);
  CHECK(granted > 300);
}
