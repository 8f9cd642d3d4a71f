#include "dstack/source/files.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/source/exclusions.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/git_inquiry.hpp"
#include "dstack/source/inspection.hpp"
#include "dstack/source/left_out.hpp"
#include "dstack/source/plain_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <unordered_set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

namespace {

constexpr std::size_t looks_at_once = 2048;
constexpr std::size_t most_names = 5;

class Finder {
 public:
  Finder(const Path& project,
         const SnapshotOptions& options,
         const Path& home,
         const std::optional<KnownRoot>& known,
         std::shared_ptr<GitInquiry> asked)
      : project_(project),
        options_(options),
        home_(home),
        known_(known),
        asked_(std::move(asked)) {}

  Result<CodeFiles> find() {
    DSTACK_TRY(folder_, open_file(project_.string(), O_RDONLY | O_DIRECTORY));
    exclusions_.emplace(folder_.get(), project_, home_, options_.artifacts);
    DSTACK_TRY(const bool is_git, ask_git());
    if (is_git)
      DSTACK_CHECK(look_at_candidates());
    else
      DSTACK_CHECK(find_plain_files({folder_.get(), project_, plain_entry_, options_.large_folder},
                                    *exclusions_,
                                    found_,
                                    left_out_));
    auto& files = found_.files;
    const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
    if (!std::is_sorted(files.begin(), files.end(), by_path))
      std::sort(files.begin(), files.end(), by_path);
    for (std::string& warning : warnings_of(std::move(left_out_), options_.file_limit))
      found_.warnings.push_back(std::move(warning));
    inspect_files(folder_.get(), found_);
    return std::move(found_);
  }

 private:
  /// False when the folder is to be taken as one without Git.
  Result<bool> ask_git() {
    entry_ = find_git_entry(project_);
    if (entry_.empty())
      return false;

    struct stat status {};

    (void)::lstat(entry_.c_str(), &status);
    found_.root.repository = status.st_ino;
    auto answer = ask();
    if (!answer && answer.error().code == ErrorCode::not_found) {
      found_.warnings.push_back(
          "git is not installed, so every file that no '.gitignore' names is taken as code");
      plain_entry_ = entry_;
      return false;
    }
    if (!answer)
      return Failure(std::move(answer).error());
    if (answer->is_refused) {
      found_.warnings.push_back(
          fmt::format("Git refuses this repository because it belongs to another user, so every "
                      "file that no '.gitignore' names is taken as code; 'git config --global "
                      "--add safe.directory {}' makes Git accept it",
                      shell_quote(entry_.parent_path().string())));
      plain_entry_ = entry_;
      return false;
    }
    if (answer->is_ignored)
      return false;
    take_facts(*std::move(answer));
    return true;
  }

  bool knows_root() const {
    return known_ && known_->repository == found_.root.repository && !known_->commit.empty();
  }

  Result<GitAnswer> ask() {
    const auto root = known_ && !knows_root() ? RootCommit::wanted : RootCommit::unwanted;
    if (asked_ && asked_->waits_for(project_))
      return asked_->finish(root);
    DSTACK_TRY(GitInquiry inquiry, GitInquiry::start(project_, entry_));
    return inquiry.finish(root);
  }

  void take_facts(GitAnswer answer) {
    candidates_ = std::move(answer.files);
    left_out_.unreadable = std::move(answer.unreadable);
    found_.git.commit = answer.branch.commit;
    found_.git.branch = answer.branch.branch;
    found_.git.dirty = answer.branch.has_changes;
    found_.git.remote = answer.remote;
    found_.git.root_commit = knows_root() ? known_->commit : answer.root_commit;
    found_.root.commit = found_.git.root_commit;
  }

  /// Submodules, and repositories that lie about in the folder, come as one path each: their files
  /// are code, too.
  Result<void> add_repository(const Candidate& repository) {
    std::string path = repository.path;
    while (path.ends_with('/'))
      path.pop_back();
    if (exclusions_->is_home(path) || exclusions_->ignores_folder(path) ||
        (!repository.is_tracked && exclusions_->is_artifact(path)))
      return {};
    struct stat status;
    if (::fstatat(folder_.get(), (path + "/.git").c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (repository.is_submodule)
        not_checked_out_.push_back(path);
      return {};
    }
    const Path folder = project_ / path;
    const auto answer = ask_inside(folder);
    if (!answer)
      return refuse_repository(repository, path, answer.error());
    if (answer->is_refused) {
      left_out_.foreign.push_back(path);
      return {};
    }
    for (const std::string& unreadable : answer->unreadable)
      left_out_.unreadable.push_back(fmt::format("{}/{}", path, unreadable));
    if (repository.is_submodule && answer->branch.has_changes)
      found_.git.dirty = true;
    for (const Candidate& candidate : answer->files)
      candidates_.push_back({fmt::format("{}/{}", path, candidate.path),
                             candidate.is_tracked && repository.is_tracked,
                             candidate.is_submodule});
    return {};
  }

  static Result<GitAnswer> ask_inside(const Path& folder) {
    DSTACK_TRY(GitInquiry inquiry, GitInquiry::start(folder, folder / ".git"));
    return inquiry.finish(RootCommit::unwanted);
  }

  /// Code that Git tracks is missed; what only lies there is not.
  Result<void> refuse_repository(const Candidate& repository,
                                 const std::string& path,
                                 Error error) {
    if (repository.is_tracked)
      return fail(std::move(error));
    left_out_.broken.push_back(path);
    return {};
  }

  struct Seen {
    std::optional<files::FileState> state;
    bool is_folder = false;
    bool is_unreadable = false;
  };

  /// Git's list becomes files with their states. It grows while repositories are met, so in rounds.
  Result<void> look_at_candidates() {
    exclusions_->read_rules("");  // also where Git ignores the file
    for (std::size_t done = 0; done < candidates_.size();) {
      std::vector<Seen> seen(candidates_.size() - done);
      DSTACK_CHECK(look(done, seen));
      read_rules_of(done);
      for (std::size_t i = 0; i < seen.size(); ++i) {
        const Candidate candidate = candidates_[done + i];
        if (seen[i].is_folder)
          DSTACK_CHECK(add_repository(candidate));
        else if (seen[i].state || seen[i].is_unreadable)
          listed_.push_back({candidate, std::move(seen[i])});
        else if (candidate.is_submodule)
          not_checked_out_.push_back(candidate.path);
      }
      done += seen.size();
    }
    std::sort(listed_.begin(), listed_.end(), [](const Listed& a, const Listed& b) {
      return a.candidate.path < b.candidate.path;
    });
    const auto is_same = [](const Listed& a, const Listed& b) {
      return a.candidate.path == b.candidate.path;
    };
    // A path with a merge conflict is listed once for each side.
    listed_.erase(std::unique(listed_.begin(), listed_.end(), is_same), listed_.end());
    note_not_checked_out();
    find_marked_folders();
    return choose();
  }

  Result<void> look(std::size_t first, std::vector<Seen>& seen) const {
    return files::in_parallel(seen.size(), looks_at_once, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        const Candidate& candidate = candidates_[first + i];
        struct stat status;
        if (::fstatat(folder_.get(), candidate.path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
          seen[i].is_unreadable = errno == EACCES;
          if (seen[i].is_unreadable || files::is_missing(errno))
            continue;
          return Result<void>(fail_errno("cannot inspect '{}'", candidate.path));
        }
        seen[i].is_folder = S_ISDIR(status.st_mode);
        if (!seen[i].is_folder)
          seen[i].state = files::file_state(status);
        seen[i].is_unreadable = !candidate.is_tracked && !may_read(candidate.path, status);
      }
      return Result<void>();
    });
  }

  /// Asks the system only where the mode does not say it.
  bool may_read(const std::string& path, const struct stat& status) const {
    if (!S_ISREG(status.st_mode) || user_ == 0 ||
        (status.st_uid == user_ && (status.st_mode & S_IRUSR) != 0))
      return true;
    return ::faccessat(folder_.get(), path.c_str(), R_OK, AT_EACCESS) == 0 || errno != EACCES;
  }

  void read_rules_of(std::size_t first) {
    std::vector<std::string> folders;
    for (std::size_t i = first; i < candidates_.size(); ++i) {
      const std::string& path = candidates_[i].path;
      if (file_name(path) == ignore_file && path != ignore_file)
        folders.emplace_back(folder_of(path));
    }
    // Those above come before those below them.
    std::sort(folders.begin(), folders.end(), [](const std::string& a, const std::string& b) {
      return a.size() < b.size();
    });
    for (const std::string& folder : folders)
      exclusions_->read_rules(folder);
  }

  void note_not_checked_out() {
    std::erase_if(not_checked_out_,
                  [&](const std::string& path) { return exclusions_->ignores_folder(path); });
    if (not_checked_out_.empty())
      return;
    const bool is_one = not_checked_out_.size() == 1;
    found_.notes.push_back(fmt::format(
        "{} {} not checked out, and {} files are not part of the code; 'git submodule update "
        "--init --recursive' fetches them",
        is_one ? fmt::format("submodule '{}'", not_checked_out_.front())
               : fmt::format("submodules {}", quoted_list(not_checked_out_, most_names)),
        is_one ? "is" : "are",
        is_one ? "its" : "their"));
  }

  void find_marked_folders() {
    for (const Listed& listed : listed_)
      if (is_folder_marker(file_name(listed.candidate.path)) &&
          !folder_of(listed.candidate.path).empty())
        marked_.emplace(folder_of(listed.candidate.path));
  }

  bool is_in_marked_folder(std::string_view path) {
    if (marked_.empty())
      return false;
    for (std::string_view at = folder_of(path); !at.empty(); at = folder_of(at))
      if (marked_.contains(std::string(at)))
        return true;
    return false;
  }

  Result<void> choose() {
    std::set<std::string> tracked_marked;
    for (Listed& listed : listed_) {
      const std::string& path = listed.candidate.path;
      const bool is_tracked = listed.candidate.is_tracked;
      if (!git_part(path).empty() || exclusions_->is_home(path) || exclusions_->ignores(path) ||
          (!is_tracked && exclusions_->is_artifact(path)))
        continue;
      if (is_in_marked_folder(path)) {
        if (is_tracked)
          tracked_marked.emplace(path.substr(0, path.find('/')));
        continue;
      }
      if (listed.seen.is_unreadable) {
        if (is_tracked)
          return fail_errno_of(EACCES, "cannot inspect '{}'", path);
        left_out_.unreadable.push_back(path);
        continue;
      }
      const files::FileState& state = *listed.seen.state;
      if (!is_tracked && state.size > options_.file_limit) {
        left_out_.large.push_back(fmt::format("'{}' ({})", path, render_size(state.size)));
        continue;
      }
      found_.git.dirty = found_.git.dirty || !is_tracked;
      found_.files.push_back({.path = path, .state = state});
    }
    std::erase_if(left_out_.unreadable, [&](const std::string& path) {
      return exclusions_->is_home(path) || exclusions_->ignores_folder(path) ||
             exclusions_->is_artifact(path) || is_in_marked_folder(path);
    });
    note_tracked_environments(tracked_marked);
    return {};
  }

  void note_tracked_environments(const std::set<std::string>& folders) {
    if (folders.empty())
      return;
    found_.notes.push_back(fmt::format(
        "Git tracks files of an environment or a cache in {}, which never are code ('{}' "
        "or '{}' is there)",
        quoted_list({folders.begin(), folders.end()}, most_names),
        folder_markers[0],
        folder_markers[1]));
  }

  struct Listed {
    Candidate candidate;
    Seen seen;
  };

  const Path project_;
  const SnapshotOptions& options_;
  const Path& home_;
  const std::optional<KnownRoot>& known_;
  const std::shared_ptr<GitInquiry> asked_;
  const uid_t user_ = ::geteuid();
  Path entry_;        ///< the repository's .git
  Path plain_entry_;  ///< the same where Git does not list the files of its repository
  Fd folder_;
  std::optional<Exclusions> exclusions_;
  std::vector<Candidate> candidates_;
  std::vector<Listed> listed_;
  std::vector<std::string> not_checked_out_;
  std::unordered_set<std::string> marked_;  ///< folders
  LeftOut left_out_;
  CodeFiles found_;
};

}  // namespace

Result<CodeFiles> find_code_files(const Path& project,
                                  const SnapshotOptions& options,
                                  const Path& home,
                                  const std::optional<KnownRoot>& known,
                                  std::shared_ptr<GitInquiry> asked) {
  return Finder(project, options, home, known, std::move(asked)).find();
}

}  // namespace dstack::source
