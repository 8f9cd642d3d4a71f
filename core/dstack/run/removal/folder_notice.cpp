#include "dstack/run/removal/folder_notice.hpp"

#include "dstack/run/protocol/file_names.hpp"
#include "dstack/store/records/rebuild.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/settle.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::string_view prefix = "held-run-";
constexpr std::size_t random_end = 7;  // "-XXXXXX"

std::string run_of(const std::string& notice) {
  if (!notice.starts_with(prefix) || notice.size() <= prefix.size() + random_end)
    return {};
  return notice.substr(prefix.size(), notice.size() - prefix.size() - random_end);
}

/// Of no run on record. False: the folder is still there, or its run is in somebody's hands.
bool remove_folder(const files::Home& home, const std::string& run) {
  if (store::can_rebuild(home, run))
    return true;  // it has lost its row, which 'dstack doctor --repair' brings back
  const Path lock_path = home.run(run) / file_names::run_lock;
  const Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return errno == ENOENT;
  const auto held = lock_exclusive(lock.get(), Wait::no);
  return held && *held && remove_tree(home.run(run));
}

/// Whoever died may have died in a commit, which is visible or not as long as nobody has written
/// after it.
std::optional<store::Records> open_settled(const files::Home& home) {
  auto records = store::Records::open(home, store::Records::Mode::read_write);
  if (!records || !store::settle_commits(home))
    return std::nullopt;
  return *std::move(records);
}

}  // namespace

RunFolderNotice::RunFolderNotice(const files::Home& home, const std::string& run) {
  if (auto held = files::make_held_file(home.temporary(), fmt::format("{}{}-", prefix, run)))
    held_ = *std::move(held);
}

void RunFolderNotice::settle() {
  if (held_)
    ::unlink(held_->path.c_str());
  held_.reset();
}

void remove_abandoned_run_folders(const files::Home& home) {
  std::optional<store::Records> records;
  boost::system::error_code error;
  for (fs::directory_iterator next(home.temporary(), error), end; !error && next != end;
       next.increment(error)) {
    const std::string run = run_of(next->path().filename().string());
    const Fd notice = run.empty() ? Fd() : files::take_abandoned_file(next->path());
    if (!notice || (!records && !(records = open_settled(home))))
      continue;
    const auto found = records->find_run(run);
    if (found && (*found || remove_folder(home, run)))
      ::unlink(next->path().c_str());
  }
}

}  // namespace dstack::run
