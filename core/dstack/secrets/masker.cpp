// How needles are found. Every needle has at least eight bytes, so wherever it stands, exactly one
// of the positions 0, 5, 10, … of the text falls on one of the first five groups of four bytes of
// it. Only at these positions the text is looked at: a multiplication and one bit of a small table
// say whether any needle has that group there, and only then is one compared. No step waits for the
// one before, so this runs at several bytes for each cycle, however many needles there are.
#include "dstack/secrets/masker.hpp"

#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/forms.hpp"

#include <algorithm>
#include <cstring>

namespace dstack::secrets {

namespace {

constexpr std::size_t gram_size = 4;
constexpr std::size_t stride = shortest_masked - gram_size + 1;
constexpr unsigned filter_bits = 18;

std::uint32_t gram_at(const char* bytes) {
  std::uint32_t gram = 0;
  std::memcpy(&gram, bytes, gram_size);
  return gram;
}

std::uint32_t hash_of(std::uint32_t gram) {
  return gram * 2654435761U >> (32 - filter_bits);
}

void set_bit(std::vector<std::uint64_t>& filter, std::uint32_t gram) {
  const std::uint32_t hash = hash_of(gram);
  filter[hash / 64] |= std::uint64_t{1} << hash % 64;
}

bool has_bit(const std::uint64_t* filter, std::uint32_t gram) {
  const std::uint32_t hash = hash_of(gram);
  return (filter[hash / 64] >> hash % 64 & 1U) != 0;
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

Needles::Needles(const std::vector<std::string>& values) {
  for (const std::string& value : values)
    for (std::string& form : forms_of(value))
      texts_.push_back(std::move(form));
  if (texts_.empty())
    return;
  std::sort(texts_.begin(), texts_.end());
  texts_.erase(std::unique(texts_.begin(), texts_.end()), texts_.end());
  filter_.resize((std::size_t{1} << filter_bits) / 64);
  beginnings_.resize(filter_.size());
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    longest_ = std::max(longest_, texts_[i].size());
    set_bit(beginnings_, gram_at(texts_[i].data()));
    for (std::size_t offset = 0; offset < stride; ++offset) {
      const std::uint32_t gram = gram_at(texts_[i].data() + offset);
      set_bit(filter_, gram);
      samples_.push_back({gram, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(offset)});
    }
  }
  std::sort(samples_.begin(), samples_.end());
}

Needles::~Needles() {
  for (std::string& text : texts_)
    wipe(text);
}

Spans Needles::find(std::string_view text) const {
  Spans spans;
  if (texts_.empty() || text.size() < shortest_masked)
    return spans;
  const std::uint64_t* const filter = filter_.data();
  const std::size_t last = text.size() - gram_size;
  for (std::size_t at = 0; at <= last; at += stride) {
    const std::uint32_t gram = gram_at(text.data() + at);
    if (!has_bit(filter, gram))
      continue;
    const auto [begin, end] =
        std::equal_range(samples_.begin(), samples_.end(), Sample{gram, 0, 0});
    for (auto sample = begin; sample != end; ++sample) {
      const std::string& needle = texts_[sample->needle];
      if (sample->offset > at || text.size() - (at - sample->offset) < needle.size())
        continue;
      const std::size_t from = at - sample->offset;
      if (std::memcmp(text.data() + from, needle.data(), needle.size()) == 0)
        spans.emplace_back(from, from + needle.size());
    }
  }
  return merged(std::move(spans));
}

std::size_t Needles::find_beginning(std::string_view text) const {
  if (texts_.empty())
    return text.size();
  const std::size_t from = text.size() - std::min(text.size(), longest_ - 1);
  for (std::size_t at = from; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (rest.size() >= gram_size && !has_bit(beginnings_.data(), gram_at(rest.data())))
      continue;
    const auto next = std::upper_bound(texts_.begin(), texts_.end(), rest);
    if (next != texts_.end() && next->starts_with(rest))
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
