// A provider's library: opened for good, and entered. The only user of Boost.DLL; for the processes
// that run a provider's code only.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/provider.h"

#include <exception>
#include <string>

struct dstack_report;

namespace dstack::provider {

using ProviderEntry = decltype(&dstack_provider_entry_v0);

/// Opens the library, which runs its constructors, and finds its entry. Messages of this and of all
/// below say what the library did, without naming it: "cannot be loaded: …".
Result<ProviderEntry> open_library(const Path& library);

/// Opens the library and has it make its provider. From here on a crash ends the process with its
/// signal.
Result<const dstack_provider_v0*> enter_library(const Path& library);

/// What a library did that it must not, or failed to do.
inline Failure fault_of_library(std::string did, std::string hint = {}) {
  return fail(ErrorCode::unavailable, "{}", did).with_hint("{}", hint);
}

/// What a status that is not DSTACK_OK, with these reports, says that the library did.
std::string describe_failure(dstack_status status,
                             const dstack_report& report,
                             const std::string& doing);

/// Calls into the library. An exception that comes out of it has crossed the C interface, which
/// none may. `doing` is "while …".
template <typename Call>
auto call_library(const std::string& doing, const Call& call) -> Result<decltype(call())> {
  try {
    return call();
  } catch (const std::exception& error) {
    return fault_of_library(fmt::format("threw {}: {}", doing, error.what()));
  } catch (...) {
    return fault_of_library(fmt::format("threw {}: something that is no std::exception", doing));
  }
}

}  // namespace dstack::provider
