// What was found when an artifact was scanned for the secrets of its job: names and paths, never a
// value.
#pragma once

#include "dstack/base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::job {

/// In its name, in its content, or in its target if it is a link.
struct FileWithSecrets {
  std::string path;                  ///< as the artifact's own; without the value, if it has one
  std::vector<std::string> secrets;  ///< their names, sorted; at most most_secrets_of_file
  /// Set if the masked path may be that of several files: its number among all files and links of
  /// the artifact, sorted by path.
  std::optional<std::uint64_t> number = std::nullopt;

  bool operator==(const FileWithSecrets&) const = default;
};

struct SecretFindings {
  std::vector<FileWithSecrets>
      files;                ///< the first, sorted by path; at most most_files_with_secrets
  std::uint64_t count = 0;  ///< of all

  bool operator==(const SecretFindings&) const = default;
};

inline constexpr std::size_t most_files_with_secrets = 100;
inline constexpr std::size_t most_secrets_of_file = 100;

void to_json(Json& json, const FileWithSecrets& file);
void from_json(const Json& json, FileWithSecrets& file);
/// Null where nothing was found.
void to_json(Json& json, const SecretFindings& findings);
void from_json(const Json& json, SecretFindings& findings);

}  // namespace dstack::job
