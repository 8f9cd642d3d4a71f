#include "dstack/source/git_list.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/drafts.hpp"

namespace dstack::source {

std::vector<std::string> list_arguments() {
  return {"ls-files", "-z", "--stage", "--cached"};
}

/// "mode object stage", a tab and the path.
void parse_list(std::string_view text, std::vector<Candidate>& into) {
  for (const std::string_view line : split(text, '\0')) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string_view::npos)
      into.push_back({std::string(line.substr(tab + 1)), true, line.starts_with("160000 ")});
  }
}

std::vector<std::string> status_arguments() {
  return {"status",
          "--porcelain=v2",
          "-z",
          "--branch",
          "--no-ahead-behind",
          "--untracked-files=all",
          "--ignored=no",
          "--ignore-submodules=dirty",
          "--no-renames",
          "--",
          "."};
}

void parse_untracked(std::string_view text,
                     const std::string& prefix,
                     std::vector<Candidate>& into) {
  for (std::string_view line : split(text, '\0')) {
    if (!line.starts_with("? "))
      continue;
    line.remove_prefix(2);
    if (line.starts_with(prefix) && line.size() > prefix.size() &&
        !files::is_draft(file_name(line)))
      into.push_back({std::string(line.substr(prefix.size()))});
  }
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

std::vector<std::string> root_commit_arguments() {
  return {"rev-list", "--max-parents=0", "--first-parent", "HEAD", "--"};
}

}  // namespace dstack::source
