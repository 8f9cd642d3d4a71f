#include "dstack/run/client/run_folders.hpp"

#include "dstack/run/protocol/file_names.hpp"

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

/// False: the folder is still there, or its run is in somebody's hands.
bool remove_folder(const files::Home& home, const std::string& run) {
  const Path lock_path = home.run(run) / file_names::run_lock;
  const Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return errno == ENOENT;
  const auto held = lock_exclusive(lock.get(), Wait::no);
  return held && *held && remove_tree(home.run(run));
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

void remove_abandoned_run_folders(const files::Home& home, store::Records& records) {
  boost::system::error_code error;
  for (fs::directory_iterator next(home.temporary(), error), end; !error && next != end;
       next.increment(error)) {
    const std::string run = run_of(next->path().filename().string());
    if (run.empty())
      continue;
    const Fd notice = files::take_abandoned_file(next->path());
    if (!notice)
      continue;
    const auto found = records.find_run(run);
    if (found && (*found || remove_folder(home, run)))
      ::unlink(next->path().c_str());
  }
}

}  // namespace dstack::run
