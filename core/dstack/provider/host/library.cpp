#include "dstack/provider/host/library.hpp"

#include "dstack/provider/host/host_table.hpp"

#include <boost/dll/shared_library.hpp>

#include <csignal>
#include <deque>
#include <string>

#include <dlfcn.h>

namespace dstack::provider {

namespace {

constexpr int newest_major_looked_for = 9;

/// The reason without the library's path, which the whole message names already.
std::string reason_of_loader(const Path& library) {
  const char* text = ::dlerror();
  std::string reason = text != nullptr ? text : "the loader gives no reason";
  const std::string prefix = fmt::format("{}: ", library.string());
  return reason.starts_with(prefix) ? reason.substr(prefix.size()) : reason;
}

Failure without_entry(const boost::dll::shared_library& library) {
  for (int major = DSTACK_ABI_MAJOR + 1; major <= newest_major_looked_for; ++major)
    if (library.has("dstack_provider_entry_v" + std::to_string(major)))
      return fail(ErrorCode::unavailable,
                  "is built for version {} of the provider interface, this dstack supports {}",
                  major,
                  DSTACK_ABI_MAJOR)
          .with_hint("rebuild it with the SDK of this dstack");
  return fail(ErrorCode::unavailable, "{}", "has no entry '" DSTACK_PROVIDER_ENTRY "'")
      .with_hint(
          "end one of its sources with DSTACK_PROVIDER(Class), and build it with "
          "dstack_add_provider()");
}

/// A sanitizer's own handlers of crashes would hide the signal, by which a crash is reported.
void let_crashes_end_the_process() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    std::signal(signal, SIG_DFL);
}

std::string joined_messages(const dstack_report& report) {
  std::string text;
  for (const Problem& problem : report.problems)
    if (!problem.message.empty())
      text += (text.empty() ? ": " : "; ") + problem.message;
  return text;
}

}  // namespace

Result<ProviderEntry> open_library(const Path& path) {
  boost::system::error_code error;
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  // Never unloaded: code of a library may be called until the process ends, if only by a
  // destructor.
  static auto& kept = *new std::deque<boost::dll::shared_library>;
  auto& library = kept.emplace_back(fs::absolute(path), error, mode);
  if (error || !library.is_loaded())
    return fail(ErrorCode::unavailable, "cannot be loaded: {}", reason_of_loader(path));
  if (!library.has(DSTACK_PROVIDER_ENTRY))
    return without_entry(library);
  return &library.get<dstack_status DSTACK_CALL(
      const dstack_host_v0*, const dstack_provider_v0**, dstack_report*)>(DSTACK_PROVIDER_ENTRY);
}

std::string describe_failure(dstack_status status,
                             const dstack_report& report,
                             const std::string& doing) {
  const std::string messages = joined_messages(report);
  switch (status) {
    case DSTACK_EXCEPTION:
      return fmt::format("threw {}{}", doing, messages);
    case DSTACK_UNSUPPORTED:
      return fmt::format("does not support this version of dstack{}", messages);
    case DSTACK_INVALID:
    case DSTACK_FAILED:
    case DSTACK_WRONG_USE:
      return fmt::format(
          "failed {}{}",
          doing,
          messages.empty() ? fmt::format(" and does not say why (status {})", status) : messages);
    default:
      return fmt::format("returned the unknown status {} {}{}", status, doing, messages);
  }
}

Result<const dstack_provider_v0*> enter_library(const Path& library) {
  let_crashes_end_the_process();
  DSTACK_TRY(const ProviderEntry entry, open_library(library));
  static const std::string doing = "while it was set up";
  const dstack_provider_v0* provider = nullptr;
  dstack_report report;
  DSTACK_TRY(const dstack_status status,
             call_library(doing, [&] { return entry(&host_table(), &provider, &report); }));
  if (status != DSTACK_OK)
    return fault_of_library(describe_failure(status, report, doing));
  if (provider == nullptr)
    return fault_of_library("returned no function table");
  if (!DSTACK_HAS(provider, plan))
    return fault_of_library("returned a function table without 'plan'");
  if (provider->reserved != 0)
    return fault_of_library("returned a function table whose 'reserved' is not 0");
  return provider;
}

}  // namespace dstack::provider
