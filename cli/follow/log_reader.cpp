#include "follow/log_reader.hpp"

#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dstack::cli {

namespace {

constexpr std::size_t chunk = 256 * 1024;
/// The size of reads in a merge, where many logs are open at once.
constexpr std::size_t piece = 16 * 1024;

/// Lines from `offset` to the end; an unterminated last one counts.
Result<std::size_t> count_lines(const run::JobLog& log, std::uint64_t offset) {
  std::size_t lines = 0;
  char last = '\n';
  std::string buffer(chunk, '\0');
  for (;;) {
    DSTACK_TRY(const std::string_view bytes, log.next(buffer, offset));
    if (bytes.empty())
      return lines + (last != '\n' ? 1 : 0);
    lines += static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    last = bytes.back();
  }
}

}  // namespace

/// One log in the merge: the next line, and its time.
struct LogReader::Source {
  std::size_t job = 0;
  std::uint64_t offset = 0;        ///< of the next line
  std::uint64_t end = 0;           ///< the merge ends here; what follows is left to the follower
  std::chrono::milliseconds at{};  ///< since the run was submitted
  std::string buffer = {};
  std::size_t position = 0;  ///< of the next line in the buffer
  /// Where the log goes on behind the end of the buffer, if a part of it is left out there.
  std::optional<std::uint64_t> goes_on_at = {};

  std::string_view line() const {
    const std::string_view rest = std::string_view(buffer).substr(position);
    const std::size_t newline = rest.find('\n');
    return rest.substr(0, newline == std::string_view::npos ? rest.size() : newline + 1);
  }

  /// Older runners note the wall clock alone.
  void look_at_time(const run::JobLog& log, Timestamp submitted_at) {
    if (const auto elapsed = log.elapsed_at(offset))
      at = *elapsed;
    else if (const auto time = log.time_at(offset))
      at = *time - submitted_at;
  }

  /// A line longer than a piece is read in several; the output joins them.
  Result<bool> fill(const run::JobLog& log, Timestamp submitted_at) {
    if (line().empty() || (line().back() != '\n' && buffer.size() - position < piece)) {
      buffer.erase(0, position);
      position = 0;
      const std::uint64_t from = offset + buffer.size();
      if (from < end) {
        std::string more(static_cast<std::size_t>(std::min<std::uint64_t>(piece, end - from)),
                         '\0');
        std::uint64_t behind = from;
        DSTACK_TRY(const std::string_view bytes, log.next(more, behind));
        buffer += bytes;
        if (behind != from + bytes.size())
          goes_on_at = behind;
      }
    }
    if (line().empty())
      return false;
    look_at_time(log, submitted_at);
    return true;
  }

  void advance() {
    const std::size_t size = line().size();
    offset += size;
    position += size;
    if (goes_on_at && position == buffer.size())
      offset = *std::exchange(goes_on_at, std::nullopt);
  }
};

LogReader::LogReader(const files::Home& home,
                     const store::RunRecord& run,
                     const std::vector<store::JobRecord>& jobs,
                     ui::Output& out,
                     Timestamps timestamps,
                     ui::JobOutput::Sequences sequences)
    : jobs_(jobs),
      run_(run),
      out_(out),
      timestamps_(timestamps),
      sequences_(sequences),
      offsets_(jobs.size(), 0) {
  for (const store::JobRecord& job : jobs) {
    folders_.push_back(home.job(run.name, job.index));
    logs_.emplace_back(folders_.back());
  }
}

Result<void> LogReader::print(const LogSelection& selection) {
  DSTACK_CHECK(begin(selection));
  if (selected_.size() == 1)
    return copy(selected_.front());
  std::size_t skipped = 0;
  if (selection.lines) {
    std::size_t total = 0;
    for (const std::size_t job : selected_) {
      DSTACK_TRY(const std::size_t lines, count_lines(run::JobLog(folders_[job]), offsets_[job]));
      total += lines;
    }
    skipped = total - std::min(total, *selection.lines);
  }
  return merge(skipped);
}

/// Sets where each log begins, and the format of its lines.
Result<void> LogReader::begin(const LogSelection& selection) {
  for (const store::JobRecord& job : jobs_) {
    if (!selection.part.holds(job.workflow))
      continue;
    selected_.push_back(job.index);
    const run::JobLog log(folders_[job.index]);
    std::uint64_t& offset = offsets_[job.index];
    DSTACK_TRY(offset, offset_since(log, selection));
    if (selection.lines) {
      DSTACK_TRY(const std::uint64_t last, log.offset_of_last(*selection.lines));
      offset = std::max(offset, last);
    }
  }
  ui::JobOutput::Clock clock;
  if (timestamps_ == Timestamps::yes)
    clock = [this](std::size_t job, std::uint64_t offset) { return logs_[job].time_at(offset); };
  output_.emplace(out_,
                  ui::job_labels(run_, jobs_),
                  selected_.size() > 1 ? ui::JobOutput::Prefix::yes : ui::JobOutput::Prefix::no,
                  sequences_,
                  std::move(clock));
  return {};
}

/// A duration is one of the run's clock, where its log has that.
Result<std::uint64_t> LogReader::offset_since(const run::JobLog& log,
                                              const LogSelection& selection) const {
  if (selection.ago) {
    const ClockReading now = process::read_clocks();
    const job::Moment last = run_.finished_at.value_or(job::Moment{run_.submitted_at});
    const auto begin = job::moment_of(now, run_.clock, last).elapsed - *selection.ago;
    DSTACK_TRY(const auto offset, log.offset_since(begin));
    return offset ? Result<std::uint64_t>(*offset) : log.offset_since(now.wall - *selection.ago);
  }
  return selection.since ? log.offset_since(*selection.since) : Result<std::uint64_t>(0);
}

Result<void> LogReader::copy(std::size_t job) {
  std::string buffer(chunk, '\0');
  while (!out_.closed()) {
    std::uint64_t behind = offsets_[job];
    DSTACK_TRY(const std::string_view bytes, logs_[job].next(buffer, behind));
    if (bytes.empty())
      break;
    append(job, bytes);
    offsets_[job] = behind;
  }
  return {};
}

void LogReader::append(std::size_t job, std::string_view bytes) {
  output_->write(job, bytes, offsets_[job]);
  offsets_[job] += bytes.size();
}

/// Every log with anything to print, sorted by the time of its first line; none of them open.
Result<std::vector<LogReader::Source>> LogReader::sources() const {
  std::vector<Source> sources;
  for (const std::size_t job : selected_) {
    const run::JobLog log(folders_[job]);
    DSTACK_TRY(const std::uint64_t end, log.size());
    if (end > offsets_[job])
      sources.emplace_back(Source{job, offsets_[job], end}).look_at_time(log, run_.submitted_at);
  }
  std::stable_sort(
      sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.at < b.at; });
  return sources;
}

/// A log is opened when its first line is due and closed after its last: even with thousands of
/// jobs only a few are open at a time.
Result<void> LogReader::merge(std::size_t skipped) {
  DSTACK_TRY(std::vector<Source> waiting, sources());
  std::reverse(waiting.begin(), waiting.end());
  std::vector<Source> open;
  const auto later = [](const Source& a, const Source& b) {
    return std::tie(a.at, a.job) > std::tie(b.at, b.job);
  };
  const auto enter = [&](Source source) -> Result<void> {
    DSTACK_TRY(const bool some, source.fill(logs_[source.job], run_.submitted_at));
    if (!some) {
      close(source.job);
      return {};
    }
    open.push_back(std::move(source));
    std::push_heap(open.begin(), open.end(), later);
    return {};
  };
  while (!out_.closed() && !(open.empty() && waiting.empty())) {
    while (!waiting.empty() && (open.empty() || waiting.back().at <= open.front().at)) {
      DSTACK_CHECK(enter(std::move(waiting.back())));
      waiting.pop_back();
    }
    if (open.empty())
      continue;
    std::pop_heap(open.begin(), open.end(), later);
    Source source = std::move(open.back());
    open.pop_back();
    if (skipped > 0)
      --skipped;
    else
      append(source.job, source.line());
    source.advance();
    offsets_[source.job] = source.offset;
    DSTACK_CHECK(enter(std::move(source)));
  }
  return {};
}

void LogReader::close(std::size_t job) {
  if (job::is_final(jobs_[job].status))
    finish(job);  // its last line may be unterminated, and the next job's follows it
  logs_[job] = run::JobLog(folders_[job]);
}

}  // namespace dstack::cli
