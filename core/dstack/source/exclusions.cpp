#include "dstack/source/exclusions.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/files/beneath.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::source {

namespace {

bool is_below_any(std::string_view path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    return is_below(path, folder);
  });
}

/// The store's own folder, as a path from the project's root when it lies there.
std::string home_in_project(const Path& home, const Path& project) {
  boost::system::error_code error;
  const Path real_home = fs::weakly_canonical(home, error);
  const Path real_project = fs::canonical(project, error);
  if (error)
    return {};
  const Path relative = real_home.lexically_relative(real_project);
  if (relative.empty() || *relative.begin() == ".." || relative == ".")
    return {};
  return relative.string();
}

std::string in_folder(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

}  // namespace

bool is_folder_marker(std::string_view name) {
  return std::find(folder_markers.begin(), folder_markers.end(), name) != folder_markers.end();
}

std::optional<std::string> read_rule_file(int root, const std::string& folder, const char* name) {
  const Fd file(files::open_beneath(root, in_folder(folder, name), O_RDONLY | O_NONBLOCK));
  if (!file || !is_source(file.get()))
    return std::nullopt;
  auto text = read_all(file.get());
  return text ? std::optional(*std::move(text)) : std::nullopt;
}

Exclusions::Exclusions(int root,
                       const Path& project,
                       const Path& home,
                       const std::vector<std::string>& artifacts)
    : root_(root) {
  if (const std::string inside = home_in_project(home, project); !inside.empty())
    never_.push_back(inside);
  for (const std::string& artifact : artifacts)
    if (!artifact.empty())
      artifacts_.emplace_back(artifact);
}

void Exclusions::read_rules(const std::string& folder) {
  if (const auto text = read_rule_file(root_, folder, ignore_file))
    rules_.add(folder, *text);
}

bool Exclusions::is_home(std::string_view path) const {
  return is_below_any(path, never_);
}

bool Exclusions::is_artifact(std::string_view path) const {
  return is_covered(path, artifacts_);
}

bool Exclusions::ignores(const std::string& path) {
  return rules_.ignores(path);
}

bool Exclusions::ignores_folder(const std::string& path) {
  return rules_.ignores_folder(path);
}

bool Exclusions::matches(std::string_view path, PathType type) const {
  return rules_.matches(path, type);
}

bool Exclusions::is_marked(const std::string& folder) const {
  return std::any_of(folder_markers.begin(), folder_markers.end(), [&](std::string_view marker) {
    struct stat status;
    return ::fstatat(root_, in_folder(folder, marker).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  });
}

}  // namespace dstack::source
