#include "dstack/metrics/crc32c.hpp"
#include "dstack/metrics/point_file.hpp"
#include "dstack/metrics/point_writer.hpp"
#include "dstack/metrics/summary.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <limits>

using namespace dstack;
using namespace dstack::metrics;

namespace {

TemporaryFolder scratch() {
  return *TemporaryFolder::make(fs::temp_directory_path(), "dstack-metrics-");
}

Point point(std::string name, std::int64_t step, double value, std::int64_t time = 1000) {
  return {std::move(name), {step, Timestamp(std::chrono::milliseconds(time)), value, 1}};
}

PointWriter writer_in(const Path& folder, std::uint32_t attempt = 1) {
  auto writer = PointWriter::open(folder, attempt);
  REQUIRE(writer);
  return *std::move(writer);
}

std::vector<Sample> read(const Path& folder,
                         const std::string& name,
                         Attempts attempts = Attempts::winning) {
  const auto file = PointFile::open(folder);
  REQUIRE(file);
  return file->read(name, attempts);
}

std::vector<double> values(const std::vector<Sample>& samples) {
  std::vector<double> result;
  for (const Sample& sample : samples)
    result.push_back(sample.value);
  return result;
}

MetricSummary summary_of(const Path& folder, const std::string& name) {
  const auto all = read_summary(folder);
  REQUIRE(all);
  for (const MetricSummary& metric : *all)
    if (metric.name == name)
      return metric;
  FAIL("no metric " << name);
  return {};
}

}  // namespace

TEST_CASE("CRC-32C is that of RFC 3720") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
}

TEST_CASE("points are read as they were reported") {
  const TemporaryFolder folder = scratch();
  PointWriter writer = writer_in(folder.path());
  const double tenth = 0.1;
  REQUIRE(writer.append({point("loss", 1, tenth, 5000),
                         point("val.acc", 1, 0.5, 5000),
                         point("loss", 2, -3e300, 7000)}));
  REQUIRE(writer.append({point("loss", std::numeric_limits<std::int64_t>::max(), 7, 6000)}));
  REQUIRE(writer.append({point("loss", std::numeric_limits<std::int64_t>::min(), 8, 6001)}));
  const auto loss = read(folder.path(), "loss");
  REQUIRE(loss.size() == 4);
  CHECK(loss[0] == Sample{1, Timestamp(std::chrono::milliseconds(5000)), tenth, 1});
  CHECK(loss[1] == Sample{2, Timestamp(std::chrono::milliseconds(7000)), -3e300, 1});
  CHECK(loss[2].step == std::numeric_limits<std::int64_t>::max());
  CHECK(loss[3].step == std::numeric_limits<std::int64_t>::min());
  CHECK(loss[3].time == Timestamp(std::chrono::milliseconds(6001)));
  CHECK(values(read(folder.path(), "val.acc")) == std::vector<double>{0.5});
  CHECK(read(folder.path(), "other").empty());
}

TEST_CASE("a job that reported nothing has no metrics") {
  const TemporaryFolder folder = scratch();
  CHECK(PointFile::open(folder.path())->names().empty());
  CHECK(read_summary(folder.path())->empty());
  CHECK(read_summary(folder.path() / "missing")->empty());
}

TEST_CASE("a point takes about ten bytes") {
  const TemporaryFolder folder = scratch();
  PointWriter writer = writer_in(folder.path());
  constexpr int steps = 1000;
  constexpr int metrics = 20;
  std::vector<Point> points;
  for (int step = 0; step < steps; ++step)
    for (int metric = 0; metric < metrics; ++metric)
      points.push_back(
          point("metric " + std::to_string(metric), step, 1.0 / (step + 3.1), step * 900));
  REQUIRE(writer.append(points));
  CHECK(fs::file_size(folder.path() / point_file_name) < 12 * points.size());
  const TemporaryFolder slowly = scratch();
  PointWriter slow_writer = writer_in(slowly.path());
  for (auto at = points.begin(); at != points.end(); at += metrics)
    REQUIRE(slow_writer.append(std::vector<Point>(at, at + metrics)));
  CHECK(fs::file_size(slowly.path() / point_file_name) < 13 * points.size());
  CHECK(read(slowly.path(), "metric 7") == read(folder.path(), "metric 7"));
}

TEST_CASE("what a kill left of the last points is ignored, and the next writer goes on before it") {
  const TemporaryFolder folder = scratch();
  const Path file = folder.path() / point_file_name;
  {
    PointWriter writer = writer_in(folder.path());
    REQUIRE(writer.append({point("loss", 1, 1), point("loss", 2, 2)}));
    REQUIRE(writer.append({point("acc", 1, 0.25), point("loss", 3, 3)}));
  }
  const std::string whole = read_file(file).value();
  for (std::size_t size = whole.size() - 1; size > whole.size() - 20; --size) {
    REQUIRE(write_file_atomically(file, whole.substr(0, size), Durable::no));
    CHECK(values(read(folder.path(), "loss")) == std::vector<double>{1, 2});
    CHECK(summary_of(folder.path(), "loss").count == 2);
  }
  std::string zeros = whole;
  zeros.replace(zeros.size() - 5, 5, 5, '\0');
  REQUIRE(write_file_atomically(file, zeros, Durable::no));
  PointWriter writer = writer_in(folder.path());
  REQUIRE(writer.append({point("f1", 9, 9), point("loss", 4, 4)}));
  CHECK(values(read(folder.path(), "loss")) == std::vector<double>{1, 2, 4});
  CHECK(values(read(folder.path(), "f1")) == std::vector<double>{9});
  CHECK(summary_of(folder.path(), "loss").last.value == 4);
}

TEST_CASE("a summary has the last, the lowest and the highest; what is not finite is neither") {
  const TemporaryFolder folder = scratch();
  PointWriter writer = writer_in(folder.path());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE(writer.append({point("loss", 1, 2), point("loss", 2, -infinity)}));
  REQUIRE(writer.append({point("loss", 3, 1), point("loss", 4, 3), point("loss", 5, 1)}));
  REQUIRE(writer.append({point("loss", 6, infinity), point("loss", 7, nan), point("bad", 1, nan)}));
  const auto check = [&] {
    const MetricSummary loss = summary_of(folder.path(), "loss");
    CHECK(loss.count == 7);
    CHECK(loss.not_finite == 3);
    CHECK(loss.last.step == 7);
    CHECK(std::isnan(loss.last.value));
    REQUIRE(loss.lowest);
    CHECK(loss.lowest->value == 1);
    CHECK(loss.lowest->step == 3);
    REQUIRE(loss.highest);
    CHECK(loss.highest->value == 3);
    CHECK(loss.highest->step == 4);
    CHECK_FALSE(summary_of(folder.path(), "bad").lowest);
  };
  const std::string known = read_file(folder.path() / summary_file_name).value();
  CHECK(parse_summary(known, fs::file_size(folder.path() / point_file_name)));
  check();
  SECTION("without its file") {
    REQUIRE(fs::remove(folder.path() / summary_file_name));
    check();
  }
  SECTION("with a damaged one") {
    std::string damaged = known;
    damaged[damaged.size() / 2] ^= 1;
    REQUIRE(write_file_atomically(folder.path() / summary_file_name, damaged, Durable::no));
    check();
  }
  SECTION("with one of fewer points") {
    REQUIRE(writer.append({point("loss", 8, 0)}));
    REQUIRE(write_file_atomically(folder.path() / summary_file_name, known, Durable::no));
    CHECK(summary_of(folder.path(), "loss").lowest->value == 0);
  }
}

TEST_CASE("points of a later attempt win from its first step on") {
  const TemporaryFolder folder = scratch();
  {
    PointWriter first = writer_in(folder.path());
    REQUIRE(first.append({point("loss", 1, 1), point("loss", 2, 2), point("loss", 3, 0.5)}));
    REQUIRE(first.append({point("acc", 3, 0.75)}));
  }
  PointWriter second = writer_in(folder.path(), 2);
  REQUIRE(second.append({point("loss", 2, 20)}));
  CHECK(values(read(folder.path(), "loss")) == std::vector<double>{1, 20});
  REQUIRE(second.append({point("loss", 3, 30)}));
  CHECK(values(read(folder.path(), "loss")) == std::vector<double>{1, 20, 30});
  CHECK(values(read(folder.path(), "loss", Attempts::all)) ==
        std::vector<double>{1, 2, 0.5, 20, 30});
  CHECK(read(folder.path(), "loss").back().attempt == 2);
  CHECK(values(read(folder.path(), "acc")) == std::vector<double>{0.75});
  const auto known = parse_summary(read_file(folder.path() / summary_file_name).value(),
                                   fs::file_size(folder.path() / point_file_name));
  REQUIRE(known);
  const MetricSummary loss = summary_of(folder.path(), "loss");
  CHECK(loss.count == 3);
  CHECK(loss.lowest->value == 1);
  CHECK(loss.highest->value == 30);
}

TEST_CASE("the summaries of a run are those of its jobs that reported something") {
  const TemporaryFolder root = scratch();
  const files::Home home{root.path()};
  for (const std::size_t job : {std::size_t{0}, std::size_t{2}, std::size_t{10}}) {
    REQUIRE(make_folders(home.job("calm-fox-1", job)));
    if (job != 0)
      REQUIRE(writer_in(home.job("calm-fox-1", job)).append({point("loss", 1, double(job))}));
  }
  const auto summaries = read_summaries(home, "calm-fox-1");
  REQUIRE(summaries);
  REQUIRE(summaries->size() == 2);
  CHECK(summaries->at(0).job == 2);
  CHECK(summaries->at(1).job == 10);
  CHECK(summaries->at(1).metrics.at(0).last.value == 10);
  CHECK(read_summaries(home, "no-such-1")->empty());
}
