// The log of a job with its times, which may be damaged. An input is: the number of bytes that are
// times, in two bytes; the times; the log.
#include "dstack/run/protocol/job_log.hpp"
#include "fuzz.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  const std::string_view rest = text_of(data + 2, size - 2);
  const std::size_t count = std::min<std::size_t>(data[0] + 256u * data[1], rest.size());
  const std::string_view text = rest.substr(count);
  for (const auto& [name, bytes] :
       {std::pair("log.times", rest.substr(0, count)), std::pair("log", text)})
    require(bool(write_file_atomically(scratch() / name, bytes, Durable::no)),
            "a file can be made");

  const run::JobLog log(scratch());
  const auto whole = log.size();
  require(whole && *whole == text.size(), "a log is as long as it is");
  std::uint64_t last = *whole;
  for (const std::size_t lines : {0u, 1u, 2u, 1000u}) {
    const auto begin = log.offset_of_last(lines);
    require(begin && *begin <= last, "more lines begin earlier");
    require(*begin == 0 || *begin == text.size() || text[*begin - 1] == '\n', "lines are whole");
    last = *begin;
  }
  for (const std::int64_t since : {std::int64_t{0}, std::int64_t{1'700'000'000'000}}) {
    const auto begin = log.offset_since(Timestamp(std::chrono::milliseconds(since)));
    require(begin && *begin <= text.size(), "a line begins in the log");
  }
  if (const auto begin = log.offset_since(std::chrono::milliseconds(1)))
    require(*begin <= text.size(), "a line begins in the log, also by the run's clock");
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{text.size() / 2}}) {
    (void)log.time_at(offset);
    (void)log.elapsed_at(offset);
    const auto read = log.read(offset, 100);
    require(read && *read == text.substr(offset, 100), "what is read is what is there");
  }
  return 0;
}
