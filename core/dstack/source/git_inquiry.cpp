#include "dstack/source/git_inquiry.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/source/git_index.hpp"
#include "dstack/source/git_pipes.hpp"

#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

namespace {

/// Whose repositories Git takes is for Git to say (safe.directory). It is asked only where the
/// owner is somebody else.
Result<bool> is_refused(const Path& folder, const Path& entry) {
  const auto git_folder = find_git_folder(entry);
  const auto is_of_caller = [](const Path& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) != 0 || status.st_uid == ::geteuid();
  };
  if (is_of_caller(entry) && is_of_caller(entry.parent_path()) &&
      (!git_folder || is_of_caller(*git_folder)))
    return false;
  DSTACK_TRY(const auto outputs, run_together({git_command(folder, {"rev-parse", "--git-dir"})}));
  return is_ownership_refusal(outputs.front());
}

Failure cannot_list(const Path& folder, const process::Output& output) {
  return fail(ErrorCode::unavailable,
              "git could not list the files of '{}': {}",
              folder.string(),
              stderr_tail(output))
      .with_hint("'git status' in that folder shows what is wrong");
}

bool has_git() {
  return process::find_program("git", environment_variable("PATH").value_or("/bin:/usr/bin"))
      .has_value();
}

}  // namespace

Result<GitInquiry> GitInquiry::start(const Path& folder, const Path& entry) {
  GitInquiry inquiry(folder, entry);
  DSTACK_TRY(const bool refused, is_refused(folder, entry));
  if (refused)
    return inquiry;
  auto repository = GitRepository::open(folder, entry);
  // The way out is then another one.
  if (!repository && !has_git())
    return fail(ErrorCode::not_found, "git is not installed");
  if (!repository)
    return Failure(std::move(repository).error());
  DSTACK_TRY(auto status, Call::start(repository->command(status_arguments())));
  inquiry.repository_.emplace(*std::move(repository));
  inquiry.status_.emplace(std::move(status));
  return inquiry;
}

GitInquiry::GitInquiry(GitInquiry&& other) noexcept
    : folder_(std::move(other.folder_)),
      entry_(std::move(other.entry_)),
      repository_(std::move(other.repository_)),
      status_(std::exchange(other.status_, std::nullopt)),
      is_finished_(other.is_finished_) {}

GitInquiry::~GitInquiry() {
  if (status_)
    status_->abandon();
}

Result<GitAnswer> GitInquiry::finish(RootCommit root) {
  auto answer = take_answer(root);
  repository_.reset();  // with its folder: a command may live for days
  is_finished_ = true;
  return answer;
}

Result<GitAnswer> GitInquiry::take_answer(RootCommit root) {
  GitAnswer answer;
  if (!repository_) {
    answer.is_refused = true;
    return answer;
  }
  std::vector<Call> calls;
  calls.push_back(*std::move(status_));
  status_.reset();
  if (root == RootCommit::wanted)
    if (auto call = Call::start(repository_->command(root_commit_arguments())))
      calls.push_back(*std::move(call));
  DSTACK_CHECK(list_tracked(answer));
  DSTACK_TRY(const auto outputs, finish_together(std::move(calls), [&] {
               return look_for_pipes(folder_, repository_->common());
             }));
  DSTACK_CHECK(take_status(outputs[0], answer));
  if (outputs.size() > 1 && process::succeeded(outputs[1].status))
    answer.root_commit = trim(outputs[1].out);
  return answer;
}

Result<void> GitInquiry::list_tracked(GitAnswer& answer) const {
  DSTACK_TRY(const std::string index, repository_->read_index());
  if (index.empty())
    return {};
  if (auto files = parse_git_index(index, repository_->digest_size(), repository_->prefix())) {
    answer.files = *std::move(files);
    return {};
  }
  DSTACK_TRY(const auto outputs, run_together({repository_->command(list_arguments())}));
  if (!process::succeeded(outputs.front().status))
    return cannot_list(folder_, outputs.front());
  parse_list(outputs.front().out, answer.files);
  return {};
}

/// Without it the run would be recorded as one without a commit.
Result<void> GitInquiry::take_status(const process::Output& output, GitAnswer& answer) const {
  if (!process::succeeded(output.status))
    return fail(broken_git_entry(entry_, stderr_tail(output)));
  answer.branch = parse_status(output.out);
  if (answer.branch.is_broken)
    return fail(broken_git_entry(entry_, "the commit of its branch cannot be read"));
  parse_untracked(output.out, repository_->prefix(), answer.files);
  answer.unreadable = unreadable_folders(output.err, repository_->prefix());
  answer.remote = find_remote(repository_->settings(), answer.branch.branch);
  // Git shows nothing of a folder that somebody else's repository ignores.
  if (answer.files.empty() && !repository_->prefix().empty())
    answer.is_ignored = git_output(repository_->command({"check-ignore", "-q", "."})).has_value();
  return {};
}

}  // namespace dstack::source
