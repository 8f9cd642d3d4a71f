#include "dstack/metrics/point_writer.hpp"

#include "dstack/metrics/crc32c.hpp"
#include "dstack/metrics/encoding.hpp"
#include "dstack/metrics/point_file.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::metrics {

namespace {

/// Whether four bytes hold the value. A NaN is one of the short ones, whatever its bits are.
bool is_short(const Sample* sample) {
  return std::isnan(sample->value) ||
         std::bit_cast<std::uint64_t>(double{static_cast<float>(sample->value)}) ==
             std::bit_cast<std::uint64_t>(sample->value);
}

std::uint64_t milliseconds_of(const Sample& sample) {
  return static_cast<std::uint64_t>(sample.time.time_since_epoch().count());
}

}  // namespace

Result<PointWriter> PointWriter::open(const Path& job_folder, std::uint32_t attempt) {
  DSTACK_TRY(
      Fd file,
      open_file((job_folder / point_file_name).string(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  PointWriter writer(job_folder, std::move(file), attempt);
  DSTACK_CHECK(writer.load());
  return writer;
}

Result<void> PointWriter::load() {
  DSTACK_TRY(const PointFile known, PointFile::open(folder_));
  size_ = known.size();
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
    return fail_errno_on(file_.get(), "cannot shorten");
  if (size_ == 0) {
    DSTACK_CHECK(write_all(file_.get(), point_file_magic));
    size_ = point_file_magic.size();
  }
  for (std::size_t number = 0; number < known.names().size(); ++number) {
    Metric& metric = metrics_[known.names()[number]];
    metric.number = number;
    for (const Sample& sample : known.read(known.names()[number], Attempts::all)) {
      metric.step = static_cast<std::uint64_t>(sample.step);
      metric.time = milliseconds_of(sample);
      metric.is_of_attempt = metric.is_of_attempt || sample.attempt == attempt_;
    }
    metric.summary.name = known.names()[number];
    for (const Sample& sample : known.read(known.names()[number]))
      metric.summary.add(sample);
    has_earlier_attempts_ = true;
  }
  return {};
}

void PointWriter::put_group(std::string& payload,
                            Metric& metric,
                            const std::vector<const Sample*>& samples) {
  const bool short_ones = std::all_of(samples.begin(), samples.end(), is_short);
  const bool is_single = samples.size() == 1;
  put_varint(payload,
             metric.number << 2 | (short_ones ? short_values : 0) | (is_single ? single_point : 0));
  std::string columns;
  for (const Sample* sample : samples) {
    const auto step = static_cast<std::uint64_t>(sample->step);
    put_signed(columns, static_cast<std::int64_t>(step - std::exchange(metric.step, step)));
  }
  for (const Sample* sample : samples) {
    const std::uint64_t time = milliseconds_of(*sample);
    put_signed(columns, static_cast<std::int64_t>(time - std::exchange(metric.time, time)));
  }
  if (!is_single) {
    put_varint(payload, samples.size());
    put_varint(payload, columns.size());
  }
  payload += columns;
  for (const Sample* sample : samples)
    if (short_ones)
      put_u32(payload, std::bit_cast<std::uint32_t>(static_cast<float>(sample->value)));
    else
      put_double(payload, sample->value);
}

Result<void> PointWriter::append(const std::vector<Point>& points) {
  if (points.empty())
    return {};
  Metrics next = metrics_;
  std::vector<std::string_view> new_names;
  std::map<std::string_view, std::vector<const Sample*>> by_name;
  std::vector<std::string_view> order;
  for (const Point& point : points) {
    auto& samples = by_name[point.name];
    if (samples.empty())
      order.push_back(point.name);
    samples.push_back(&point.sample);
    if (const auto [known, is_new] = next.try_emplace(point.name); is_new) {
      known->second.number = next.size() - 1;
      known->second.summary.name = point.name;
      new_names.push_back(known->first);
    }
  }
  std::string payload;
  put_varint(payload, attempt_);
  put_varint(payload, new_names.size());
  for (const std::string_view name : new_names)
    put_text(payload, name);
  bool is_replaced = false;
  for (const std::string_view name : order) {
    Metric& metric = next.find(name)->second;
    put_group(payload, metric, by_name[name]);
    is_replaced =
        is_replaced || (has_earlier_attempts_ && !metric.is_of_attempt && metric.summary.count > 0);
    metric.is_of_attempt = true;
    for (const Sample* sample : by_name[name]) {
      Sample own = *sample;
      own.attempt = attempt_;
      metric.summary.add(own);
    }
  }
  std::string frame;
  put_u32(frame, static_cast<std::uint32_t>(payload.size()));
  put_u32(frame, crc32c(payload));
  frame += payload;
  if (auto written = write_all(file_.get(), frame); !written) {
    // A part of a frame would hide all that follow.
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
      return fail_errno_on(file_.get(), "cannot shorten");
    return written;
  }
  size_ += frame.size();
  metrics_ = std::move(next);
  if (is_replaced) {
    DSTACK_TRY(const PointFile all, PointFile::open(folder_));
    for (auto& [name, metric] : metrics_) {
      metric.summary = MetricSummary{name};
      for (const Sample& sample : all.read(name))
        metric.summary.add(sample);
    }
  }
  write_summary();
  return {};
}

void PointWriter::write_summary() {
  std::vector<MetricSummary> summaries;
  for (const auto& [name, metric] : metrics_)
    summaries.push_back(metric.summary);
  // Whoever finds none, or an old one, reads the points.
  (void)write_file_atomically(
      folder_ / summary_file_name, render_summary(summaries, size_), Durable::no, 0600);
}

Result<void> PointWriter::sync() {
  if (::fdatasync(file_.get()) != 0)
    return fail_errno_on(file_.get(), "cannot save");
  return {};
}

}  // namespace dstack::metrics
