#include "dstack/source/git_list.hpp"

#include "dstack/base/text.hpp"

namespace dstack::source {

process::Command list_command(const Path& folder) {
  return git_command(
      folder, {"ls-files", "-z", "-t", "--stage", "--cached", "--others", "--exclude-standard"});
}

/// What `git ls-files -t --stage` prints: "? path" for what is not tracked, else "letter mode
/// object stage", a tab and the path.
void parse_list(std::string_view text, const std::string& prefix, std::vector<Candidate>& into) {
  for (const std::string_view line : split(text, '\0')) {
    if (line.size() <= 2)
      continue;
    const bool is_tracked = line.front() != '?';
    const std::size_t path = is_tracked ? line.find('\t') + 1 : 2;
    into.push_back({prefix + std::string(line.substr(path)),
                    is_tracked,
                    is_tracked && line.substr(2).starts_with("160000 ")});
  }
}

process::Command status_command(const Path& folder) {
  return git_command(folder,
                     {"status",
                      "--porcelain=v2",
                      "-z",
                      "--branch",
                      "--no-ahead-behind",
                      "--untracked-files=no",
                      "--ignore-submodules=dirty",
                      "--no-renames",
                      "--",
                      "."});
}

process::Command remotes_command(const Path& folder) {
  return git_command(folder,
                     {"config", "-z", "--get-regexp", R"(^(remote\..*\.url|branch\..*\.remote)$)"});
}

std::vector<std::string> unreadable_folders(std::string_view err, const std::string& prefix) {
  constexpr std::string_view before = "warning: could not open directory '";
  std::vector<std::string> folders;
  for (std::string_view line : split(err, '\n')) {
    if (!line.starts_with(before))
      continue;
    line.remove_prefix(before.size());
    line = line.substr(0, line.rfind("': "));
    if (line.starts_with(prefix))
      line.remove_prefix(prefix.size());
    while (line.ends_with('/'))
      line.remove_suffix(1);
    folders.emplace_back(line);
  }
  return folders;
}

}  // namespace dstack::source
