#include "dstack/run/runner/log_writer.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <algorithm>
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
/// Of a log that has reached its limit: its times are not limited.
constexpr milliseconds least_between_marks_beyond{1000};

constexpr std::chrono::milliseconds between_looks_for_room{200};
/// Where the middle of a log could not be given back, until that is tried again.
constexpr std::uint64_t room_at_least = 64 * 1024;

}  // namespace

Result<LogWriter> LogWriter::open(const Path& job_folder,
                                  std::uint64_t limit,
                                  const job::RunClock& clock) {
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
  if (limit > 0 && writer.offset_ > 0) {  // of an earlier attempt
    DSTACK_TRY(writer.limit_, LogLimit::of(job_folder, limit));
  } else {
    writer.limit_ = LogLimit(job_folder, limit);
  }
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
    mark();
    offset_ = status.st_size;
    last_mark_ = {};
  }
  return {};
}

/// A mark that cannot be written makes the time of some output that of earlier output.
void LogWriter::mark() {
  const Timestamp at = now();
  const auto least = limit_.is_reached() ? least_between_marks_beyond : least_between_marks;
  if (at - last_mark_ < least && at >= last_mark_)
    return;
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
  (void)write_all(times_.get(), {bytes.data() + skipped, bytes.size() - skipped});
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
  look_for_room();
  if (is_full() && !masker_)
    return drop_from(pipe);
  int waiting = 0;
  if (masker_ || ::ioctl(pipe, FIONREAD, &waiting) != 0 || waiting < least_for_splice)
    return copy_from(pipe);
  mark();
  const std::uint64_t room = make_room();
  const ssize_t count =
      ::splice(pipe,
               nullptr,
               log_.get(),
               &offset_,
               static_cast<std::size_t>(std::min(static_cast<std::uint64_t>(waiting), room)),
               SPLICE_F_MOVE);
  if (count > 0) {
    // Kernels before 6.4 notify no watcher of a splice; all of them do of a change of times.
    ::futimens(log_.get(), nullptr);
    return Moved::some;
  }
  if (count == 0)
    return Moved::end_of_pipe;
  if (errno == EAGAIN || errno == EINTR)
    return Moved::nothing;
  return copy_from(pipe);  // a full disk, or a file system without splice
}

Result<LogWriter::Moved> LogWriter::copy_from(int pipe) {
  buffer_.resize(masker_ ? most_to_mask : static_cast<std::size_t>(least_for_splice));
  const ssize_t count = ::read(pipe, buffer_.data(), buffer_.size());
  if (count == 0)
    return Moved::end_of_pipe;
  if (count < 0) {
    const Error error = system_error(errno, "cannot read a job's output");
    return is_transient(error) ? Result<Moved>(Moved::nothing) : fail(error);
  }
  const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
  write(masker_ ? masker_->take(bytes) : bytes);
  return Moved::some;
}

void LogWriter::write(std::string_view bytes) {
  if (bytes.empty())
    return;
  if (is_full())
    return drop(bytes.size(), gap_error_);
  mark();
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, make_room());
    const std::size_t size = piece.size();
    int error = write_front(piece);
    if (error != 0 && files::has_room_again(folder_))
      error = write_front(piece);  // it may have failed for a moment
    bytes.remove_prefix(size - piece.size());
    if (error != 0)
      return drop(bytes.size(), error);
  }
}

int LogWriter::write_front(std::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(log_.get(), bytes.data(), bytes.size(), offset_);
    if (written < 0 && errno != EINTR)
      return errno;
    if (written > 0) {
      offset_ += written;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  return 0;
}

std::uint64_t LogWriter::make_room() {
  const auto end = [this] { return static_cast<std::uint64_t>(offset_); };
  if (const std::uint64_t room = limit_.room(end()); room > 0)
    return room;
  const std::string limit = render_size(limit_.bytes());
  const auto given = limit_.give_back(log_.get(), end());
  std::string line;
  if (given == LogLimit::Given::first)
    line = own_line(
        fmt::format("this log has reached its limit of {} ('log_limit' in config.yaml): its "
                    "beginning and its end are kept",
                    limit));
  else if (given == LogLimit::Given::nothing)
    line = own_line(fmt::format(
        "this log grows beyond its limit of {}: its file system cannot give back a part of a file",
        limit));
  std::string_view rest = line;
  (void)write_front(rest);
  return given ? std::max<std::uint64_t>(limit_.room(end()), 1) : room_at_least;
}

LogWriter::Moved LogWriter::drop_from(int pipe) {
  std::array<char, least_for_splice> buffer;
  const ssize_t count = ::read(pipe, buffer.data(), buffer.size());
  if (count == 0)
    return Moved::end_of_pipe;
  if (count < 0)
    return Moved::nothing;
  drop(static_cast<std::size_t>(count), gap_error_);
  return Moved::some;
}

void LogWriter::drop(std::size_t bytes, int error) {
  gap_error_ = error;
  if (gap_ == 0)
    next_look_ = std::chrono::steady_clock::now() + between_looks_for_room;
  gap_ += bytes;
  dropped_ += bytes;
}

void LogWriter::look_for_room() {
  if (!is_full())
    return;
  const auto at = std::chrono::steady_clock::now();
  if (at < next_look_)
    return;
  next_look_ = at + between_looks_for_room;
  if (files::has_room_again(folder_))
    close_gap();
}

bool LogWriter::close_gap() {
  const std::string line = own_line(describe_gap(gap_, "was"));
  std::string_view rest = line;
  mark();
  if (write_front(rest) != 0)
    return false;
  gap_ = 0;
  return true;
}

std::string LogWriter::describe_gap(std::uint64_t bytes, const char* verb) const {
  const std::string why =
      is_disk_full(gap_error_)
          ? fmt::format("the disk {} full", verb)
          : fmt::format("the log could not be written ({})", std::strerror(gap_error_));
  return fmt::format(
      "{}: {} of output {} missing", why, plural(bytes, "byte"), bytes == 1 ? "is" : "are");
}

std::string LogWriter::describe_dropped() const {
  return dropped_ == 0 ? std::string() : describe_gap(dropped_, is_full() ? "is" : "was");
}

std::string LogWriter::why_held_up() const {
  return fmt::format("{}: its output is not recorded",
                     is_disk_full(gap_error_) ? "disk full" : std::strerror(gap_error_));
}

/// It begins a new line, whatever was written last.
std::string LogWriter::own_line(const std::string& sentence) const {
  char last = '\n';
  const bool is_known = offset_ == 0 || ::pread(log_.get(), &last, 1, offset_ - 1) == 1;
  return fmt::format("{}dstack: {}\n", is_known && last == '\n' ? "" : "\n", sentence);
}

Result<void> LogWriter::sync() {
  if (masker_)
    write(masker_->finish());
  if (is_full())
    (void)close_gap();
  if (offset_ > 0 && ::fdatasync(log_.get()) != 0)
    return fail_errno("cannot sync a job's log");
  return {};
}

}  // namespace dstack::run
