// A provider's library, opened for good. The only user of Boost.DLL; for the provider-host child
// alone.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/provider.h"

namespace dstack::provider {

using ProviderEntry = decltype(&dstack_provider_entry_v0);

/// Opens the library, which runs its constructors, and finds its entry. The message says what the
/// library did, without naming it: "cannot be loaded: …".
Result<ProviderEntry> open_library(const Path& library);

}  // namespace dstack::provider
