#include "dstack/source/snapshot.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/source/files.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/git_inquiry.hpp"
#include "dstack/source/index.hpp"
#include "dstack/source/outside_link.hpp"

#include <algorithm>

#include <fcntl.h>

namespace dstack::source {

namespace {

void take_paths(Snapshot& snapshot, const std::vector<files::FoundFile>& files) {
  snapshot.files.clear();
  snapshot.files.reserve(files.size());
  snapshot.amount = {files.size(), 0};
  for (const files::FoundFile& file : files) {
    snapshot.files.push_back(file.path);
    snapshot.amount.bytes += file.state.size;
  }
  if (!std::is_sorted(snapshot.files.begin(), snapshot.files.end()))
    std::sort(snapshot.files.begin(), snapshot.files.end());
}

void take_facts(Snapshot& snapshot, CodeFiles& code) {
  snapshot.git = std::move(code.git);
  snapshot.warnings = std::move(code.warnings);
  snapshot.notes = std::move(code.notes);
  snapshot.outside_links = std::move(code.outside_links);
  take_paths(snapshot, code.files);
}

Result<void> check_project(const Path& project) {
  boost::system::error_code error;
  if (fs::is_directory(project, error))
    return {};
  return fail(ErrorCode::not_found, "there is no folder '{}'", project.string());
}

std::string root_commit_of(const GitRepository& repository) {
  const std::string commits = git_output(repository.command(root_commit_arguments())).value_or("");
  return commits.substr(0, commits.find('\n'));
}

}  // namespace

bool Snapshot::contains(std::string_view path) const {
  return std::binary_search(files.begin(), files.end(), path, std::less<>());
}

bool Snapshot::contains_below(std::string_view path) const {
  if (path.empty())
    return !files.empty();
  if (contains(path))
    return true;
  const std::string folder = std::string(path) + "/";
  const auto first = std::lower_bound(files.begin(), files.end(), folder);
  return first != files.end() && first->starts_with(folder);
}

struct Listing::State {
  Path project;
  Path index_path;
  Index index;
  std::int64_t looked_at = 0;  ///< nanoseconds since 1970
  CodeFiles found;
  Snapshot code;
};

Listing::Listing(std::unique_ptr<State> state) : state_(std::move(state)) {}

Listing::Listing(Listing&&) noexcept = default;
Listing::~Listing() = default;

const Snapshot& Listing::code() const {
  return state_->code;
}

Result<Listing> Listing::make(const Path& project,
                              const files::Home& home,
                              const SnapshotOptions& options,
                              std::shared_ptr<GitInquiry> asked) {
  DSTACK_CHECK(check_project(project));
  auto state = std::make_unique<State>();
  state->project = project;
  state->index_path = index_path(home.index(), project);
  state->index = load_index(state->index_path);
  state->looked_at = nanoseconds_now();
  DSTACK_TRY(state->found,
             find_code_files(project, options, home.root, state->index.root, std::move(asked)));
  take_facts(state->code, state->found);
  return Listing(std::move(state));
}

Result<Snapshot> Listing::capture(store::ObjectStore& objects) && {
  const Index& index = state_->index;
  std::vector<files::FoundFile>& files = state_->found.files;
  Snapshot snapshot = std::move(state_->code);
  const bool is_known = is_stored(index, objects);
  const std::uint64_t generation = objects.generation();
  DSTACK_TRY(const Fd root, open_file(state_->project.string(), O_RDONLY | O_DIRECTORY));
  std::vector<files::ClosedFolder> closed = files::closed_folders(root.get(), files);
  const bool is_same = take_known(index, files) && closed == index.closed_folders;
  if (is_same && is_known) {
    snapshot.tree = index.tree;
  } else {
    DSTACK_TRY(snapshot.tree,
               objects.capture_files(state_->project,
                                     files,
                                     is_known ? store::Known::stored : store::Known::perhaps,
                                     snapshot.warnings));
    take_paths(snapshot, files);  // some may have vanished
  }
  if (!is_same || !is_known || state_->found.root != index.root)
    save_index(state_->index_path,
               {state_->found.root, snapshot.tree, std::move(files), std::move(closed), generation},
               state_->looked_at);
  return snapshot;
}

Result<Snapshot> preview_snapshot(const Path& project,
                                  const SnapshotOptions& options,
                                  std::shared_ptr<GitInquiry> asked) {
  DSTACK_CHECK(check_project(project));
  const Path home = files::home_from_environment().root;
  DSTACK_TRY(CodeFiles code,
             find_code_files(project, options, home, std::nullopt, std::move(asked)));
  Snapshot snapshot;
  take_facts(snapshot, code);
  return snapshot;
}

std::string explain_left_out(const Path& project,
                             const std::string& path,
                             const std::string& base) {
  if (const auto link = find_outside_link(project, path))
    return explain_outside_link(path, *link);
  const std::string shown = printable(path);
  const bool is_below_base = !base.empty() && path != base && is_below(path, base);
  const std::string written = is_below_base ? printable(path.substr(base.size() + 1)) : shown;
  const bool has_variables = file_name(path).starts_with(".env");
  return fmt::format(
      "'{}' is in your folder but not among the code of this run: Git ignores it, or a workflow "
      "declares it as an artifact; {}'inputs: [{}]' in the workflow gives it to jobs, or add it to "
      "Git, or make it in a workflow and depend on that",
      shown,
      has_variables ? fmt::format("'env_file: {}' gives its variables to jobs, ", written)
                    : std::string(),
      written);
}

Identity find_identity(const Path& project) {
  const auto repository = GitRepository::open(project, find_git_entry(project));
  if (!repository)
    return {};
  Identity identity;
  // None when detached.
  identity.git.branch = trim(
      git_output(repository->command({"symbolic-ref", "--quiet", "--short", "HEAD"})).value_or(""));
  identity.git.remote = find_remote(repository->settings(), identity.git.branch);
  identity.git.root_commit = root_commit_of(*repository);
  identity.prefix = repository->prefix();
  return identity;
}

bool is_of_other_branch(const Path& project, const std::string& folder) {
  const auto repository = GitRepository::open(project, find_git_entry(project));
  const auto is_in = [&](const char* revisions) {
    const auto commit = git_output(repository->command(
        {"log", "-1", "--format=%H", revisions, "--", fmt::format(":(top,literal){}", folder)}));
    return commit && !trim(*commit).empty();
  };
  return repository && !is_in("HEAD") && is_in("--all");
}

std::string root_commit(const Path& project) {
  const auto repository = GitRepository::open(project, find_git_entry(project));
  return repository ? root_commit_of(*repository) : std::string();
}

std::shared_ptr<GitInquiry> ask_early(const Path& project) {
  const Path entry = find_git_entry(project);
  if (entry.empty())
    return nullptr;
  auto inquiry = GitInquiry::start(project, entry);
  return inquiry ? std::make_shared<GitInquiry>(*std::move(inquiry)) : nullptr;
}

}  // namespace dstack::source
