// What was found when an artifact was looked through for the secrets of its job: names and paths,
// never a value.
#pragma once

#include "dstack/base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::store {

/// Its name, its content, or where it leads, as a link.
struct ExposedFile {
  std::string path;                  ///< as the artifact's own; without the value, if it has one
  std::vector<std::string> secrets;  ///< their names, sorted; at most most_exposed_secrets
  /// Where the path does not say which file it is: its number among all files and links of the
  /// artifact, sorted by path.
  std::optional<std::uint64_t> number = std::nullopt;

  bool operator==(const ExposedFile&) const = default;
};

struct Exposure {
  std::vector<ExposedFile> files;  ///< the first, sorted by path; at most most_exposed_files
  std::uint64_t count = 0;         ///< of all

  bool operator==(const Exposure&) const = default;
};

inline constexpr std::size_t most_exposed_files = 100;
inline constexpr std::size_t most_exposed_secrets = 100;

/// Null where nothing was found.
Json render_exposure(const Exposure& exposure);
Exposure parse_exposure(const Json& json);

}  // namespace dstack::store
