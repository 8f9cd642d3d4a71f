#include "dstack/run/client/run_folder.hpp"

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
  DSTACK_TRY(auto lock, take_run_lock(home, run, WithoutFolder::removed));
  if (!lock)
    return std::nullopt;
  made.lock_ = *std::move(lock);
  return made;
}

RunFolder::RunFolder(Path folder, std::unique_ptr<RunFolderNotice> notice)
    : folder_(std::move(folder)), notice_(std::move(notice)) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      notice_(std::move(other.notice_)),
      lock_(std::move(other.lock_)) {}

RunFolder::~RunFolder() {
  if (folder_.empty())
    return;
  ::unlink((folder_ / file_names::run_lock).c_str());
  // What stays, because the run may be on record after all, is judged by the next command.
  if (::rmdir(folder_.c_str()) == 0)
    notice_->settle();
}

Result<void> RunFolder::sync() const {
  return sync_folder(folder_.parent_path());
}

Fd RunFolder::recorded() && {
  folder_.clear();
  notice_->settle();
  return std::move(lock_);
}

}  // namespace dstack::run
