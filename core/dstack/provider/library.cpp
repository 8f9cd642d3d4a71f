#include "dstack/provider/library.hpp"

#include <boost/dll/shared_library.hpp>

#include <string>

#include <dlfcn.h>

namespace dstack::provider {

namespace {

constexpr int newest_major_looked_for = 9;

/// The reason without the library's path, which the whole message names already.
std::string reason_of_loader(const Path& library) {
  const char* text = ::dlerror();
  std::string reason = text != nullptr ? text : "the loader does not say why";
  const std::string prefix = library.string() + ": ";
  return reason.starts_with(prefix) ? reason.substr(prefix.size()) : reason;
}

Failure without_entry(const boost::dll::shared_library& library) {
  for (int major = DSTACK_ABI_MAJOR + 1; major <= newest_major_looked_for; ++major)
    if (library.has("dstack_provider_entry_v" + std::to_string(major)))
      return fail(ErrorCode::unavailable,
                  "is built for version " + std::to_string(major) +
                      " of the provider interface, this dstack speaks " +
                      std::to_string(DSTACK_ABI_MAJOR),
                  "rebuild it with the SDK of this dstack");
  return fail(ErrorCode::unavailable,
              "has no entry '" DSTACK_PROVIDER_ENTRY "'",
              "end one of its sources with DSTACK_PROVIDER(Class), and build it with "
              "dstack_add_provider()");
}

}  // namespace

Result<ProviderEntry> open_library(const Path& path) {
  boost::system::error_code error;
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  // Kept for ever: code of a library may be called until the process ends, if only by a destructor.
  auto& library = *new boost::dll::shared_library(fs::absolute(path), error, mode);
  if (error || !library.is_loaded())
    return fail(ErrorCode::unavailable, "cannot be loaded: " + reason_of_loader(path));
  if (!library.has(DSTACK_PROVIDER_ENTRY))
    return without_entry(library);
  return &library.get<dstack_status DSTACK_CALL(
      const dstack_host_v0*, const dstack_provider_v0**, dstack_report*)>(DSTACK_PROVIDER_ENTRY);
}

}  // namespace dstack::provider
