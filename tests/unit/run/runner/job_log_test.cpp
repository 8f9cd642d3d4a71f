#include "dstack/run/protocol/job_log.hpp"

#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/runner/log_writer.hpp"
#include "support/catch.hpp"
#include "support/wait.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <tuple>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::run;
using dstack::test::wait_until;

namespace {

TemporaryFolder folder() {
  return *TemporaryFolder::make(fs::temp_directory_path());
}

/// Writes `bytes` into a pipe and moves them to the log, as a job and its runner do.
void log_bytes(const Path& at,
               const std::string& bytes,
               const std::vector<std::string>& secrets = {},
               std::uint64_t limit = 0) {
  auto writer = LogWriter::open(at, limit);
  REQUIRE(writer);
  writer->hide(secrets::Needles(secrets));
  auto pipe = make_pipe();
  REQUIRE(pipe);
  std::thread job([&] {
    (void)write_all(pipe->write_end.get(), bytes);
    pipe->write_end.reset();
  });
  for (;;) {
    const auto moved = writer->move_from(pipe->read_end.get());
    REQUIRE(moved);
    if (*moved == LogWriter::Moved::end_of_pipe)
      break;
  }
  job.join();
  REQUIRE(writer->sync());
}

}  // namespace

TEST_CASE("a log holds every byte: NUL, invalid UTF-8, no last newline, lines of many megabytes") {
  const auto at = folder();
  std::string bytes =
      std::string("a\0b\n\xff\xfe\r progress\r", 17) + std::string(64u << 20, 'x') + "\nlast";

  log_bytes(at.path(), bytes);

  JobLog log(at.path());
  REQUIRE(log.size() == bytes.size());
  const auto read = log.read(0, bytes.size() + 1);
  REQUIRE(read);
  CHECK((*read == bytes));
}

TEST_CASE("a log hides secrets wherever they come, and keeps every other byte") {
  const auto at = folder();
  const std::string line = "a line of sixty-four bytes, or so, with the secret hunter2hunter2\n";
  std::string bytes;
  while (bytes.size() < 5'000'000)
    bytes += line;
  log_bytes(at.path(), bytes + "hunter2hun", {"hunter2hunter2"});

  std::string expected = bytes + "hunter2hun";
  for (std::size_t i = expected.find("hunter2hunter2"); i != std::string::npos;
       i = expected.find("hunter2hunter2", i))
    expected.replace(i, 14, "***");
  JobLog log(at.path());
  REQUIRE(log.size() == expected.size());
  CHECK((*log.read(0, expected.size()) == expected));
}

TEST_CASE("a second writer goes on behind the first") {
  const auto at = folder();
  log_bytes(at.path(), "one\n");
  log_bytes(at.path(), "two\n");
  CHECK(*JobLog(at.path()).read(0, 100) == "one\ntwo\n");
}

TEST_CASE("the last lines are found, with and without a newline at the end") {
  const auto at = folder();
  log_bytes(at.path(), "a\nb\nc\n");
  JobLog log(at.path());
  CHECK(*log.offset_of_last(0) == 6);
  CHECK(*log.offset_of_last(1) == 4);
  CHECK(*log.offset_of_last(2) == 2);
  CHECK(*log.offset_of_last(99) == 0);

  log_bytes(at.path(), "d");
  CHECK(*JobLog(at.path()).offset_of_last(2) == 4);
}

TEST_CASE("bytes have the time at which they came") {
  const auto at = folder();
  const Timestamp before = now();
  log_bytes(at.path(), "one\n");
  JobLog log(at.path());

  REQUIRE(log.time_at(0));
  CHECK(*log.time_at(0) >= before);
  CHECK(log.offset_since(before) == 0);
  CHECK(log.offset_since(now() + std::chrono::seconds(10)) == 4);
}

TEST_CASE("times are found in any order, among more of them than are kept in memory") {
  constexpr std::int64_t count = 1000;
  const auto at = folder();
  const auto write_mark = [&](std::int64_t number) {
    // A line of ten bytes each second.
    const std::array<std::int64_t, 2> mark = {number * 10, number * 1000};
    auto file = open_file(
        (at.path() / file_names::log_times).string(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    REQUIRE(file);
    REQUIRE(write_all(file->get(), {reinterpret_cast<const char*>(mark.data()), sizeof mark}));
  };
  const auto second = [](std::uint64_t number) { return Timestamp(std::chrono::seconds(number)); };
  for (std::int64_t number = 0; number < count; ++number)
    write_mark(number);
  JobLog log(at.path());

  for (const std::uint64_t offset : {9999u, 0u, 5000u, 5009u, 5010u, 640u, 639u, 9u, 9990u, 70000u})
    CHECK(log.time_at(offset) == second(std::min<std::uint64_t>(offset / 10, count - 1)));
  for (std::uint64_t offset = 0; offset < 10'000; offset += 3)
    REQUIRE(log.time_at(offset) == second(offset / 10));

  write_mark(count);
  CHECK(log.time_at(10'005) == second(count));
}

TEST_CASE("bytes have the time of the run's clock, however the one on the wall is set") {
  using std::chrono::milliseconds;
  const auto at = folder();
  const auto write_pair = [&](std::int64_t offset, std::int64_t number) {
    const std::array<std::int64_t, 2> pair = {offset, number};
    auto file = open_file(
        (at.path() / file_names::log_times).string(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    REQUIRE(file);
    REQUIRE(write_all(file->get(), {reinterpret_cast<const char*>(pair.data()), sizeof pair}));
  };
  log_bytes(at.path(), std::string("11111111\n22222222\n33333333\n44444444\n"));
  REQUIRE(remove_tree(at.path() / file_names::log_times));
  constexpr std::int64_t today = 1'800'000'000'000;
  constexpr std::int64_t year = 31'536'000'000;
  write_pair(0, -1 - 500);
  write_pair(0, today);
  write_pair(9, today + 100);
  write_pair(18, -1 - 700);
  write_pair(18, today - year);
  write_pair(27, today - year + 100);
  const JobLog log(at.path());

  for (const auto& [offset, elapsed, wall] : {std::tuple(30u, 800, today - year + 100),
                                              std::tuple(0u, 500, today),
                                              std::tuple(9u, 600, today + 100),
                                              std::tuple(18u, 700, today - year),
                                              std::tuple(26u, 700, today - year)}) {
    CAPTURE(offset);
    CHECK(log.elapsed_at(offset) == milliseconds(elapsed));
    CHECK(log.time_at(offset) == Timestamp(milliseconds(wall)));
  }
  CHECK(log.offset_since(milliseconds(0)) == 0);
  CHECK(log.offset_since(milliseconds(650)) == 18);
  CHECK(log.offset_since(milliseconds(701)) == 27);
  CHECK(log.offset_since(milliseconds(900)) == 36);
  CHECK(log.offset_since(Timestamp(milliseconds(today + 50))) == 9);
}

TEST_CASE("what an older runner wrote has no time of the run's clock") {
  const auto at = folder();
  log_bytes(at.path(), "one\n");
  const JobLog log(at.path());
  CHECK(log.time_at(0));
  CHECK_FALSE(log.elapsed_at(0));
  CHECK_FALSE(log.offset_since(std::chrono::milliseconds(0)).value());
}

TEST_CASE("a writer notes the run's clock once, before the first of its times") {
  const auto at = folder();
  const auto before = monotonic_now();
  auto writer = LogWriter::open(at.path(), 0, {"this boot", before - std::chrono::hours(1)});
  REQUIRE(writer);
  auto pipe = make_pipe();
  REQUIRE(pipe);
  for (const char* line : {"one\n", "two\n"}) {
    REQUIRE(write_all(pipe->write_end.get(), line));
    REQUIRE(writer->move_from(pipe->read_end.get()));
    wait_until([begin = now()] { return now() - begin > std::chrono::milliseconds(20); });
  }
  const JobLog log(at.path());

  CHECK(fs::file_size(at.path() / file_names::log_times) == 3 * 16);
  CHECK(*log.elapsed_at(0) >= std::chrono::hours(1));
  CHECK(*log.elapsed_at(4) > *log.elapsed_at(0));
  CHECK(*log.elapsed_at(4) <= monotonic_now() - before + std::chrono::hours(1));
}

TEST_CASE("a log that is not there yet is empty") {
  const auto at = folder();
  JobLog log(at.path());
  CHECK(log.size() == 0);
  CHECK(log.read(0, 10)->empty());
  log_bytes(at.path(), "x");
  CHECK(log.size() == 1);
}

namespace {

/// Numbered, 20 bytes each.
std::string lines(int first, int behind) {
  std::string text;
  for (int i = first; i < behind; ++i)
    text += fmt::format("line {:014}\n", i);
  return text;
}

std::string read_on(const JobLog& log, std::uint64_t offset = 0) {
  std::string all;
  std::string buffer(10'000, '\0');
  for (;;) {
    const auto bytes = log.next(buffer, offset);
    REQUIRE(bytes);
    if (bytes->empty())
      return all;
    all += *bytes;
  }
}

}  // namespace

TEST_CASE("of a log that is longer than its limit the beginning and the end are kept, in lines") {
  constexpr std::uint64_t limit = 1'000'000;
  constexpr int count = 1'000'000;  // 20 MB
  const auto at = folder();
  const bool masked = GENERATE(false, true);
  log_bytes(at.path(),
            lines(0, count),
            masked ? std::vector<std::string>{"a secret"} : std::vector<std::string>(),
            limit);

  struct stat status {};

  REQUIRE(::stat((at.path() / file_names::log).c_str(), &status) == 0);
  CHECK(static_cast<std::uint64_t>(status.st_blocks) * 512 <= limit * 105 / 100);
  const JobLog log(at.path());
  const std::string text = read_on(log);
  CHECK(text.size() > limit * 8 / 10);
  CHECK(text.starts_with(lines(0, 20'000)));
  CHECK(text.ends_with(lines(count - 15'000, count)));
  CHECK(text.find('\0') == std::string::npos);
  const std::string_view middle =
      std::string_view(text).substr(20'000 * 20, text.size() - 35'000 * 20);
  CHECK_THAT(std::string(middle), Catch::Contains(" of output are left out here"));

  CHECK(read_on(log, *log.offset_of_last(3)) == lines(count - 3, count));
  CHECK(*log.read_end(40) == lines(count - 2, count));
  // More lines than the end has: those of the beginning before it.
  const std::string many = read_on(log, *log.offset_of_last(40'000));
  CHECK(std::count(many.begin(), many.end(), '\n') >= 40'000);
  CHECK(many.ends_with(lines(count - 15'000, count)));
}

TEST_CASE("a log that stays below its limit is whole, also with a second attempt") {
  const auto at = folder();
  log_bytes(at.path(), lines(0, 20'000), {}, 1'000'000);
  log_bytes(at.path(), lines(20'000, 50'000), {}, 1'000'000);
  CHECK(read_on(JobLog(at.path())) == lines(0, 50'000));
  CHECK_FALSE(fs::exists(at.path() / file_names::log_gap));

  log_bytes(at.path(), lines(50'000, 200'000), {}, 1'000'000);
  const std::string text = read_on(JobLog(at.path()));
  CHECK(text.size() < 1'100'000);
  CHECK(text.ends_with(lines(190'000, 200'000)));
}

TEST_CASE("a log says when it has reached its limit, once") {
  const auto at = folder();
  log_bytes(at.path(), lines(0, 55'000), {}, 1'000'000);
  const std::string text = read_on(JobLog(at.path()));
  const std::string said = "dstack: this log has reached its limit of 1.0 MB ('log_limit'";
  const std::size_t first = text.find(said);
  REQUIRE(first != std::string::npos);
  CHECK(text.find(said, first + 1) == std::string::npos);
}
