// What an installation prints, folded to one line of the job's log: how far it is, written over
// itself as programs do with `\r`, and at the end what came of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::python {

class InstallProgress {
 public:
  /// `subject` is shown at the beginning and at the end. `output_fd`: of the job's log, -1:
  /// nowhere.
  InstallProgress(std::string subject, int output_fd);

  /// A line of uv, pip or conda.
  void take(std::string_view line);
  /// Ends the line: "…: 12 packages, 3 s", or "…: failed".
  void finish(bool succeeded);

 private:
  void say(double share, std::string state);
  void show(const std::string& line);

  using Clock = std::chrono::steady_clock;

  std::string subject_;
  int output_fd_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_ = {};
  std::size_t packages_ = 0;   ///< as far as it was said
  std::size_t downloads_ = 0;  ///< that have begun
  std::size_t downloaded_ = 0;
  std::size_t width_ = 0;  ///< of what is shown
  bool has_begun_line_ = false;
};

}  // namespace dstack::python
