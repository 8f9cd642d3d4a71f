#include "dstack/source/diff_base.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/source/exclusions.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/ignore.hpp"

#include <functional>

namespace dstack::source {

namespace {

struct Submodule {
  std::string path;  ///< from the project's root
  std::string commit;
};

/// The commit's tree as seen from the project's folder, or an empty one before the first commit.
Result<std::string> find_base(const BorrowedRepository& repository, const job::GitFacts& git) {
  if (!git.commit.empty()) {
    std::string prefix = repository.repository.prefix();
    while (prefix.ends_with('/'))
      prefix.pop_back();
    const std::string name = git.commit + "^{commit}";
    if (!git_output(repository.command({"cat-file", "-e", name})))
      return fail(ErrorCode::not_found,
                  "the repository in '{}' has no commit {}",
                  repository.project.string(),
                  git.commit)
          .with_hint("'git fetch' may bring it; the code itself is kept: dstack code RUN -o DIR");
    const auto tree = git_output(
        repository.command({"rev-parse", "--verify", "--quiet", git.commit + ":" + prefix}));
    if (tree)
      return std::string(trim(*tree));
    // The project's folder is newer than the commit.
  }
  DSTACK_TRY(const std::string empty, git_output(repository.command({"mktree"})));
  return std::string(trim(empty));
}

/// Puts the files of submodules into the index, where it has their commits.
class Submodules {
 public:
  Submodules(BorrowedRepository& repository, std::vector<std::string>& notes)
      : repository_(repository), notes_(notes) {}

  /// Whether anything was put there. A submodule may bring others, so in rounds.
  Result<bool> expand() {
    for (bool is_changed = false;;) {
      DSTACK_TRY(const auto submodules, list());
      bool is_over = true;
      for (const Submodule& submodule : submodules)
        if (done_.insert(submodule.path).second) {
          DSTACK_CHECK(expand(submodule));
          is_over = false;
        }
      if (is_over)
        return is_changed;
      is_changed = true;
    }
  }

 private:
  Result<std::string> git(std::vector<std::string> arguments) const {
    return git_output(repository_.command(std::move(arguments)));
  }

  Result<std::vector<Submodule>> list() const {
    DSTACK_TRY(const std::string text, git({"ls-files", "-z", "--stage"}));
    std::vector<Submodule> found;
    for (const std::string_view line : split(text, '\0')) {
      // "160000 commit stage", a tab, the path
      const auto words = split(line.substr(0, line.find('\t')), ' ');
      if (words.size() >= 2 && words[0] == "160000")
        found.push_back({std::string(line.substr(line.find('\t') + 1)), std::string(words[1])});
    }
    return found;
  }

  Result<void> expand(const Submodule& submodule) {
    if (!is_in_snapshot(submodule.path)) {
      notes_.push_back(fmt::format("submodule '{}' was not checked out, so it is not compared",
                                   printable(submodule.path)));
      return remove(submodule.path);
    }
    if (const std::string objects = objects_of(submodule.path); !objects.empty())
      repository_.writing.more_objects.push_back(objects);
    if (!git({"cat-file", "-e", submodule.commit + "^{commit}"})) {
      notes_.push_back(
          fmt::format("commit {} of submodule '{}' is not in this clone, so the "
                      "submodule is not compared",
                      submodule.commit,
                      printable(submodule.path)));
      return {};
    }
    DSTACK_CHECK(remove(submodule.path));
    DSTACK_CHECK(git({"read-tree", fmt::format("--prefix={}/", submodule.path), submodule.commit}));
    return {};
  }

  Result<void> remove(const std::string& path) const {
    DSTACK_CHECK(git({"update-index", "--force-remove", "--", path}));
    return {};
  }

  bool is_in_snapshot(const std::string& path) const {
    return is_folder(repository_.staging / "tree" / path);
  }

  /// In the submodule that is checked out, else where Git keeps the repositories of submodules.
  std::string objects_of(const std::string& path) const {
    const Path folder = repository_.project / path;
    if (find_git_entry(folder) == fs::absolute(folder) / ".git")
      if (const auto inside = GitRepository::open(folder, folder / ".git"))
        return inside->objects().string();
    const GitRepository& outside = repository_.repository;
    const Path kept = outside.common() / "modules" / (outside.prefix() + path) / "objects";
    return is_folder(kept) ? kept.string() : std::string();
  }

  BorrowedRepository& repository_;
  std::vector<std::string>& notes_;
  std::set<std::string> done_;
};

/// The rules of the snapshot.
IgnoreRules rules_of(const std::set<std::string, std::less<>>& files, const Path& tree) {
  IgnoreRules rules;
  for (const std::string& path : files)
    if (file_name(path) == ignore_file)
      if (const auto text = read_file(tree / path))
        rules.add(std::string(folder_of(path)), *text);
  return rules;
}

/// Files of the commit that never become code, and are therefore no difference: what .dstackignore
/// names, environments and caches.
std::vector<std::string> never_code(const std::vector<std::string>& tracked,
                                    const std::set<std::string, std::less<>>& files,
                                    const Path& tree) {
  IgnoreRules rules = rules_of(files, tree);
  std::set<std::string, std::less<>> marked;
  for (const std::string& path : tracked)
    if (is_folder_marker(file_name(path)) && !folder_of(path).empty())
      marked.emplace(folder_of(path));
  const auto is_marked = [&](std::string_view path) {
    for (std::string_view at = folder_of(path); !at.empty(); at = folder_of(at))
      if (marked.contains(at))
        return true;
    return false;
  };
  std::vector<std::string> found;
  for (const std::string& path : tracked)
    if (!files.contains(path) && (rules.ignores(path) || is_marked(path)))
      found.push_back(path);
  return found;
}

/// Takes them out of the index. Whether there were any.
Result<bool> drop_never_code(const BorrowedRepository& repository,
                             const std::set<std::string, std::less<>>& files) {
  const Path tree = repository.staging / "tree";
  DSTACK_TRY(const std::string text, git_output(repository.command({"ls-files", "-z"})));
  std::vector<std::string> tracked;
  for (const std::string_view path : split(text, '\0'))
    if (!path.empty())
      tracked.emplace_back(path);
  const auto dropped = never_code(tracked, files, tree);
  if (dropped.empty())
    return false;
  std::string list;
  for (const std::string& path : dropped)
    list += path + '\0';
  const Path file = repository.staging / "never-code";
  DSTACK_CHECK(write_file_atomically(file, list, Durable::no));
  DSTACK_CHECK(git_output(repository.command({"--literal-pathspecs",
                                              "rm",
                                              "--cached",
                                              "--force",
                                              "--quiet",
                                              fmt::format("--pathspec-from-file={}", file.string()),
                                              "--pathspec-file-nul"})));
  return true;
}

}  // namespace

Result<BorrowedRepository> borrow_repository(const Path& project, const Path& staging) {
  DSTACK_TRY(GitRepository repository, GitRepository::open(project, find_git_entry(project)));
  return BorrowedRepository{project,
                            staging,
                            std::move(repository),
                            {staging / "tree", staging / "index", staging / "objects", {}}};
}

Result<std::string> make_diff_base(BorrowedRepository& repository,
                                   const job::GitFacts& git,
                                   const std::set<std::string, std::less<>>& files,
                                   std::vector<std::string>& notes) {
  DSTACK_TRY(const std::string base, find_base(repository, git));
  DSTACK_CHECK(git_output(repository.command({"read-tree", base})));
  DSTACK_TRY(const bool is_expanded, Submodules(repository, notes).expand());
  DSTACK_TRY(const bool is_reduced, drop_never_code(repository, files));
  if (!is_expanded && !is_reduced)
    return base;
  DSTACK_TRY(const std::string expanded, git_output(repository.command({"write-tree"})));
  return std::string(trim(expanded));
}

}  // namespace dstack::source
