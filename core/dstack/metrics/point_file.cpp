#include "dstack/metrics/point_file.hpp"

#include "dstack/metrics/crc32c.hpp"
#include "dstack/metrics/encoding.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>

namespace dstack::metrics {

namespace {

/// What a frame begins with, before its groups.
struct FrameHead {
  std::uint32_t attempt = 0;
  std::vector<std::string_view> new_names = {};
};

FrameHead take_head(Decoder& payload) {
  FrameHead head;
  head.attempt = static_cast<std::uint32_t>(payload.varint());
  for (std::uint64_t left = payload.varint(); left > 0 && payload.is_whole(); --left)
    head.new_names.push_back(payload.text());
  return head;
}

/// A group of points of one metric.
struct Group {
  std::uint64_t metric = 0;
  bool is_single = false;
  bool is_short = false;
  std::uint64_t count = 1;
  std::uint64_t columns = 0;  ///< bytes of steps and times, unless it is single
};

Group take_group(Decoder& payload) {
  const std::uint64_t first = payload.varint();
  Group group{first >> 2, (first & single_point) != 0, (first & short_values) != 0};
  if (!group.is_single) {
    group.count = payload.varint();
    group.columns = payload.varint();
  }
  return group;
}

void skip(Decoder& payload, const Group& group) {
  if (group.is_single) {
    payload.varint();
    payload.varint();
  } else {
    payload.take(group.columns);
  }
  payload.take(group.count * (group.is_short ? sizeof(float) : sizeof(double)));
}

/// Calls `take` at each group, which must pass over it.
template <typename Take>
void for_each_group_of(const std::vector<std::string_view>& payloads, Take take) {
  for (const std::string_view payload : payloads) {
    Decoder decoder(payload);
    const std::uint32_t attempt = take_head(decoder).attempt;
    while (!decoder.at_end() && decoder.is_whole())
      take(decoder, take_group(decoder), attempt);
  }
}

/// The points of one metric, as they are decoded one group after the other.
class Series {
 public:
  /// Memory that is touched once is half of what reading costs.
  void expect(std::size_t samples) { samples_.reserve(samples); }

  void take(Decoder& payload, const Group& group, std::uint32_t attempt) {
    if (group.count > payload.rest().size())
      return;  // of a newer form
    const std::size_t begin = samples_.size();
    samples_.resize(begin + static_cast<std::size_t>(group.count));
    for (std::size_t i = begin; i < samples_.size(); ++i) {
      step_ += static_cast<std::uint64_t>(payload.signed_varint());
      samples_[i].step = static_cast<std::int64_t>(step_);
      samples_[i].attempt = attempt;
    }
    for (std::size_t i = begin; i < samples_.size(); ++i) {
      time_ += static_cast<std::uint64_t>(payload.signed_varint());
      samples_[i].time = Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(time_)));
    }
    for (std::size_t i = begin; i < samples_.size(); ++i)
      samples_[i].value = group.is_short ? double{payload.single()} : payload.real();
  }

  std::vector<Sample> samples() && { return std::move(samples_); }

 private:
  std::vector<Sample> samples_;
  std::uint64_t step_ = 0;  ///< unsigned: differences may wrap around
  std::uint64_t time_ = 0;
};

/// In place, what was reported before a later attempt reported the same steps is removed.
void keep_winning(std::vector<Sample>& samples) {
  std::vector<Sample> kept;
  for (std::size_t begin = 0; begin < samples.size();) {
    const std::uint32_t attempt = samples[begin].attempt;
    const auto first = samples.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto end = std::find_if(
        first, samples.end(), [&](const Sample& sample) { return sample.attempt != attempt; });
    if (begin == 0 && end == samples.end())
      return;
    const std::int64_t step = first->step;
    std::erase_if(kept, [&](const Sample& sample) { return sample.step >= step; });
    kept.insert(kept.end(), first, end);
    begin = static_cast<std::size_t>(end - samples.begin());
  }
  samples = std::move(kept);
}

}  // namespace

Result<PointFile> PointFile::open(const Path& job_folder) {
  PointFile result;
  const auto fd = open_file((job_folder / point_file_name).string(), O_RDONLY);
  if (!fd && (fd.error().number == ENOENT || fd.error().number == ENOTDIR))
    return result;
  if (!fd)
    return Failure(fd.error());
  auto mapped = MappedFile::of(fd->get());
  if (!mapped)
    return result;
  result.file_.emplace(*std::move(mapped));
  Decoder bytes(result.file_->bytes());
  if (bytes.take(point_file_magic.size()) != point_file_magic)
    return result;
  result.size_ = point_file_magic.size();
  for (;;) {
    const std::uint32_t length = bytes.u32();
    const std::uint32_t crc = bytes.u32();
    const std::string_view payload = bytes.take(length);
    if (!bytes.is_whole() || payload.empty() || crc32c(payload) != crc)
      return result;
    Decoder decoder(payload);
    for (const std::string_view name : take_head(decoder).new_names)
      result.names_.emplace_back(name);
    result.payloads_.push_back(payload);
    result.size_ += 2 * sizeof(std::uint32_t) + length;
  }
}

std::vector<Sample> PointFile::read(std::string_view name, Attempts attempts) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end())
    return {};
  const auto wanted = static_cast<std::uint64_t>(found - names_.begin());
  std::size_t count = 0;
  for_each_group_of(payloads_, [&](Decoder& decoder, const Group& group, std::uint32_t) {
    count += group.metric == wanted ? std::min<std::size_t>(group.count, decoder.rest().size()) : 0;
    skip(decoder, group);
  });
  Series series;
  series.expect(count);
  for_each_group_of(payloads_, [&](Decoder& decoder, const Group& group, std::uint32_t attempt) {
    if (group.metric == wanted)
      series.take(decoder, group, attempt);
    else
      skip(decoder, group);
  });
  std::vector<Sample> samples = std::move(series).samples();
  if (attempts == Attempts::winning)
    keep_winning(samples);
  return samples;
}

}  // namespace dstack::metrics
