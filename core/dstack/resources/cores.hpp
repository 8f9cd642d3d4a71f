// Processors of a job's own: those that no other job of dstack on this machine was given, of any
// home or user. A job that asks for `cpu` is kept to them by its affinity, which is also how its
// programs learn how many they may use. docs/decisions/0026 says why it is done this way.
#pragma once

#include "dstack/base/fd.hpp"

#include <cstddef>
#include <vector>

#include <sched.h>

namespace dstack::resources {

/// Held until release(), or until this process ends. For one thread.
class Cores {
 public:
  /// None.
  Cores() = default;
  /// The lowest free ones among those that this process may use; none unless there are so many, and
  /// then a job shares all of them with everybody.
  static Cores take(std::size_t count);

  const std::vector<int>& numbers() const { return numbers_; }

  /// Processes that this one starts from here on run on them alone.
  void enter();
  /// The caller itself runs on all that it could use before.
  void leave() const;
  /// To be called when all processes of the job have ended.
  void release();

 private:
  std::vector<int> numbers_;
  std::vector<Fd> holds_;
  cpu_set_t before_{};
  bool is_entered_ = false;
};

}  // namespace dstack::resources
