// Ends the program when a signal has waited for a moment and nobody has come for it: for stretches
// of work that cannot look at signals themselves. Work that ends within that moment finds the
// signal still waiting.
#pragma once

#include "dstack/base/fd.hpp"
#include "signals.hpp"

#include <thread>

namespace dstack::cli {

class Impatience {
 public:
  explicit Impatience(Signals& signals);
  Impatience(const Impatience&) = delete;
  Impatience& operator=(const Impatience&) = delete;
  ~Impatience();

 private:
  void watch();

  Signals& signals_;
  Fd over_;  ///< readable when the work is done
  std::jthread watcher_;
};

}  // namespace dstack::cli
