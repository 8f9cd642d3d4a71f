#include "ui/transfer.hpp"

#include "support/catch.hpp"

using namespace dstack;
using dstack::ui::Transfer;

namespace {

constexpr std::uint64_t mega = 1'000'000;
constexpr std::uint64_t giga = 1000 * mega;

/// At a number of milliseconds.
Transfer::Time at(int milliseconds) {
  return Transfer::Time(std::chrono::milliseconds(milliseconds));
}

WorkState bytes(std::uint64_t done, std::uint64_t all) {
  return {{0, done}, {1, all}};
}

}  // namespace

TEST_CASE("a transfer has amounts at once, and a rate and time left when they are known") {
  Transfer transfer("saving model");
  transfer.update(bytes(0, 4 * giga), at(0));
  CHECK(transfer.line() == "saving model  0 B of 4.0 GB");
  transfer.update(bytes(100 * mega, 4 * giga), at(200));
  CHECK(transfer.line() == "saving model  100.0 MB of 4.0 GB");
  transfer.update(bytes(1240 * mega, 4 * giga), at(4000));
  CHECK(transfer.line() == "saving model  1.2 GB of 4.0 GB  310 MB/s  9 s left");
  CHECK(transfer.sentence() == "saving model: 1.2 GB of 4.0 GB, 310 MB/s, 9 s left");
}

TEST_CASE("the rate is that of the last seconds") {
  Transfer transfer("saving model");
  for (int second = 0; second <= 10; ++second)
    transfer.update(bytes(static_cast<std::uint64_t>(second) * 100 * mega, 4 * giga),
                    at(second * 1000));
  for (int second = 11; second <= 20; ++second)
    transfer.update(bytes(giga + static_cast<std::uint64_t>(second - 10) * 5 * mega, 4 * giga),
                    at(second * 1000));
  CHECK(transfer.line() == "saving model  1.1 GB of 4.0 GB  5.0 MB/s  9 min 50 s left");
}

TEST_CASE("of many small files their number counts, and the time that they take") {
  Transfer transfer("laying out");
  transfer.update({{0, 0}, {50'000, 50 * mega}}, at(0));
  transfer.update({{10'000, 49 * mega}, {50'000, 50 * mega}}, at(2000));
  CHECK(transfer.line() ==
        "laying out  10000 of 50000 files  49.0 MB of 50.0 MB  24.5 MB/s  8 s left");
}

TEST_CASE("what is read, but not yet safe on the disk, is finishing") {
  Transfer transfer("saving model");
  transfer.update(bytes(0, giga), at(0));
  transfer.update({{1, giga}, {1, giga}}, at(1000));
  CHECK(transfer.line() == "saving model  1.0 GB of 1.0 GB  finishing");
}

TEST_CASE("a transfer that stands still has no time left, and more than all is all") {
  Transfer transfer("saving model");
  transfer.update(bytes(giga, 2 * giga), at(0));
  transfer.update(bytes(giga, 2 * giga), at(1000));
  CHECK(transfer.line() == "saving model  1.0 GB of 2.0 GB  0 B/s");
  transfer.update({{0, 3 * giga}, {2, 2 * giga}}, at(2000));
  CHECK(transfer.line() == "saving model  2.0 GB of 2.0 GB  1.0 GB/s");
}
