// What the jobs of a test's runs have said, read from their files: a look by the program could make
// it the one who sees the run through.
#pragma once

#include "dstack/process/identity.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"
#include "support/wait.hpp"

#include <cstddef>
#include <source_location>
#include <string>

#include <unistd.h>

namespace dstack::test {

/// The folder of a job, by its place in the run.
inline Path job_folder(const Sandbox& box, const std::string& run, std::size_t job = 0) {
  return box.home() / "runs" / run / std::to_string(job);
}

/// What it has said by now.
inline std::string job_log(const Sandbox& box, const std::string& run, std::size_t job = 0) {
  return read_file(job_folder(box, run, job) / "log").value_or("");
}

/// Whether its first attempt has ended, or is lost with its runner.
inline bool has_ended(const Sandbox& box, const std::string& run, std::size_t job = 0) {
  const Path folder = job_folder(box, run, job);
  if (::access((folder / "exit.json").c_str(), F_OK) == 0)
    return true;
  const auto runner = process::parse_identity(read_file(folder / "wrapper").value_or(""));
  return runner && !process::open_process(*runner);
}

/// Waits until the job has said a text in its first attempt; one that ends without it fails the
/// test at once.
inline void wait_for_log(const Sandbox& box,
                         const std::string& run,
                         const std::string& text,
                         std::size_t job = 0,
                         const std::source_location& place = std::source_location::current()) {
  INFO(place.file_name() << ":" << place.line() << ": job " << job << " of run " << run
                         << " is to say: " << text);
  wait_until(
      [&] {
        const bool over = has_ended(box, run, job);  // before the log, which is whole then
        const std::string log = job_log(box, run, job);
        if (holds(log, text))
          return true;
        if (over)
          FAIL("it ended, and only said: " << log);
        return false;
      },
      long_enough,
      place);
}

}  // namespace dstack::test
