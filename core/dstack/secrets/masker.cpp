// How needles are found. Every needle has at least eight bytes, so wherever it stands, exactly one
// of the positions 0, 5, 10, … of the text falls on one of the first five groups of four bytes of
// it. Only at these positions the text is looked at: a multiplication and one bit of a small table
// say whether any needle has that group there, and only then is one compared. No step waits for the
// one before, so this runs at several bytes for each cycle, however many needles there are.
#include "dstack/secrets/masker.hpp"

#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/encodings.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

namespace dstack::secrets {

namespace {

constexpr std::size_t gram_size = 4;
constexpr std::size_t stride = shortest_masked - gram_size + 1;
// A filter has so many bits for each gram, and never fewer or more than so many in all (as a power
// of two): the smallest lies in a processor's nearest cache, the largest in one that all share.
constexpr std::size_t bits_for_gram = 16;
constexpr unsigned least_filter_bits = 18;
constexpr unsigned most_filter_bits = 25;

std::uint32_t gram_at(const char* bytes) {
  std::uint32_t gram = 0;
  std::memcpy(&gram, bytes, gram_size);
  return gram;
}

using Spans = std::vector<std::pair<std::size_t, std::size_t>>;

/// Those that overlap become one.
Spans merged(Spans spans) {
  std::sort(spans.begin(), spans.end());
  std::size_t kept = 0;
  for (const auto& span : spans)
    if (kept > 0 && span.first < spans[kept - 1].second)
      spans[kept - 1].second = std::max(spans[kept - 1].second, span.second);
    else
      spans[kept++] = span;
  spans.resize(kept);
  return spans;
}

}  // namespace

Needles::Filter::Filter(std::size_t grams) {
  const auto bits = std::clamp(static_cast<unsigned>(std::bit_width(grams * bits_for_gram)),
                               least_filter_bits,
                               most_filter_bits);
  shift_ = 32 - bits;
  bits_.resize((std::size_t{1} << bits) / 64);
}

void Needles::Filter::add(std::uint32_t gram) {
  const std::uint32_t hash = hash_of(gram);
  bits_[hash / 64] |= std::uint64_t{1} << hash % 64;
}

bool Needles::Filter::may_have(std::uint32_t gram) const {
  const std::uint32_t hash = hash_of(gram);
  return (bits_[hash / 64] >> hash % 64 & 1U) != 0;
}

Needles::Needles(const std::vector<std::string>& values) {
  for (std::size_t value = 0; value < values.size(); ++value)
    for (std::string& form : encodings_of(values[value]))
      texts_.push_back({std::move(form), value});
  if (texts_.empty())
    return;
  std::sort(texts_.begin(), texts_.end());
  filter_ = Filter(texts_.size() * stride);
  beginnings_ = Filter(texts_.size());
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const std::string& bytes = texts_[i].bytes;
    longest_ = std::max(longest_, bytes.size());
    beginnings_.add(gram_at(bytes.data()));
    for (std::size_t offset = 0; offset < stride; ++offset) {
      const std::uint32_t gram = gram_at(bytes.data() + offset);
      filter_.add(gram);
      samples_.push_back({gram, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(offset)});
    }
  }
  std::sort(samples_.begin(), samples_.end());
}

Needles::~Needles() {
  for (Text& text : texts_)
    wipe(text.bytes);
}

/// Calls `use(needle, from)` for each that occurs in `text`, in no particular order.
template <typename Use>
void Needles::each_found(std::string_view text, Use use) const {
  if (texts_.empty() || text.size() < shortest_masked)
    return;
  const std::size_t last = text.size() - gram_size;
  for (std::size_t at = 0; at <= last; at += stride) {
    const std::uint32_t gram = gram_at(text.data() + at);
    if (!filter_.may_have(gram))
      continue;
    const auto [begin, end] =
        std::equal_range(samples_.begin(), samples_.end(), Sample{gram, 0, 0});
    for (auto sample = begin; sample != end; ++sample) {
      const std::string& needle = texts_[sample->needle].bytes;
      if (sample->offset > at || text.size() - (at - sample->offset) < needle.size())
        continue;
      const std::size_t from = at - sample->offset;
      if (std::memcmp(text.data() + from, needle.data(), needle.size()) == 0)
        use(texts_[sample->needle], from);
    }
  }
}

Spans Needles::find(std::string_view text) const {
  Spans spans;
  each_found(text, [&](const Text& needle, std::size_t from) {
    spans.emplace_back(from, from + needle.bytes.size());
  });
  return merged(std::move(spans));
}

std::vector<std::size_t> Needles::find_values(std::string_view text) const {
  std::set<std::size_t> values;
  each_found(text, [&](const Text& needle, std::size_t) { values.insert(needle.value); });
  return {values.begin(), values.end()};
}

std::size_t Needles::find_beginning(std::string_view text) const {
  if (texts_.empty())
    return text.size();
  const std::size_t from = text.size() - std::min(text.size(), longest_ - 1);
  for (std::size_t at = from; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (rest.size() >= gram_size && !beginnings_.may_have(gram_at(rest.data())))
      continue;
    const auto next = std::upper_bound(
        texts_.begin(), texts_.end(), rest, [](std::string_view before, const Text& needle) {
          return before < needle.bytes;
        });
    if (next != texts_.end() && std::string_view(next->bytes).starts_with(rest))
      return at;
  }
  return text.size();
}

std::string Needles::masked(std::string_view text) const {
  std::string out;
  std::size_t done = 0;
  for (const auto& [begin, end] : find(text)) {
    out.append(text.substr(done, begin - done)).append(mask);
    done = end;
  }
  return out.append(text.substr(done));
}

Masker::~Masker() {
  wipe(held_);
  wipe(joined_);
}

std::string_view Masker::take(std::string_view bytes) {
  if (held_.empty())
    return emit(bytes, needles_.find_beginning(bytes));
  joined_.assign(held_).append(bytes);
  return emit(joined_, needles_.find_beginning(joined_));
}

std::string_view Masker::finish() {
  joined_ = std::exchange(held_, {});
  return emit(joined_, joined_.size());
}

/// Writes `text` up to `end` and holds back the rest. A secret that reaches beyond the end is
/// written as soon as its first byte is, and what is left of it never again.
std::string_view Masker::emit(std::string_view text, std::size_t end) {
  std::string rest(text.substr(end));
  if (end == 0) {
    held_ = std::move(rest);
    return {};
  }
  Spans spans = needles_.find(text);
  const bool goes_on = hidden_ > 0;
  if (goes_on) {
    spans.insert(spans.begin(), {0, hidden_});
    spans = merged(std::move(spans));
  }
  if (spans.empty()) {
    held_ = std::move(rest);
    return text.substr(0, end);
  }
  out_.clear();
  hidden_ = 0;
  std::size_t done = 0;
  for (const auto& [begin, stop] : spans) {
    if (begin >= end)
      break;
    out_.append(text.substr(done, begin - done));
    if (begin > 0 || !goes_on)
      out_.append(mask);
    done = std::min(stop, end);
    hidden_ = stop > end ? stop - end : 0;
  }
  out_.append(text.substr(done, end - done));
  held_ = std::move(rest);
  return out_;
}

}  // namespace dstack::secrets
