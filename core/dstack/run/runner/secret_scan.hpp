// Scans what a job saves for the job's own secrets. Like masking this is not a guarantee: it knows
// the same encodings, and misses what is compressed, encrypted or encoded otherwise.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/secrets/masker.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// Where to look, and for what. Views: all of it must outlive the scan.
struct SecretScan {
  const Path& workspace;
  const std::vector<std::string>& artifacts;  ///< paths or patterns from the workspace's root
  const std::vector<std::string>& changes;    ///< files and links beside them that are kept
  const secrets::Needles& needles;
  const std::vector<std::string>& names;  ///< of the values of the needles
};

struct SecretScanResult {
  std::vector<ArtifactWithSecrets> artifacts;  ///< those that hold some
  job::SecretFindings changes;                 ///< as of one artifact
  std::vector<std::string> warnings;           ///< what could not be scanned
};

/// What may end a scan early: whenever `fd` is readable, `is_asked` is called.
struct Interruption {
  int fd = -1;
  std::function<bool()> is_asked;
};

/// Reads all of them once, the holes of sparse files not at all, on all cores. Names of
/// files, folders and links count as their content does. Nothing when it was interrupted,
/// which does not wait for more than one read.
std::optional<SecretScanResult> scan_for_secrets(const SecretScan& search,
                                                 const Interruption& interruption = {});

}  // namespace dstack::run
