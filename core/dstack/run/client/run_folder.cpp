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
  if (::mkdir(folder.c_str(), 0700) != 0) {
    if (errno == EEXIST)
      return std::nullopt;
    return fail_errno("cannot make '{}'", folder.string());
  }
  RunFolder made(folder, Fd());
  DSTACK_TRY(auto lock, take_run_lock(home, run));
  if (!lock)
    return std::nullopt;
  made.lock_ = *std::move(lock);
  made.begin_sync();
  return made;
}

RunFolder::RunFolder(Path folder, Fd lock)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      synced_(std::make_unique<Result<void>>()) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      lock_(std::move(other.lock_)),
      synced_(std::move(other.synced_)),
      syncing_(std::move(other.syncing_)) {}

RunFolder::~RunFolder() {
  if (syncing_.joinable())
    syncing_.join();
  if (folder_.empty())
    return;
  ::unlink((folder_ / file_names::run_lock).c_str());
  ::rmdir(folder_.c_str());
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
  return std::move(lock_);
}

}  // namespace dstack::run
