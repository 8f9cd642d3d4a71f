#include "dstack/trust/belief.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/trust/trusted_folders.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace dstack::trust {

namespace {

/// Takes out what lies in a folder that the user trusts, and what is above it for a path that goes
/// through it.
void excuse_trusted(Exposure& exposure, const Path& path) {
  const std::vector<Path> trusted = all_trusted_folders();
  const std::vector<Path> places = {place_of_new(path), place_of_new(path.parent_path())};
  const auto is_excused = [&](const std::string& found) {
    return std::any_of(trusted.begin(), trusted.end(), [&](const Path& folder) {
      const bool leads_there = std::any_of(places.begin(), places.end(), [&](const Path& place) {
        return is_below(place.string(), folder.string());
      });
      return is_below(found, folder.string()) || (leads_there && is_below(folder.string(), found));
    });
  };
  std::erase_if(exposure.foreign, [&](const auto& each) { return is_excused(each.path); });
  std::erase_if(exposure.writable, is_excused);
}

Result<Exposure> examine(const Path& path, Kind kind) {
  static std::mutex mutex;
  static OwnershipWalk walk;
  const std::lock_guard lock(mutex);
  DSTACK_TRY(Exposure exposure, walk.look_at(path, kind));
  if (!exposure.empty())
    excuse_trusted(exposure, path);
  return exposure;
}

std::string how_to_close(const Exposure& exposure) {
  return fmt::format("chmod go-w {}", shell_join(exposure.writable));
}

}  // namespace

std::string how_to_trust(const Path& folder) {
  const std::string quoted = shell_quote(folder.string());
  return fmt::format(
      "'dstack trust {}' uses it all the same; in containers and CI, DSTACK_TRUST={}",
      quoted,
      quoted);
}

std::string why_not_believed(const Path& path, Kind kind) {
  const auto exposure = examine(path, kind);
  if (!exposure)
    return exposure.error().message;
  return exposure->empty() ? std::string() : exposure->describe();
}

Result<void> believe(std::string_view subject, const Path& path, Kind kind, const Path& to_trust) {
  DSTACK_TRY(const Exposure exposure, examine(path, kind));
  if (exposure.empty())
    return {};
  const Path place = place_of_new(path);
  const bool leads_out = !is_below(place.string(), real_path(to_trust).string());
  std::string hint = how_to_trust(leads_out ? place.parent_path() : to_trust);
  if (exposure.foreign.empty())
    hint = fmt::format("'{}' closes it; {}", how_to_close(exposure), hint);
  else if (environment_variable("SUDO_USER"))
    hint = fmt::format("run it without 'sudo'; {}", hint);
  return fail(ErrorCode::configuration, "{} is not used: {}", subject, exposure.describe())
      .with_hint("{}", hint);
}

Result<void> believe_library(const Path& library) {
  DSTACK_TRY(const Exposure exposure, examine(library, Kind::file));
  if (!exposure.foreign.empty())
    return fail(
               ErrorCode::configuration, "others could replace it, because {}", exposure.describe())
        .with_hint("copy it to a folder that belongs to you or to root");
  if (!exposure.writable.empty())
    return fail(ErrorCode::configuration,
                "others could replace it, because they can write to {}",
                quoted_list(exposure.writable))
        .with_hint("{}", how_to_close(exposure));
  return {};
}

}  // namespace dstack::trust
