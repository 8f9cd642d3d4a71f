#include "dstack/files/staging_folder.hpp"
#include "dstack/job/code.hpp"
#include "dstack/source/diff_base.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/snapshot.hpp"

namespace dstack::source {

Result<std::string> diff_against_commit(const Path& project,
                                        const job::CodeRecord& code,
                                        const store::ObjectStore& objects,
                                        std::vector<std::string>& notes) {
  if (find_git_entry(project).empty())
    return fail(ErrorCode::not_found, "'{}' is not in a Git repository", project.string())
        .with_hint(
            "there is no commit to compare with; 'dstack code RUN -o DIR' writes the code itself");
  DSTACK_TRY(const files::StagingFolder staging,
             files::StagingFolder::make(objects.home(), "diff"));
  const Path tree = staging.path() / "tree";
  DSTACK_CHECK(objects.lay_out(code.snapshot, tree, store::LayOut::fresh));
  DSTACK_CHECK(make_folders(staging.path() / "objects"));
  DSTACK_TRY(const auto files, objects.list(code.snapshot));
  std::set<std::string, std::less<>> paths;
  for (const store::TreeFile& file : files)
    paths.insert(file.path);
  DSTACK_TRY(BorrowedRepository repository, borrow_repository(project, staging.path()));
  DSTACK_TRY(const std::string base, make_diff_base(repository, code.git, paths, notes));
  // By force: what the rules of the project leave out is not in the snapshot, and what is in it
  // counts.
  DSTACK_CHECK(git_output(
      repository.command({"-c", "core.safecrlf=false", "add", "--all", "--force", "."})));
  return git_output(repository.command({"-c",
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
                                        "--"}));
}

}  // namespace dstack::source
