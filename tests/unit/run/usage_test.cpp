// Words for memory that was refused (dstack/run/usage.hpp), as programs write them.
#include "dstack/run/usage.hpp"

#include "support/catch.hpp"

namespace dstack::run {

TEST_CASE("a log that tells of refused memory is known by the words of many programs") {
  CHECK(
      tells_of_refused_memory("Traceback (most recent call last):\n  File \"a.py\"\nMemoryError"));
  CHECK(tells_of_refused_memory(
      "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array\n"));
  CHECK(
      tells_of_refused_memory("RuntimeError: [enforce fail at alloc_cpu.cpp:114] data. "
                              "DefaultCPUAllocator: can't allocate memory: you tried to\n"));
  CHECK(
      tells_of_refused_memory("terminate called after throwing an instance of 'std::bad_alloc'\n  "
                              "what():  std::bad_alloc\n"));
  CHECK(tells_of_refused_memory("bash: fork: Cannot allocate memory\nanother line\n"));
}

TEST_CASE("other ends, and the memory of a GPU, are no refused memory") {
  CHECK_FALSE(tells_of_refused_memory(""));
  CHECK_FALSE(tells_of_refused_memory("ValueError: memory must be a number\n"));
  CHECK_FALSE(tells_of_refused_memory(
      "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0)\n"));
}

}  // namespace dstack::run
