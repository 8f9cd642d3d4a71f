#include "dstack/base/text.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/job/code.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/snapshot.hpp"

#include <fcntl.h>

namespace dstack::source {

namespace {

/// Where Git's own files of a repository are, and where in its work tree the project lies ("" is
/// its root, else "folder/").
struct Repository {
  std::string folder;
  std::string objects;
  std::string prefix;
};

Result<Repository> find_repository(const Path& project) {
  DSTACK_TRY(const std::string text,
             git_output(git_command(project,
                                    {"rev-parse",
                                     "--path-format=absolute",
                                     "--git-common-dir",
                                     "--git-path",
                                     "objects",
                                     "--show-prefix"})));
  const auto lines = split(text, '\n');
  if (lines.size() < 3)
    return fail(ErrorCode::unavailable, "git did not say where its repository is");
  return Repository{std::string(lines[0]), std::string(lines[1]), std::string(lines[2])};
}

/// Everything that Git writes on the way to the difference goes to a folder of ours: the index and
/// new objects.
std::vector<std::string> borrowed(const Repository& repository, const Path& staging) {
  return {"GIT_DIR=" + repository.folder,
          "GIT_WORK_TREE=" + (staging / "tree").string(),
          "GIT_INDEX_FILE=" + (staging / "index").string(),
          "GIT_OBJECT_DIRECTORY=" + (staging / "objects").string(),
          "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + repository.objects};
}

/// The commit's tree as seen from the project's folder, or an empty one before the first commit.
Result<std::string> find_base(const Path& project,
                              const job::GitFacts& git,
                              const Repository& repository,
                              const std::vector<std::string>& variables) {
  if (!git.commit.empty()) {
    std::string prefix = repository.prefix;
    while (prefix.ends_with('/'))
      prefix.pop_back();
    const std::string name = git.commit + "^{commit}";
    if (!git_output(git_command(project, {"cat-file", "-e", name})))
      return fail(ErrorCode::not_found,
                  "the repository in '{}' has no commit {}",
                  project.string(),
                  git.commit)
          .with_hint("'git fetch' may bring it; the code itself is kept: dstack code RUN -o DIR");
    const auto tree = git_output(git_command(
        project, {"rev-parse", "--verify", "--quiet", git.commit + ":" + prefix}, variables));
    if (tree)
      return std::string(trim(*tree));
    // The project's folder is newer than the commit.
  }
  DSTACK_TRY(const std::string empty, git_output(git_command(project, {"mktree"}, variables)));
  return std::string(trim(empty));
}

}  // namespace

Result<std::string> diff_against_commit(const Path& project,
                                        const job::CodeRecord& code,
                                        const store::ObjectStore& objects) {
  if (find_git_entry(project).empty())
    return fail(ErrorCode::not_found, "'{}' is not in a Git repository", project.string())
        .with_hint(
            "there is no commit to compare with; 'dstack code RUN -o DIR' writes the code itself");
  DSTACK_TRY(const Repository repository, find_repository(project));
  DSTACK_TRY(const files::StagingFolder staging,
             files::StagingFolder::make(objects.home(), "diff"));
  const Path tree = staging.path() / "tree";
  DSTACK_CHECK(objects.lay_out(code.snapshot, tree, store::LayOut::fresh));
  DSTACK_CHECK(make_folders(staging.path() / "objects"));
  const std::vector<std::string> variables = borrowed(repository, staging.path());
  DSTACK_TRY(const std::string base, find_base(project, code.git, repository, variables));
  DSTACK_TRY(std::string ignored, git_output(git_command(tree, {"read-tree", base}, variables)));
  // By force: what the rules of the project leave out is not in the snapshot, and what is in it
  // counts.
  DSTACK_TRY(ignored,
             git_output(git_command(
                 tree, {"-c", "core.safecrlf=false", "add", "--all", "--force", "."}, variables)));
  return git_output(git_command(tree,
                                {"-c",
                                 "diff.noprefix=false",
                                 "-c",
                                 "diff.mnemonicPrefix=false",
                                 "-c",
                                 "diff.relative=false",
                                 "diff",
                                 "--cached",
                                 "--binary",
                                 "--no-color",
                                 "--no-ext-diff",
                                 "--no-textconv",
                                 base,
                                 "--"},
                                variables));
}

}  // namespace dstack::source
