#include "dstack/source/files.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/ignore.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::source {

namespace {

constexpr const char* ignore_file = ".dstackignore";
constexpr std::size_t looks_at_once = 2048;

struct Candidate {
  std::string path;
  bool is_tracked = false;
};

bool is_below_any(std::string_view path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    return is_below(path, folder);
  });
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
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

process::Command list_command(const Path& folder) {
  return git_command(folder,
                     {"ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard"});
}

/// What `git ls-files -t` prints: a letter, a space, the path. "?" is untracked.
void parse_list(std::string_view text, const std::string& prefix, std::vector<Candidate>& into) {
  for (const std::string_view line : split(text, '\0'))
    if (line.size() > 2)
      into.push_back({prefix + std::string(line.substr(2)), line.front() != '?'});
}

class Finder {
 public:
  Finder(const Path& project,
         const SnapshotOptions& options,
         const Path& home,
         const std::optional<KnownRoot>& known)
      : project_(project), options_(options), known_(known) {
    if (const std::string inside = home_in_project(home, project); !inside.empty())
      never_.push_back(inside);
    for (const std::string& artifact : options.artifacts)
      if (!artifact.empty())
        artifacts_.emplace_back(artifact);
  }

  Result<CodeFiles> find() {
    DSTACK_TRY(folder_, open_file(project_.string(), O_RDONLY | O_DIRECTORY));
    DSTACK_TRY(const bool is_git, ask_git());
    if (is_git)
      DSTACK_CHECK(look_at_candidates());
    else
      DSTACK_CHECK(find_all());
    auto& files = found_.files;
    const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
    if (!std::is_sorted(files.begin(), files.end(), by_path))
      std::sort(files.begin(), files.end(), by_path);
    return std::move(found_);
  }

 private:
  /// False when the folder is to be taken as one without Git.
  Result<bool> ask_git() {
    const Path entry = find_git_entry(project_);
    if (entry.empty())
      return false;

    struct stat status {};

    (void)::lstat(entry.c_str(), &status);
    found_.root.repository = status.st_ino;
    auto outputs = run_together(questions());
    if (!outputs && outputs.error().code == ErrorCode::not_found) {
      found_.warnings.push_back(
          "git is not installed, so every file of the folder is taken as code");
      return false;
    }
    if (!outputs)
      return Failure(std::move(outputs).error());
    DSTACK_TRY(const bool is_listed, take_list((*outputs)[0]));
    if (!is_listed)
      return false;
    take_facts(*outputs);
    return true;
  }

  bool knows_root() const {
    return known_ && known_->repository == found_.root.repository && !known_->commit.empty();
  }

  std::vector<process::Command> questions() const {
    std::vector<process::Command> commands{
        list_command(project_),
        git_command(project_,
                    {"status",
                     "--porcelain=v2",
                     "-z",
                     "--branch",
                     "--no-ahead-behind",
                     "--untracked-files=no",
                     "--no-renames",
                     "--",
                     "."}),
        git_command(project_,
                    {"config", "-z", "--get-regexp", R"(^(remote\..*\.url|branch\..*\.remote)$)"})};
    if (known_ && !knows_root())
      commands.push_back(
          git_command(project_, {"rev-list", "--max-parents=0", "--first-parent", "HEAD", "--"}));
    return commands;
  }

  Result<bool> take_list(const process::Output& output) {
    if (process::succeeded(output.status)) {
      parse_list(output.out, "", candidates_);
      return !candidates_.empty() || !is_ignored_folder();
    }
    if (is_ownership_refusal(output)) {
      found_.warnings.push_back(
          fmt::format("Git refuses this repository because it belongs to another user, so every "
                      "file of the folder is taken as code; 'git config --global --add "
                      "safe.directory {}' makes Git accept it",
                      shell_quote(find_git_entry(project_).parent_path().string())));
      return false;
    }
    if (output.err.find("not a git repository") != std::string::npos)
      return false;
    return fail(ErrorCode::unavailable,
                "git could not list the files of '{}': {}",
                project_.string(),
                stderr_tail(output))
        .with_hint("'git status' in that folder shows what is wrong");
  }

  /// A project in an ignored folder of somebody else's repository: Git shows nothing of it.
  bool is_ignored_folder() const {
    return git_output(git_command(project_, {"check-ignore", "-q", "."})).has_value();
  }

  void take_facts(const std::vector<process::Output>& outputs) {
    const BranchFacts branch = parse_status(outputs[1].out);
    found_.git.commit = branch.commit;
    found_.git.branch = branch.branch;
    found_.git.dirty = branch.has_changes;
    found_.git.remote = parse_remote(outputs[2].out, branch.branch);
    if (knows_root())
      found_.git.root_commit = known_->commit;
    else if (outputs.size() > 3 && process::succeeded(outputs[3].status))
      found_.git.root_commit = trim(outputs[3].out);
    found_.root.commit = found_.git.root_commit;
  }

  /// Submodules, and repositories that lie about in the folder, come as one path each: their files
  /// are code, too.
  Result<void> add_repository(std::string path, bool is_tracked) {
    while (path.ends_with('/'))
      path.pop_back();
    struct stat status;
    if (::fstatat(folder_.get(), (path + "/.git").c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return {};  // not checked out
    DSTACK_TRY(const std::string list, git_output(list_command(project_ / path)));
    std::vector<Candidate> inside;
    parse_list(list, path + "/", inside);
    for (Candidate& candidate : inside) {
      candidate.is_tracked = candidate.is_tracked && is_tracked;
      candidates_.push_back(std::move(candidate));
    }
    return {};
  }

  /// Git's list becomes files with their states. It grows while repositories are met, so in rounds.
  Result<void> look_at_candidates() {
    for (std::size_t done = 0; done < candidates_.size();) {
      std::vector<std::optional<files::FileState>> states(candidates_.size() - done);
      std::vector<char> is_folder(states.size(), 0);
      DSTACK_CHECK(look(done, states, is_folder));
      const std::size_t count = states.size();
      for (std::size_t i = 0; i < count; ++i) {
        if (is_folder[i] != 0) {
          const Candidate repository = candidates_[done + i];
          DSTACK_CHECK(add_repository(repository.path, repository.is_tracked));
        } else if (states[i]) {
          listed_.push_back({std::move(candidates_[done + i]), *states[i]});
        }
      }
      done += count;
    }
    std::sort(listed_.begin(), listed_.end(), [](const Listed& a, const Listed& b) {
      return a.candidate.path < b.candidate.path;
    });
    const auto is_same = [](const Listed& a, const Listed& b) {
      return a.candidate.path == b.candidate.path;
    };
    // A path with a merge conflict is listed once for each side.
    listed_.erase(std::unique(listed_.begin(), listed_.end(), is_same), listed_.end());
    choose();
    return {};
  }

  Result<void> look(std::size_t first,
                    std::vector<std::optional<files::FileState>>& states,
                    std::vector<char>& is_folder) const {
    return files::in_parallel(states.size(), looks_at_once, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        const std::string& path = candidates_[first + i].path;
        struct stat status;
        if (::fstatat(folder_.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
          if (files::is_missing(errno))
            continue;
          return Result<void>(fail_errno("cannot inspect '{}'", path));
        }
        is_folder[i] = S_ISDIR(status.st_mode) ? 1 : 0;
        if (is_folder[i] == 0)
          states[i] = files::file_state(status);
      }
      return Result<void>();
    });
  }

  void read_rules_of_list() {
    std::vector<std::string> folders{""};  // the root's also when Git ignores it
    for (const Listed& listed : listed_) {
      const std::string& path = listed.candidate.path;
      if (file_name(path) == ignore_file && path.size() > file_name(path).size())
        folders.push_back(path.substr(0, path.rfind('/')));
    }
    // Those above come before those below them.
    std::sort(folders.begin(), folders.end(), [](const std::string& a, const std::string& b) {
      return a.size() < b.size();
    });
    for (const std::string& folder : folders)
      read_rules(folder);
  }

  void read_rules(const std::string& folder) {
    const std::string path = folder.empty() ? ignore_file : folder + "/" + ignore_file;
    const Fd file(files::open_beneath(folder_.get(), path, O_RDONLY | O_NONBLOCK));
    if (!file)
      return;
    if (const auto text = read_all(file.get()))
      rules_.add(folder, *text);
  }

  void choose() {
    read_rules_of_list();
    std::vector<std::string> large;
    for (Listed& listed : listed_) {
      const std::string& path = listed.candidate.path;
      const bool is_tracked = listed.candidate.is_tracked;
      if (is_below_any(path, never_) || rules_.ignores(path) ||
          (!is_tracked && is_covered(path, artifacts_)))
        continue;
      if (!is_tracked && listed.state.size > options_.file_limit) {
        large.push_back(fmt::format("'{}' ({})", path, render_size(listed.state.size)));
        continue;
      }
      found_.git.dirty = found_.git.dirty || !is_tracked;
      found_.files.push_back({.path = path, .state = listed.state});
    }
    warn_of_large(large);
  }

  void warn_of_large(std::vector<std::string> large) {
    if (large.empty())
      return;
    constexpr std::size_t most = 5;
    const std::size_t count = large.size();
    if (count > most) {
      large.resize(most);
      large.push_back(fmt::format("and {} more", count - most));
    }
    found_.warnings.push_back(
        fmt::format("{} that Git does not track {} over {} and left out of the code: {}; 'git add' "
                    "or ignore {}, or raise 'snapshot_file_limit'",
                    plural(count, "file"),
                    count == 1 ? "is" : "are",
                    render_size(options_.file_limit),
                    join(large, ", "),
                    count == 1 ? "it" : "them"));
  }

  /// A folder without Git: everything.
  Result<void> find_all() {
    read_rules("");
    const files::Wanted wanted = [&](const std::string& path, files::EntryType type) {
      if (file_name(path) == ".git" || is_below_any(path, never_) || is_covered(path, artifacts_))
        return false;
      const bool is_folder = type == files::EntryType::folder;
      if (rules_.matches(path, is_folder ? PathType::folder : PathType::file))
        return false;
      if (is_folder)
        read_rules(path);
      return true;
    };
    DSTACK_TRY(files::Walk walk, files::walk_folder(folder_.get(), "", wanted));
    for (files::FoundFile& entry : walk.entries)
      if (entry.state.type != files::EntryType::folder)
        found_.files.push_back(std::move(entry));
    std::sort(walk.special.begin(), walk.special.end());
    if (!walk.special.empty())
      found_.warnings.push_back(
          fmt::format("{}{} left out of the code: neither file, folder nor link",
                      quoted_list(walk.special),
                      walk.special.size() == 1 ? " is" : " are"));
    return {};
  }

  struct Listed {
    Candidate candidate;
    files::FileState state;
  };

  const Path project_;
  const SnapshotOptions& options_;
  const std::optional<KnownRoot>& known_;
  std::vector<std::string> never_;
  std::vector<PathPattern> artifacts_;
  Fd folder_;
  IgnoreRules rules_;
  std::vector<Candidate> candidates_;
  std::vector<Listed> listed_;
  CodeFiles found_;
};

}  // namespace

Result<CodeFiles> find_code_files(const Path& project,
                                  const SnapshotOptions& options,
                                  const Path& home,
                                  const std::optional<KnownRoot>& known) {
  return Finder(project, options, home, known).find();
}

}  // namespace dstack::source
