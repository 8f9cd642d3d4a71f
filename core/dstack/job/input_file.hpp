// Data that is not code: a file or folder that a workflow's `inputs` names, and a file of variables
// that its `env_file` names. Both as they were when the run was submitted.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"
#include "dstack/job/tree_reference.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dstack::job {

struct InputFile {
  std::string path;           ///< normal; from the project's root, or absolute
  std::string at;             ///< where jobs find it: normal, from the root of the workspace
  bool link = false;          ///< laid in as it is, not copied
  bool folder = false;        ///< else a file
  std::uint64_t files = 0;    ///< files and links; 1 for a file
  std::uint64_t size = 0;     ///< bytes, of all of them
  std::int64_t modified = 0;  ///< nanoseconds since 1970; the newest of all
  bool incomplete = false;    ///< a linked folder of too many files to count: these are the first
  std::optional<Digest> sha256;       ///< of what was copied; of a folder: of its tree in the store
  std::optional<TreeReference> tree;  ///< of what was copied: a tree that holds it at `at`

  bool operator==(const InputFile&) const = default;
};

/// Where it is on this machine.
Path source_of(const Path& project, const InputFile& input);

/// A file of variables. Its values are in nothing that is recorded.
struct EnvFile {
  std::string path;  ///< normal; from the project's root, or absolute
  Digest sha256;
  bool mask = true;  ///< values are masked in logs

  bool operator==(const EnvFile&) const = default;
};

/// For people: "data/data.xml, 3 MB", "images -> /big/images (a symbolic link, not a copy), 1200
/// files, 3 GB".
std::string describe(const InputFile& input);
/// ".env, SHA-256 0123456789ab…, values not masked".
std::string describe(const EnvFile& file);

void to_json(Json& json, const InputFile& input);
void from_json(const Json& json, InputFile& input);
void to_json(Json& json, const EnvFile& file);
void from_json(const Json& json, EnvFile& file);

}  // namespace dstack::job
