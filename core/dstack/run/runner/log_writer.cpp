#include "dstack/run/runner/log_writer.hpp"

#include "dstack/run/protocol/file_names.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

using std::chrono::milliseconds;

namespace {

// Below this a copy is as cheap as a splice, and every kernel notifies watchers of it.
constexpr int least_for_splice = 64 * 1024;
constexpr std::size_t most_to_mask = 256 * 1024;
constexpr milliseconds least_between_marks{10};

bool is_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

}  // namespace

Result<LogWriter> LogWriter::open(const Path& job_folder, const job::RunClock& clock) {
  LogWriter writer;
  writer.folder_ = job_folder;
  writer.clock_ = clock;
  // Readable too: the reader of a spliced file must not depend on the writer's mode.
  DSTACK_TRY(writer.log_,
             open_file((job_folder / file_names::log).string(), O_RDWR | O_CREAT, 0600));
  DSTACK_TRY(
      writer.times_,
      open_file(
          (job_folder / file_names::log_times).string(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  DSTACK_CHECK(writer.continue_at_end());
  return writer;
}

Result<Fd> LogWriter::append_descriptor() const {
  return open_file((folder_ / file_names::log).string(), O_WRONLY | O_APPEND);
}

Result<void> LogWriter::continue_at_end() {
  struct stat status {};

  if (::fstat(log_.get(), &status) != 0)
    return fail_errno("cannot look at a job's log");
  if (status.st_size > offset_) {
    DSTACK_CHECK(mark());
    offset_ = status.st_size;
    last_mark_ = {};
  }
  return {};
}

Result<void> LogWriter::mark() {
  const Timestamp at = now();
  if (at - last_mark_ < least_between_marks && at >= last_mark_)
    return {};
  last_mark_ = at;
  // In one write: who reads a pair of the run's clock finds the other one behind it.
  std::array<std::int64_t, 4> pairs = {offset_, 0, offset_, at.time_since_epoch().count()};
  std::size_t first = 2;
  if (const auto elapsed = job::elapsed_now(clock_);
      elapsed && (!zero_ || std::chrono::abs(at - *elapsed - *zero_) >= least_between_marks)) {
    zero_ = at - *elapsed;
    pairs[1] = -1 - elapsed->count();
    first = 0;
  }
  std::array<char, sizeof pairs> bytes;
  std::memcpy(bytes.data(), pairs.data(), sizeof pairs);
  const std::size_t skipped = first * sizeof pairs[0];
  if (auto written = write_all(times_.get(), {bytes.data() + skipped, bytes.size() - skipped});
      !written && !is_full(errno))
    return written;
  return {};
}

void LogWriter::hide(secrets::Needles needles) {
  if (!needles.empty())
    masker_.emplace(std::move(needles));
}

const secrets::Needles& LogWriter::hidden() const {
  static const secrets::Needles nothing;
  return masker_ ? masker_->needles() : nothing;
}

std::string LogWriter::masked(std::string_view text) const {
  return masker_ ? masker_->needles().masked(text) : std::string(text);
}

Result<LogWriter::Moved> LogWriter::move_from(int pipe) {
  int waiting = 0;
  if (masker_ || ::ioctl(pipe, FIONREAD, &waiting) != 0 || waiting < least_for_splice)
    return copy_from(pipe);
  DSTACK_CHECK(mark());
  const ssize_t count = ::splice(
      pipe, nullptr, log_.get(), &offset_, static_cast<std::size_t>(waiting), SPLICE_F_MOVE);
  if (count > 0) {
    // Kernels before 6.4 notify no watcher of a splice; all of them do of a change of times.
    ::futimens(log_.get(), nullptr);
    return Moved::some;
  }
  if (count == 0)
    return Moved::end_of_pipe;
  if (errno == EAGAIN || errno == EINTR)
    return Moved::nothing;
  if (is_full(errno))
    return drop_from(pipe);
  return copy_from(pipe);  // a file system without splice
}

Result<LogWriter::Moved> LogWriter::copy_from(int pipe) {
  buffer_.resize(masker_ ? most_to_mask : static_cast<std::size_t>(least_for_splice));
  const ssize_t count = ::read(pipe, buffer_.data(), buffer_.size());
  if (count == 0)
    return Moved::end_of_pipe;
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR)
      return Moved::nothing;
    return fail_errno("cannot read a job's output");
  }
  const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
  DSTACK_CHECK(write(masker_ ? masker_->take(bytes) : bytes));
  return Moved::some;
}

Result<void> LogWriter::write(std::string_view bytes) {
  if (bytes.empty())
    return {};
  DSTACK_CHECK(mark());
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(log_.get(), bytes.data(), bytes.size(), offset_);
    if (written < 0) {
      if (errno == EINTR)
        continue;
      if (!is_full(errno))
        return fail_errno("cannot write a job's log");
      dropped_ += bytes.size();
      break;
    }
    offset_ += written;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

LogWriter::Moved LogWriter::drop_from(int pipe) {
  std::array<char, least_for_splice> buffer;
  const ssize_t count = ::read(pipe, buffer.data(), buffer.size());
  if (count == 0)
    return Moved::end_of_pipe;
  if (count < 0)
    return Moved::nothing;
  dropped_ += static_cast<std::uint64_t>(count);
  return Moved::some;
}

Result<void> LogWriter::sync() {
  if (masker_)
    DSTACK_CHECK(write(masker_->finish()));
  if (offset_ > 0 && ::fdatasync(log_.get()) != 0)
    return fail_errno("cannot sync a job's log");
  return {};
}

}  // namespace dstack::run
