#include "dstack/run/protocol/job_progress.hpp"

#include "dstack/base/text.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <array>

#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::chrono::milliseconds between_writes{250};

}  // namespace

ReportedJobWork::ReportedJobWork(const Path& job_folder, std::string what)
    : file_(job_folder / file_names::progress), what_(std::move(what)) {
  ::unlink(file_.c_str());  // of one that was killed
  reporter_.emplace(between_writes, [this](const WorkState& state) { write(state); });
  reported_.emplace(&*reporter_);
}

ReportedJobWork::~ReportedJobWork() {
  reported_.reset();
  reporter_.reset();
  if (is_written_)
    ::unlink(file_.c_str());
}

/// "FILES BYTES ALL_FILES ALL_BYTES WHAT". Nobody needs it; so an error is none.
void ReportedJobWork::write(const WorkState& state) {
  const std::string text = fmt::format("{} {} {} {} {}",
                                       state.done.files,
                                       state.done.bytes,
                                       state.all.files,
                                       state.all.bytes,
                                       what_);
  is_written_ = bool(write_file_atomically(file_, text, Durable::no, 0600)) || is_written_;
}

std::optional<JobProgress> read_job_progress(const Path& job_folder) {
  const auto text = read_file(job_folder / file_names::progress);
  if (!text)
    return std::nullopt;
  std::array<std::uint64_t, 4> numbers{};
  std::string_view rest = *text;
  for (std::uint64_t& number : numbers) {
    const std::size_t space = rest.find(' ');
    const auto parsed = space == std::string_view::npos
                            ? std::nullopt
                            : parse_number<std::uint64_t>(rest.substr(0, space));
    if (!parsed)
      return std::nullopt;
    number = *parsed;
    rest.remove_prefix(space + 1);
  }
  return JobProgress{std::string(rest), {{numbers[0], numbers[1]}, {numbers[2], numbers[3]}}};
}

}  // namespace dstack::run
