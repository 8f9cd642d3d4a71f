#include "dstack/source/snapshot.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/source/files.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/index.hpp"

#include <algorithm>

#include <fcntl.h>
#include <time.h>

namespace dstack::source {

namespace {

std::int64_t nanoseconds_now() {
  timespec time;
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Index load_index(const Path& path) {
  const auto text = read_file(path);
  if (!text)
    return {};
  return parse_index(*text).value_or(Index{});
}

/// Gives each file whose state is the index's the digest from there. True when nothing at all has
/// changed.
bool take_known(const Index& index, std::vector<files::FoundFile>& files) {
  bool is_same = index.files.size() == files.size();
  auto known = index.files.begin();
  for (files::FoundFile& file : files) {
    while (known != index.files.end() && known->path < file.path)
      ++known;
    if (known != index.files.end() && known->path == file.path && known->state == file.state)
      file.digest = known->digest;
    else
      is_same = false;
  }
  return is_same;
}

/// Losing it only costs time at the next snapshot, so it is not reported.
void save_index(const Path& path, Index index, std::int64_t looked_at) {
  for (files::FoundFile& file : index.files)
    if (!is_settled(file.state, looked_at))
      file.state.inode = 0;
  std::sort(index.files.begin(), index.files.end(), [](const auto& a, const auto& b) {
    return a.path < b.path;
  });
  if (auto saved = write_file_atomically(path, render_index(index), Durable::no); !saved)
    log::info(fmt::format("the index was not kept: {}", saved.error().message));
}

void take_paths(Snapshot& snapshot, const std::vector<files::FoundFile>& files) {
  snapshot.files.clear();
  snapshot.files.reserve(files.size());
  for (const files::FoundFile& file : files)
    snapshot.files.push_back(file.path);
  if (!std::is_sorted(snapshot.files.begin(), snapshot.files.end()))
    std::sort(snapshot.files.begin(), snapshot.files.end());
}

Result<void> check_project(const Path& project) {
  boost::system::error_code error;
  if (fs::is_directory(project, error))
    return {};
  return fail(ErrorCode::not_found, "there is no folder '{}'", project.string());
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
                              const SnapshotOptions& options) {
  DSTACK_CHECK(check_project(project));
  auto state = std::make_unique<State>();
  state->project = project;
  state->index_path = index_path(home.index(), project);
  state->index = load_index(state->index_path);
  state->looked_at = nanoseconds_now();
  DSTACK_TRY(state->found, find_code_files(project, options, home.root, state->index.root));
  state->code.git = std::move(state->found.git);
  state->code.warnings = std::move(state->found.warnings);
  take_paths(state->code, state->found.files);
  return Listing(std::move(state));
}

Result<Snapshot> Listing::capture(store::ObjectStore& objects) && {
  const Index& index = state_->index;
  std::vector<files::FoundFile>& files = state_->found.files;
  Snapshot snapshot = std::move(state_->code);
  const bool is_stored = objects.has_tree(index.tree);
  DSTACK_TRY(const Fd root, open_file(state_->project.string(), O_RDONLY | O_DIRECTORY));
  std::vector<files::ClosedFolder> closed = files::closed_folders(root.get(), files);
  const bool is_same = take_known(index, files) && closed == index.closed_folders;
  if (is_same && is_stored) {
    snapshot.tree = index.tree;
  } else {
    DSTACK_TRY(snapshot.tree,
               objects.capture_files(state_->project,
                                     files,
                                     is_stored ? store::Known::stored : store::Known::perhaps,
                                     snapshot.warnings));
    take_paths(snapshot, files);  // some may have vanished
  }
  if (!is_same || !is_stored || state_->found.root != index.root)
    save_index(state_->index_path,
               {state_->found.root, snapshot.tree, std::move(files), std::move(closed)},
               state_->looked_at);
  return snapshot;
}

Result<Snapshot> preview_snapshot(const Path& project, const SnapshotOptions& options) {
  DSTACK_CHECK(check_project(project));
  const Path home = files::home_from_environment().root;
  DSTACK_TRY(CodeFiles code, find_code_files(project, options, home, std::nullopt));
  Snapshot snapshot;
  snapshot.git = std::move(code.git);
  snapshot.warnings = std::move(code.warnings);
  take_paths(snapshot, code.files);
  return snapshot;
}

std::string explain_left_out(const std::string& path) {
  return fmt::format(
      "'{}' is in your folder but not among the code of this run: Git ignores it, or a workflow "
      "declares it as an artifact; add it to Git, or make it in a workflow and depend on that",
      printable(path));
}

std::string root_commit(const Path& project) {
  if (find_git_entry(project).empty())
    return {};
  const auto commit = git_output(
      git_command(project, {"rev-list", "--max-parents=0", "--first-parent", "HEAD", "--"}));
  if (!commit)
    return {};
  return commit->substr(0, commit->find('\n'));
}

}  // namespace dstack::source
