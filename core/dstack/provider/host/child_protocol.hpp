// What host and provider-host child agree on. The request is JSON on descriptor 0: a list of {name,
// properties}. The answer is a file in memory that both have: first `Progress`, which says at any
// time what the library is doing, also after a crash; from `reply_offset` on, the reply, JSON:
//
//     {"replies": [{"jobs": […]} or {"problems": [{message, property, hint}, …]}, …], "fault":
//     {"did", "hint"}}
//
// `fault` is there when the library did something that ends the batch. One file instead of a pipe:
// nothing has to be drained, and a library that writes to the descriptor does no harm.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dstack::provider {

struct Progress {
  /// 0: loading; n: planning the n-th request.
  std::atomic<std::uint64_t> step;
  /// Since when, on the steady clock; 0 before the child has begun.
  std::atomic<std::int64_t> since_ns;
  /// Set last; then the reply is whole. `reply_failed`: it could not be written, for the library
  /// has closed the file.
  std::atomic<std::uint64_t> reply_size;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::int64_t>::is_always_lock_free);

inline constexpr std::uint64_t reply_failed = ~std::uint64_t{0};
inline constexpr std::size_t reply_offset = 4'096;
inline constexpr int reply_descriptor = 3;

inline std::int64_t steady_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// "while planning workflow 'train'".
inline std::string while_planning(std::string_view workflow) {
  return fmt::format("while planning workflow '{}'", workflow);
}

}  // namespace dstack::provider
