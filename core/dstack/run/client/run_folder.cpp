#include "dstack/run/client/run_folder.hpp"

#include "dstack/base/thread.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/supervision.hpp"

#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

Result<std::optional<RunFolder>> RunFolder::make(const files::Home& home, const std::string& run) {
  const Path folder = home.run(run);
  auto notice = std::make_unique<RunFolderNotice>(home, run);
  if (::mkdir(folder.c_str(), 0700) != 0) {
    const int error_number = errno;
    notice->settle();
    if (error_number == EEXIST)
      return std::nullopt;
    return fail_errno_of(error_number, "cannot make '{}'", folder.string());
  }
  RunFolder made(folder, std::move(notice));
  DSTACK_TRY(auto lock, take_run_lock(home, run));
  if (!lock)
    return std::nullopt;
  made.lock_ = *std::move(lock);
  made.begin_sync();
  return made;
}

RunFolder::RunFolder(Path folder, std::unique_ptr<RunFolderNotice> notice)
    : folder_(std::move(folder)),
      notice_(std::move(notice)),
      synced_(std::make_unique<Result<void>>()) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      notice_(std::move(other.notice_)),
      lock_(std::move(other.lock_)),
      synced_(std::move(other.synced_)),
      syncing_(std::move(other.syncing_)) {}

RunFolder::~RunFolder() {
  if (syncing_.joinable())
    syncing_.join();
  if (folder_.empty())
    return;
  ::unlink((folder_ / file_names::run_lock).c_str());
  // What stays, because the run may be on record after all, is judged by the next command.
  if (::rmdir(folder_.c_str()) == 0)
    notice_->settle();
}

void RunFolder::begin_sync() {
  const auto sync = [result = synced_.get(), parent = folder_.parent_path()] {
    *result = sync_folder(parent);
  };
  auto started = start_thread(sync);
  if (started)
    syncing_ = *std::move(started);
  else
    sync();
}

Result<void> RunFolder::finish() {
  if (syncing_.joinable())
    syncing_.join();
  return *synced_;
}

Fd RunFolder::recorded() && {
  folder_.clear();
  notice_->settle();
  return std::move(lock_);
}

}  // namespace dstack::run
