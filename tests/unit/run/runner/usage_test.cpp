// What a job took beyond what it asked for, and the messages of programs that were refused memory
// (dstack/run/runner/usage.hpp).
#include "dstack/run/runner/usage.hpp"

#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "support/catch.hpp"

namespace dstack::run {

TEST_CASE("a log that mentions refused memory is recognized by the messages of many programs") {
  CHECK(
      mentions_refused_memory("Traceback (most recent call last):\n  File \"a.py\"\nMemoryError"));
  CHECK(mentions_refused_memory(
      "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array\n"));
  CHECK(
      mentions_refused_memory("RuntimeError: [enforce fail at alloc_cpu.cpp:114] data. "
                              "DefaultCPUAllocator: can't allocate memory: you tried to\n"));
  CHECK(
      mentions_refused_memory("terminate called after throwing an instance of 'std::bad_alloc'\n  "
                              "what():  std::bad_alloc\n"));
  CHECK(mentions_refused_memory("bash: fork: Cannot allocate memory\nanother line\n"));
}

TEST_CASE("other ends, and the memory of a GPU, are not refused memory") {
  CHECK_FALSE(mentions_refused_memory(""));
  CHECK_FALSE(mentions_refused_memory("ValueError: memory must be a number\n"));
  CHECK_FALSE(mentions_refused_memory(
      "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0)\n"));
}

TEST_CASE("more than was asked for is reported, where shared memory is not limited") {
  job::JobSpec spec;
  spec.resources.memory = 500'000'000;
  const resources::Enforcement each{resources::Enforcement::Kind::each_process, {}, "no groups"};
  const resources::Limiter limiter("no-job", spec.resources, {each, each});
  const auto warnings_of = [&](std::uint64_t largest, int exit_code) {
    ExitRecord record;
    record.number = exit_code;
    record_resources(record, limiter, {{}, largest, 0, 0}, spec, [] { return std::string(); });
    CHECK_FALSE(record.cause);
    return record.warnings;
  };
  const std::vector<std::string> expected = {
      "it took 1.5 GB of the 500.0 MB that it asked for, in one process: files and shared memory "
      "that a process maps do not count where there is no control group"};
  CHECK(warnings_of(1'500'000'000, 0) == expected);
  CHECK(warnings_of(1'500'000'000, 1) == expected);
  CHECK(warnings_of(400'000'000, 0).empty());
}

}  // namespace dstack::run
