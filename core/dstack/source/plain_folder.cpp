#include "dstack/source/plain_folder.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/source/git.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

namespace {

constexpr std::size_t most_files = 20'000;
constexpr std::uint64_t most_bytes = 1'000'000'000;
/// Enough to say what would be taken.
constexpr std::size_t most_looked_at = 200'000;

/// The rules of .gitignore files, also of those between the repository's root and the project.
class GitIgnore {
 public:
  GitIgnore(int root, const Path& project, const Path& git_entry) : root_(root) {
    if (git_entry.empty())
      return;
    prefix_ = prefix_in_repository(project, git_entry);
    if (const auto text = read_file(git_entry / "info" / "exclude"))
      rules_.add("", *text);
    const Path top = git_entry.parent_path();
    for (std::size_t end = 0; end < prefix_.size(); end = prefix_.find('/', end) + 1) {
      const std::string folder = prefix_.substr(0, end == 0 ? 0 : end - 1);
      if (const auto text = read_file(top / folder / ".gitignore"))
        rules_.add(folder, *text);
    }
  }

  void read_rules(const std::string& folder) {
    const auto text = read_rule_file(root_, folder, ".gitignore");
    if (!text)
      return;
    std::string from_top = prefix_ + folder;
    if (from_top.ends_with('/'))
      from_top.pop_back();
    rules_.add(from_top, *text);
  }

  bool matches(const std::string& path, PathType type) const {
    return rules_.matches(prefix_.empty() ? path : prefix_ + path, type);
  }

 private:
  int root_;
  std::string prefix_;
  IgnoreRules rules_;
};

bool is_users_home(const Path& project) {
  const auto home = nonempty_environment_variable("HOME");
  return home && real_path(*home) == real_path(project);
}

/// "'data' (3 files, 1.2 GB), 'notes' (400 files, 2.0 MB)".
std::string names_of_largest(const std::map<std::string, Amount>& by_name) {
  constexpr std::size_t most_names = 5;
  std::vector<std::pair<std::string, Amount>> all(by_name.begin(), by_name.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second.bytes, a.second.files) > std::tie(b.second.bytes, b.second.files);
  });
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < all.size() && i < most_names; ++i)
    shown.push_back(fmt::format("'{}' ({}, {})",
                                printable(all[i].first),
                                plural(all[i].second.files, "file"),
                                render_size(all[i].second.bytes)));
  return join(shown, ", ");
}

class PlainFinder {
 public:
  PlainFinder(const PlainFolder& folder, Exclusions& exclusions, LeftOut& left_out)
      : folder_(folder),
        exclusions_(exclusions),
        left_out_(left_out),
        git_ignore_(folder.root, folder.project, folder.git_entry),
        may_read_all_(::geteuid() == 0),
        is_limited_(folder.large == LargeFolder::refused && folder.git_entry.empty() &&
                    !has_rules()) {}

  Result<void> find(CodeFiles& code) {
    if (is_limited_ && real_path(folder_.project) == "/")
      return fail(ErrorCode::usage,
                  "this is the root of the file system, which would be the code of the run as a "
                  "whole")
          .with_hint("change to the project's folder; '--yes' takes all of it");
    read_rules("");
    DSTACK_TRY(files::Walk walk,
               files::walk_folder(folder_.root, "", [&](const auto& path, auto type) {
                 return is_wanted(path, type);
               }));
    std::erase_if(walk.entries, [](const files::FoundFile& entry) {
      return entry.state.type == files::EntryType::folder;
    });
    DSTACK_CHECK(check_amount(walk.entries));
    code.files = std::move(walk.entries);
    left_out_.special = std::move(walk.special);
    return {};
  }

 private:
  static constexpr const char* way_out =
      "change to the project's folder, or make this one a project: 'git init', or a file "
      "'.dstackignore' that says what is not code; '--yes' takes all of it";

  bool has_rules() const {
    struct stat status;
    return ::fstatat(folder_.root, ignore_file, &status, 0) == 0;
  }

  void read_rules(const std::string& folder) {
    exclusions_.read_rules(folder);
    git_ignore_.read_rules(folder);
  }

  bool is_wanted(const std::string& path, files::EntryType type) {
    const bool is_folder = type == files::EntryType::folder;
    const PathType kind = is_folder ? PathType::folder : PathType::file;
    if (is_git_name(file_name(path)) || exclusions_.is_home(path) ||
        exclusions_.is_artifact(path) || exclusions_.matches(path, kind) ||
        git_ignore_.matches(path, kind) || (is_folder && exclusions_.is_marked(path)))
      return false;
    if (!is_folder && is_limited_ && ++looked_at_ > most_looked_at)
      return false;
    if (is_folder && looked_at_ > most_looked_at)
      return false;
    if (type != files::EntryType::link && !may_read(path, is_folder)) {
      left_out_.unreadable.push_back(path);
      return false;
    }
    if (is_folder)
      read_rules(path);
    return true;
  }

  bool may_read(const std::string& path, bool is_folder) const {
    return may_read_all_ ||
           ::faccessat(folder_.root, path.c_str(), is_folder ? R_OK | X_OK : R_OK, AT_EACCESS) ==
               0 ||
           errno != EACCES;
  }

  Result<void> check_amount(const std::vector<files::FoundFile>& files) const {
    if (!is_limited_)
      return {};
    std::uint64_t bytes = 0;
    std::map<std::string, Amount> by_name;
    for (const files::FoundFile& file : files) {
      bytes += file.state.size;
      Amount& of_name = by_name[file.path.substr(0, file.path.find('/'))];
      ++of_name.files;
      of_name.bytes += file.state.size;
    }
    const bool is_home = is_users_home(folder_.project);
    if (!is_home && files.size() <= most_files && bytes <= most_bytes)
      return {};
    const std::string largest = names_of_largest(by_name);
    return fail(ErrorCode::usage,
                "'{}' is {}no Git repository, and {}{} ({}) would be the code of the run{}{}",
                folder_.project.string(),
                is_home ? "your home folder and " : "",
                looked_at_ > most_looked_at ? "more than " : "",
                plural(files.size(), "file"),
                render_size(bytes),
                largest.empty() ? "" : ", most of it in ",
                largest)
        .with_hint("{}", way_out);
  }

  const PlainFolder& folder_;
  Exclusions& exclusions_;
  LeftOut& left_out_;
  GitIgnore git_ignore_;
  bool may_read_all_;
  bool is_limited_;
  std::size_t looked_at_ = 0;  ///< files, where there is a limit
};

}  // namespace

Result<void> find_plain_files(const PlainFolder& folder,
                              Exclusions& exclusions,
                              CodeFiles& code,
                              LeftOut& left_out) {
  return PlainFinder(folder, exclusions, left_out).find(code);
}

}  // namespace dstack::source
