#include "dstack/provider/discovery/search_path.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/installation.hpp"
#include "dstack/base/text.hpp"

#include <cstdlib>

namespace dstack::provider {

namespace {

constexpr const char* variable = "DSTACK_PROVIDER_PATH";

/// Providers that packages of others install. Not the folder of our own package, so that a
/// dstack beside the installed one keeps to its own built-in providers.
constexpr const char* system_folders[] = {"/usr/local/lib/dstack/providers",
                                          "/usr/lib/dstack/providers"};

void add_folders_of_variable(std::vector<Place>& places) {
  const auto value = nonempty_environment_variable(variable);
  if (!value)
    return;
  if (::secure_getenv(variable) == nullptr) {
    places.push_back({*value,
                      variable,
                      TrustLevel::guarded,
                      "the variable is ignored, because this program runs with raised privileges"});
    return;
  }
  for (const std::string_view part : split(*value, ':')) {
    Place place{std::string(part), variable};
    if (part.empty())
      continue;
    if (part.front() != '/')
      place.passed_over = "it is not an absolute path; '--provider-path' takes relative ones";
    places.push_back(std::move(place));
  }
}

}  // namespace

SearchPath search_path(const Surroundings& surroundings) {
  SearchPath search;
  search.trusted = surroundings.trusted;
  for (const Path& path : surroundings.named)
    search.places.push_back({path, "--provider-path"});
  add_folders_of_variable(search.places);
  if (!surroundings.project.empty())
    search.places.push_back(
        {surroundings.project / ".dstack" / "plugins", "project", TrustLevel::pinned});
  search.places.push_back({surroundings.home_plugins, "home"});
  for (const char* folder : system_folders)
    search.places.push_back({folder, "system"});
  search.places.push_back({built_in_folder(), "built in", TrustLevel::ours});
  return search;
}

Path built_in_folder() {
  return library_folder() / "plugins";
}

}  // namespace dstack::provider
