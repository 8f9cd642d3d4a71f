// `$DSTACK_HOME/config.yaml` (spec, section 2).
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"
#include "dstack/config/settings/on_end.hpp"
#include "dstack/job/sandbox.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::config {

struct Gpu {
  std::string name;
  std::uint64_t memory = 0;  ///< bytes
  std::string id = {};       ///< as CUDA_VISIBLE_DEVICES names it: its UUID, else its number
};

void to_json(Json& json, const Gpu& gpu);
void from_json(const Json& json, Gpu& gpu);

/// What the user says this machine has, in place of what would be detected.
struct ResourceSettings {
  std::optional<std::uint32_t> cpu;
  std::optional<std::uint64_t> memory;  ///< bytes
  std::optional<std::vector<Gpu>> gpus;
};

/// The release of a tool (python/tool.hpp) that is fetched where none is installed, instead of
/// the pinned one.
struct ToolSettings {
  std::string version;
  std::string url;
  std::string sha256;
};

/// Which finished, untagged runs are forgotten: those that each of the two that is set names.
struct Retention {
  std::optional<std::uint64_t> keep;               ///< all but the newest so many of each target
  std::optional<std::chrono::milliseconds> older;  ///< those that ended longer ago

  bool empty() const { return !keep && !older; }
};

/// Whether the first run of a project starts, or shows first what it would run.
enum class Trust { always, ask };

struct Settings {
  ResourceSettings resources;
  std::optional<ToolSettings> code_server;
  std::vector<Receiver> on_end;
  std::chrono::milliseconds stop_grace{10'000};
  std::uint64_t snapshot_file_limit = 100'000'000;  ///< bytes
  /// Bytes that a job may leave beside its artifacts and that are kept; 0: nothing is.
  std::uint64_t keep_changes = 100'000'000;
  Retention retention;
  /// Bytes of the log of a job: of a longer one its beginning and its end are kept; 0: no limit.
  std::uint64_t log_limit = 10'000'000'000;
  Trust trust = Trust::always;
  /// What every local job is kept from at least.
  std::optional<job::Sandbox> sandbox = {};
};

/// Of `config`.yaml, also when it is called `.yml`; defaults when there is neither. Unknown keys
/// are errors with a suggestion.
Result<Settings> load_settings(const Path& config);

}  // namespace dstack::config
