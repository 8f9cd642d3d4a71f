// How far the copying or hashing of files is, in words: amounts, rate, and time left.
#pragma once

#include "dstack/base/progress.hpp"

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace dstack::ui {

class Transfer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// "saving model".
  explicit Transfer(std::string what) : what_(std::move(what)) {}

  const std::string& what() const { return what_; }

  /// As it is at `now`, which never goes back. The rate is that of the last seconds.
  void update(const WorkState& state, Time now);

  /// "saving model  1.2 GB of 4.0 GB  310 MB/s  9 s left", for a line that is drawn again.
  std::string line() const;
  /// "saving model: 1.2 GB of 4.0 GB, 310 MB/s, 9 s left", for a log.
  std::string sentence() const;

 private:
  struct Sample {
    Time at;
    WorkAmount done;
  };

  std::vector<std::string> parts() const;

  std::string what_;
  WorkState state_;
  std::deque<Sample> samples_;
};

}  // namespace dstack::ui
