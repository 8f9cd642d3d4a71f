// The host's side of native jobs (sdk: dstack/native_job.h): calls the function of a provider's
// library that is a job. For the process that is this job only.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace dstack::provider {

struct NativeEnd {
  int exit_code = 0;    ///< 0 to 255
  std::string message;  ///< why it failed, as the function says; may be empty
  std::vector<std::string> warnings;
};

/// Loads the library and runs its function to its end. Its lines and its progress go to descriptor
/// `output`; it sees `cancelled` change. An error means that the function never ran.
Result<NativeEnd> run_native_job(const Path& library,
                                 const Json& input,
                                 int output,
                                 const std::atomic<bool>& cancelled);

}  // namespace dstack::provider
