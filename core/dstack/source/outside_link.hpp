// Links of a project that lead out of it. A job has the link, and not what it leads to.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

struct OutsideLink {
  std::string path;    ///< from the project's root
  std::string target;  ///< as the link has it

  bool operator==(const OutsideLink&) const = default;
};

/// By their text alone: an absolute target, or one with more `..` than the link is deep.
bool leads_out(std::string_view path, std::string_view target);

/// The first link that leads out on the way to `path` in the folder `project`, the last component
/// included.
std::optional<OutsideLink> find_outside_link(const Path& project, std::string_view path);
/// Those of a snapshot. What cannot be read is left out.
std::vector<OutsideLink> outside_links(const job::TreeReference& code,
                                       const store::ObjectStore& objects);

/// What is worth knowing before a run of code with these links, without those at or below `covered`
/// paths, where jobs have something else.
struct LinkMessages {
  std::vector<std::string> warnings;  ///< of relative links, which lead nowhere in a job
  std::vector<std::string> notes;     ///< of absolute ones, whose content is not recorded
};

LinkMessages describe_outside_links(const std::vector<OutsideLink>& links,
                                    const std::vector<std::string>& covered);

/// Why a job lacks what is at `path`, and what to do.
std::string explain_outside_link(const std::string& path, const OutsideLink& link);

}  // namespace dstack::source
