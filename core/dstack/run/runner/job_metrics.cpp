#include "dstack/run/runner/job_metrics.hpp"

#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::run {

namespace {

using metrics::FollowedFile;

constexpr auto first_look = std::chrono::seconds(1);
/// Where nothing has come yet and nothing is named, a look is one question for a file.
constexpr auto latest_look = std::chrono::seconds(16);
/// Of the time, one part of so many is spent looking.
constexpr int work_share = 20;
constexpr std::size_t most_warnings = 10;
constexpr std::size_t most_metrics = 1000;
constexpr std::size_t longest_name = 200;
constexpr std::size_t most_pending = 1'000'000;
constexpr std::size_t most_files = 1000;
constexpr std::size_t output_at_a_time = 1 << 20;
constexpr std::size_t longest_line = 1 << 16;

/// A sandboxed job could lead this process, which is in none, to files that are hidden from it.
Result<Fd> open_metrics(const JobAttempt& attempt, const Path& file) {
  if (!attempt.order.spec.sandbox)
    return open_source(file);
  const Path& root = attempt.workspace->folder();
  const Path beneath = file.lexically_relative(root);
  DSTACK_TRY(const Fd folder, open_file(root.string(), O_PATH | O_DIRECTORY));
  Fd opened(files::open_beneath(
      folder.get(), beneath.string(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!opened)
    return fail_errno("cannot open '{}'", beneath.string());
  if (!is_source(opened.get()))
    return fail(ErrorCode::configuration, "'{}' is no file", beneath.string());
  return opened;
}

bool is_gone(const Error& error) {
  return error.number == ENOENT || error.number == ENOTDIR;
}

}  // namespace

Path reported_metrics(const JobAttempt& attempt) {
  return attempt.folder / file_names::reported_metrics;
}

JobMetrics::JobMetrics(const JobAttempt& attempt, Clock::time_point now)
    : next_look_(now + first_look), between_looks_(first_look) {
  const auto& named = attempt.order.spec.metrics;
  if (!named || named->log.empty())
    return;
  template_.emplace(named->log);
  log_.emplace(attempt.home.job(attempt.order.run, attempt.order.index));
  log_offset_ = log_->size().value_or(0);
}

void JobMetrics::look(const JobAttempt& attempt, Clock::time_point now) {
  if (now < next_look_)
    return;
  const auto begin = Clock::now();
  const bool has_more = take_new(attempt, false);
  store(attempt);
  const auto end = Clock::now();
  if (has_points_ || attempt.order.spec.metrics)
    // A folder with many files takes its time.
    between_looks_ = std::max<Clock::duration>(first_look, work_share * (end - begin));
  else
    between_looks_ = std::min<Clock::duration>(2 * between_looks_, latest_look);
  next_look_ = has_more ? end : end + between_looks_;
}

std::vector<std::string> JobMetrics::finish(const JobAttempt& attempt,
                                            const std::function<bool()>& is_enough) {
  next_look_ = Clock::time_point::max();
  while (take_new(attempt, true) && !is_enough())
    store(attempt);
  store(attempt);
  if (!pending_.empty())
    warn(fmt::format("{} of its metrics could not be recorded", plural(pending_.size(), "point")));
  if (writer_)
    if (const auto synced = writer_->sync(); !synced)
      warn(render(synced.error()));
  if (more_warnings_ > 0)
    warnings_.push_back(
        fmt::format("metrics: and {} more", plural(std::exchange(more_warnings_, 0), "warning")));
  return std::move(warnings_);
}

bool JobMetrics::take_new(const JobAttempt& attempt, bool ended) {
  // Its folder is not the workspace's, and nothing but the runner's own way leads there.
  bool has_more = false;
  if (auto file = open_file(reported_metrics(attempt).string(),
                            O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
      file && is_source(file->get())) {
    const std::string name = "$DSTACK_METRICS";
    auto& followed = files_.try_emplace(name, name, FollowedFile::Found::reported).first->second;
    auto found = followed.look(file->get(), ended);
    has_more = found.has_more;
    add(attempt, std::move(found.rows));
    for (std::string& warning : found.warnings)
      warn(std::move(warning));
  }
  if (!attempt.order.spec.metrics)
    return has_more;
  for (const std::string& path : attempt.order.spec.metrics->files)
    has_more = take_named(attempt, path, ended) || has_more;
  return take_output(attempt, ended) || has_more;
}

bool JobMetrics::take_named(const JobAttempt& attempt, const std::string& path, bool ended) {
  struct stat status {};

  const Path& root = attempt.workspace->folder();
  for (const std::string& place : places_of(attempt.order, path)) {
    const Path file = place.empty() ? root : root / place;
    if (::stat(file.c_str(), &status) != 0)
      continue;
    if (S_ISDIR(status.st_mode))
      return take_folder(attempt, file, path, ended);
    return take_file(attempt, file, path, FollowedFile::Found::by_name, ended);
  }
  if (ended && !files_.contains(path))
    warn(fmt::format("{}: the job did not make it", path));
  return false;
}

bool JobMetrics::take_folder(const JobAttempt& attempt,
                             const Path& folder,
                             const std::string& path,
                             bool ended) {
  const auto root = open_file(folder.string(), O_RDONLY | O_DIRECTORY);
  if (!root)
    return false;
  auto walk = files::walk_folder(root->get(), "");
  if (!walk)
    return false;
  std::vector<std::string> found;
  for (const files::FoundFile& entry : walk->entries)
    if (entry.state.type == files::EntryType::file && metrics::may_hold_metrics(entry.path))
      found.push_back(entry.path);
  std::sort(found.begin(), found.end());
  if (found.size() > most_files) {
    found.resize(most_files);
    if (ended)
      warn(fmt::format("{}: only {} files of metrics are read", path, most_files));
  }
  bool has_more = false;
  for (const std::string& name : found)
    has_more = take_file(attempt,
                         folder / name,
                         path.empty() ? name : path + "/" + name,
                         FollowedFile::Found::in_folder,
                         ended) ||
               has_more;
  return has_more;
}

bool JobMetrics::take_file(const JobAttempt& attempt,
                           const Path& file,
                           const std::string& name,
                           FollowedFile::Found found,
                           bool ended) {
  const auto opened = open_metrics(attempt, file);
  if (!opened) {
    if (ended && !is_gone(opened.error()))
      warn(fmt::format("{}: {}", name, opened.error().message));
    return false;
  }
  auto& followed = files_.try_emplace(name, name, found).first->second;
  auto look = followed.look(opened->get(), ended);
  add(attempt, std::move(look.rows));
  for (std::string& warning : look.warnings)
    warn(std::move(warning));
  return look.has_more;
}

bool JobMetrics::take_output(const JobAttempt& attempt, bool ended) {
  if (!template_)
    return false;
  std::string buffer(output_at_a_time, '\0');
  const auto bytes = log_->next(buffer, log_offset_);
  if (!bytes)
    return false;
  std::vector<metrics::Row> rows;
  const auto take = [&](std::string_view line) {
    if (auto row = template_->match(line); row && !row->values.empty())
      rows.push_back(*std::move(row));
  };
  std::string_view left = *bytes;
  for (;;) {
    // Progress bars return to the beginning of their line.
    const std::size_t end = left.find_first_of("\n\r");
    if (end == std::string_view::npos)
      break;
    log_line_.append(left.substr(0, end));
    take(log_line_);
    log_line_.clear();
    left.remove_prefix(end + 1);
  }
  if (log_line_.size() < longest_line)
    log_line_.append(left);
  if (ended && bytes->empty())
    take(std::exchange(log_line_, {}));
  add(attempt, std::move(rows));
  return !bytes->empty();
}

void JobMetrics::add(const JobAttempt& attempt, std::vector<metrics::Row> rows) {
  const Timestamp read_at = now();
  for (metrics::Row& row : rows)
    for (auto& [given, value] : row.values) {
      if (pending_.size() >= most_pending)
        return;
      std::string name = attempt.log.writer().masked(given);
      if (name.size() > longest_name || find_invalid_utf8(name)) {
        warn(fmt::format("a name of {} bytes is left out", name.size()));
        continue;
      }
      if (next_steps_.size() >= most_metrics && !next_steps_.contains(name)) {
        warn(fmt::format("'{}' is left out: a job may have {} metrics", name, most_metrics));
        continue;
      }
      std::int64_t& next_step = next_steps_[name];
      const std::int64_t step = row.step.value_or(next_step);
      next_step = std::max(next_step, step < INT64_MAX ? step + 1 : step);
      pending_.push_back({std::move(name),
                          {step,
                           row.time.value_or(read_at),
                           value,
                           static_cast<std::uint32_t>(attempt.order.attempt)}});
    }
}

void JobMetrics::store(const JobAttempt& attempt) {
  if (pending_.empty())
    return;
  has_points_ = true;
  if (!writer_) {
    auto writer =
        metrics::PointWriter::open(attempt.home.job(attempt.order.run, attempt.order.index),
                                   static_cast<std::uint32_t>(attempt.order.attempt));
    if (!writer)
      return;  // it is tried again with the next ones
    writer_.emplace(*std::move(writer));
  }
  if (writer_->append(pending_))
    pending_.clear();
}

void JobMetrics::warn(std::string warning) {
  const std::string sentence = "metrics: " + warning;
  if (std::find(warnings_.begin(), warnings_.end(), sentence) != warnings_.end())
    return;
  if (warnings_.size() < most_warnings)
    warnings_.push_back(sentence);
  else
    ++more_warnings_;
}

}  // namespace dstack::run
