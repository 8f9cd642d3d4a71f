#include "dstack/run/runner/exit_record_file.hpp"

#include "dstack/run/protocol/file_names.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// Most records have a few hundred bytes; warnings and findings make them longer.
constexpr off_t reserved_bytes = 16 * 1024;

Path reserved_in(const Path& folder) {
  return folder / file_names::reserved_record;
}

Result<void> write_at_begin(int file, const std::string& text, const Path& path) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count =
        ::pwrite(file, text.data() + written, text.size() - written, static_cast<off_t>(written));
    if (count >= 0)
      written += static_cast<std::size_t>(count);
    else if (errno != EINTR)
      return fail_errno("cannot write '{}'", path.string());
  }
  return {};
}

}  // namespace

Result<ExitRecordFile> ExitRecordFile::reserve(const Path& attempt_folder) {
  const Path path = reserved_in(attempt_folder);
  DSTACK_TRY(Fd file, open_file(path.string(), O_WRONLY | O_CREAT, 0600));
  while (::fallocate(file.get(), 0, 0, reserved_bytes) != 0) {
    if (errno == EOPNOTSUPP || errno == ENOSYS)
      break;  // then the record waits for room when the job has ended
    if (errno != EINTR)
      return fail_errno("cannot reserve room for '{}'", path.string());
  }
  return ExitRecordFile(attempt_folder, std::move(file));
}

Result<void> ExitRecordFile::write(const ExitRecord& record, Durable durable) {
  const std::string text = render_exit_record(record);
  const Path reserved = reserved_in(folder_);
  const Path path = folder_ / file_names::exit_record;
  DSTACK_CHECK(write_at_begin(file_.get(), text, reserved));
  if (::ftruncate(file_.get(), static_cast<off_t>(text.size())) != 0)
    return fail_errno("cannot give '{}' its size", reserved.string());
  if (durable != Durable::no && ::fsync(file_.get()) != 0)
    return fail_errno("cannot sync '{}'", reserved.string());
  if (::rename(reserved.c_str(), path.c_str()) != 0)
    return fail_errno("cannot put '{}' in place", path.string());
  return {};
}

}  // namespace dstack::run
