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

std::vector<std::string> without_filters(std::string_view text) {
  std::vector<std::string> settings;
  const auto words = split(text, '\0');
  // The scope, then the name and the value.
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::size_t end = words[i + 1].find('\n');
    const std::string_view name = words[i + 1].substr(0, end);
    const std::string_view value =
        end == std::string_view::npos ? std::string_view() : words[i + 1].substr(end + 1);
    const bool is_own = words[i] == "local" || words[i] == "worktree";
    const bool is_lfs =
        name.starts_with("filter.lfs.") &&
        (value == "git-lfs clean -- %f" || value == "git-lfs filter-process" || value == "true");
    if (!is_own || is_lfs)
      continue;
    settings.emplace_back("-c");
    settings.push_back(fmt::format("{}={}", name, name.ends_with(".required") ? "false" : ""));
  }
  return settings;
}

process::Command status_command(const Path& folder, Programs programs) {
  std::vector<std::string> arguments;
  std::vector<std::string> variables;
  if (programs == Programs::refused) {
    const auto filters = git_output(
        git_command(folder, {"config", "-z", "--show-scope", "--get-regexp", R"(^filter\.)"}));
    if (filters)
      arguments = without_filters(*filters);
    variables.emplace_back("GIT_ALLOW_PROTOCOL=none");
  }
  for (const char* argument : {"status",
                               "--porcelain=v2",
                               "-z",
                               "--branch",
                               "--no-ahead-behind",
                               "--untracked-files=no",
                               "--ignore-submodules=dirty",
                               "--no-renames",
                               "--",
                               "."})
    arguments.emplace_back(argument);
  return git_command(folder, std::move(arguments), variables);
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
