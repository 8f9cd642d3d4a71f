// The format of a file of variables (`env_file: .env`): a line `NAME=VALUE` each, as Docker Compose
// and the dotenv libraries read it, but nothing is expanded.
//
//   # a comment
//   export NAME=value  # a comment after a blank
//   TEXT='as it is, over several lines'
//   TEXT="with \n \r \t \" \\ \$, over several lines"
#pragma once

#include "dstack/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

struct EnvEntry {
  std::string name;
  std::string value;
  std::uint32_t line = 0;  ///< from 1, where it begins
  /// A part such as `$HOME` that other readers of such files would replace; empty: there is none.
  std::string unexpanded;

  bool operator==(const EnvEntry&) const = default;
};

inline constexpr std::size_t largest_env_file = 1u << 20;

/// In the order of the file; of a name that is set twice only the later. `name` is how errors name
/// the file. All errors are reported together, each with its line; none shows a value.
Result<std::vector<EnvEntry>> parse_env_file(std::string_view text, const std::string& name);

}  // namespace dstack::config
