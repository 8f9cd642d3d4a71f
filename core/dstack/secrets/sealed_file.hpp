// A text on disk that cannot be read without a key of this home: what a run must keep for its jobs,
// and what is in none of its records. The key is in `secrets/env_files`, beside the vault's own,
// and is made when it is first needed.
#pragma once

#include "dstack/base/file.hpp"

#include <string>
#include <string_view>

namespace dstack::secrets {

/// `folder`: `$DSTACK_HOME/secrets`. The file is the user's alone (0600). `bound` is not part of
/// it, and must be the same again to read it.
Result<void> write_sealed(const Path& folder,
                          const Path& file,
                          std::string_view bound,
                          std::string_view text);
/// unavailable: it, or its key, is missing or damaged. To be wiped after.
Result<std::string> read_sealed(const Path& folder, const Path& file, std::string_view bound);

}  // namespace dstack::secrets
