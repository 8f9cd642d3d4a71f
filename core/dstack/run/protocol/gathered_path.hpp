// Where the artifacts of a sweep's combinations are when they stand beside one another: what the
// combination `lr=0.1` saved as `model/weights.bin` is `model/lr=0.1/weights.bin`.
#pragma once

#include <string>

namespace dstack::run {

/// The folder in which those of the combinations are: the artifact itself, or, where it is a file
/// or a pattern, the folder that it is in. `file`: one of its files.
std::string gathering_folder(const std::string& artifact, const std::string& file);

/// Where a file, or folder, of an artifact is. `folder`: the combination's.
std::string gathered_path(const std::string& artifact,
                          const std::string& folder,
                          const std::string& file);

/// The table of the combinations in such a folder.
std::string table_path(const std::string& gathering_folder);

}  // namespace dstack::run
