#include "dstack/run/runner/overlay_trouble.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <iterator>

namespace dstack::run {

namespace {

/// EXDEV: of the C library in its two versions and of what is built on it; of Node.
constexpr std::string_view refused_renames[] = {"cross-device link", "exdev"};
/// Of ssh and of sudo, which trust only root's files.
constexpr std::string_view refused_owners[] = {
    "bad owner or permissions", "must be owned by uid 0", "is owned by uid 65534"};

template <std::size_t count>
bool mentions(const std::string& lower_case, const std::string_view (&phrases)[count]) {
  return std::any_of(std::begin(phrases), std::end(phrases), [&](std::string_view phrase) {
    return lower_case.find(phrase) != std::string::npos;
  });
}

}  // namespace

std::string explain_overlay_trouble(std::string_view log_end, overlay::Access access) {
  const std::string text = to_lower(log_end);
  if (mentions(text, refused_renames))
    return "its workspace is an overlay, in which a folder of the code or of an input cannot be "
           "renamed (EXDEV), only copied and removed, as 'mv' does; 'workspace: copy' in the "
           "workflow gives it a folder of real files";
  if (access == overlay::Access::user && mentions(text, refused_owners))
    return "it ran in a user namespace, in which files of other users seem to belong to 'nobody'; "
           "'workspace: copy' in the workflow runs it without one";
  return {};
}

}  // namespace dstack::run
