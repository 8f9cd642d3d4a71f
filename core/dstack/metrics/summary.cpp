#include "dstack/metrics/summary.hpp"

#include "dstack/base/text.hpp"
#include "dstack/metrics/crc32c.hpp"
#include "dstack/metrics/encoding.hpp"
#include "dstack/metrics/point_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::metrics {

namespace {

constexpr std::string_view magic = "dstk-ms1";

void put(std::string& bytes, const Sample& sample) {
  put_signed(bytes, sample.step);
  put_signed(bytes, sample.time.time_since_epoch().count());
  put_double(bytes, sample.value);
  put_varint(bytes, sample.attempt);
}

void put(std::string& bytes, const std::optional<Sample>& sample) {
  bytes.push_back(sample ? 1 : 0);
  if (sample)
    put(bytes, *sample);
}

Sample take_sample(Decoder& decoder) {
  Sample sample;
  sample.step = decoder.signed_varint();
  sample.time = Timestamp(std::chrono::milliseconds(decoder.signed_varint()));
  sample.value = decoder.real();
  sample.attempt = static_cast<std::uint32_t>(decoder.varint());
  return sample;
}

std::optional<Sample> take_optional(Decoder& decoder) {
  return decoder.varint() != 0 ? std::optional(take_sample(decoder)) : std::nullopt;
}

/// The names in a folder that are indexes of jobs, in order; a missing folder has none.
Result<std::vector<std::size_t>> job_indexes(const Path& run_folder) {
  std::vector<std::size_t> indexes;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(run_folder.c_str()), ::closedir);
  if (!folder && errno == ENOENT)
    return indexes;
  if (!folder)
    return fail_errno("cannot read the folder '{}'", run_folder.string());
  while (const dirent* entry = ::readdir(folder.get()))
    if (const auto index = parse_number<std::size_t>(entry->d_name))
      indexes.push_back(*index);
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

Result<std::vector<MetricSummary>> summarize(const Path& job_folder) {
  std::vector<MetricSummary> metrics;
  DSTACK_TRY(const PointFile file, PointFile::open(job_folder));
  for (const std::string& name : file.names()) {
    MetricSummary metric;
    metric.name = name;
    for (const Sample& sample : file.read(name))
      metric.add(sample);
    if (metric.count > 0)
      metrics.push_back(std::move(metric));
  }
  return metrics;
}

}  // namespace

void MetricSummary::add(const Sample& sample) {
  last = sample;
  ++count;
  if (!std::isfinite(sample.value)) {
    ++not_finite;
    return;
  }
  if (!lowest || sample.value < lowest->value)
    lowest = sample;
  if (!highest || sample.value > highest->value)
    highest = sample;
}

std::string render_summary(const std::vector<MetricSummary>& metrics, std::uint64_t covered) {
  std::string content;
  put_varint(content, covered);
  put_varint(content, metrics.size());
  for (const MetricSummary& metric : metrics) {
    put_text(content, metric.name);
    put_varint(content, metric.count);
    put_varint(content, metric.not_finite);
    put(content, metric.last);
    put(content, metric.lowest);
    put(content, metric.highest);
  }
  std::string bytes(magic);
  put_u32(bytes, crc32c(content));
  return bytes + content;
}

std::optional<std::vector<MetricSummary>> parse_summary(std::string_view bytes,
                                                        std::uint64_t covered) {
  Decoder decoder(bytes);
  if (decoder.take(magic.size()) != magic)
    return std::nullopt;
  if (const std::uint32_t crc = decoder.u32(); !decoder.is_whole() || crc != crc32c(decoder.rest()))
    return std::nullopt;
  if (decoder.varint() != covered)
    return std::nullopt;
  const std::uint64_t count = decoder.varint();
  std::vector<MetricSummary> metrics;
  while (metrics.size() < count && decoder.is_whole()) {
    MetricSummary& metric = metrics.emplace_back();
    metric.name = decoder.text();
    metric.count = decoder.varint();
    metric.not_finite = decoder.varint();
    metric.last = take_sample(decoder);
    metric.lowest = take_optional(decoder);
    metric.highest = take_optional(decoder);
  }
  return decoder.is_whole() ? std::optional(std::move(metrics)) : std::nullopt;
}

Result<std::vector<MetricSummary>> read_summary(const Path& job_folder) {
  struct stat points {};

  if (::stat((job_folder / point_file_name).c_str(), &points) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return std::vector<MetricSummary>();
    return fail_errno("cannot read '{}'", (job_folder / point_file_name).string());
  }
  if (const auto fd = open_file((job_folder / summary_file_name).string(), O_RDONLY)) {
    DSTACK_TRY(const std::string bytes, read_all(fd->get()));
    if (auto known = parse_summary(bytes, static_cast<std::uint64_t>(points.st_size)))
      return *std::move(known);
  }
  return summarize(job_folder);
}

Result<std::vector<JobSummary>> read_summaries(const files::Home& home, const std::string& run) {
  std::vector<JobSummary> jobs;
  DSTACK_TRY(const auto indexes, job_indexes(home.run(run)));
  for (const std::size_t index : indexes) {
    DSTACK_TRY(auto metrics, read_summary(home.job(run, index)));
    if (!metrics.empty())
      jobs.push_back({index, std::move(metrics)});
  }
  return jobs;
}

}  // namespace dstack::metrics
