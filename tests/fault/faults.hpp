// A command of the program with one of its calls made to fail, in one of its processes.
#pragma once

#include "dstack/process/identity.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <string>
#include <vector>

namespace dstack::test {

inline constexpr const char* two_workflows = R"(workflows:
  - name: first
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; echo complete > out/result"]
  - {name: second, provider: bash, depends-on: [first], commands: [cat out/result]}
)";

struct Fault {
  std::string library;  ///< failing_starts, failing_memory
  std::string in;       ///< the word after "dstack": run, supervise, exec
  std::size_t at = 1;   ///< which call
  bool and_all_later = false;
  int error = 0;
};

/// The libraries take the place of functions that the sanitizers take the place of, too.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKIP_IF_SANITIZED() SKIP("sanitizers stand where these libraries have to")
#else
#define SKIP_IF_SANITIZED() static_cast<void>(0)
#endif

/// What was made to fail by the commands since begin(): "malloc"; empty when there is no such call.
class FaultReport {
 public:
  explicit FaultReport(const Sandbox& box) : file_(box.root() / "fault") { begin(); }

  void begin() const { REQUIRE(remove_tree(file_)); }

  std::string failed_call() const {
    const std::string text = read_file(file_).value_or("");
    return text.substr(0, text.find('\n'));
  }

  std::string path() const { return file_.string(); }

 private:
  Path file_;
};

inline process::Command with_fault(process::Command command,
                                   const Fault& fault,
                                   const FaultReport& report) {
  const std::string at = std::to_string(fault.at) + (fault.and_all_later ? "+" : "");
  for (const std::string& variable : {"LD_PRELOAD=" DSTACK_FAULTS "/" + fault.library + ".so",
                                      "FAULT_IN=" + fault.in,
                                      "FAULT_AT=" + at,
                                      "FAULT_ERRNO=" + std::to_string(fault.error),
                                      "FAULT_REPORT=" + report.path()})
    command.environment->push_back(variable);
  return command;
}

/// Waits until nothing that knows this home is left running.
inline void require_nothing_left(const Sandbox& box) {
  wait_until([&] { return process::with_environment("DSTACK_HOME", box.home().string()).empty(); });
}

}  // namespace dstack::test
