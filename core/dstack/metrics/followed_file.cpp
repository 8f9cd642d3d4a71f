#include "dstack/metrics/followed_file.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/metrics/csv_rows.hpp"
#include "dstack/metrics/json_rows.hpp"
#include "dstack/metrics/tensorboard.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

#include <unistd.h>

namespace dstack::metrics {

namespace {

constexpr std::size_t read_at_a_time = 1 << 20;
constexpr std::uint64_t longest_file = 1ULL << 30;
constexpr std::uint64_t longest_document = 64 << 20;
constexpr std::size_t longest_head = 256;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// At most `size` bytes; empty where nothing can be read.
std::string read_from(int file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t used = 0;
  while (used < size) {
    const ssize_t count =
        ::pread(file, bytes.data() + used, size - used, static_cast<off_t>(offset + used));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    used += static_cast<std::size_t>(count);
  }
  bytes.resize(used);
  return bytes;
}

/// The name of a metric of `…/RUN/metrics/NAME`.
std::string mlflow_metric(std::string_view path) {
  constexpr std::string_view runs = "mlruns/";
  constexpr std::string_view folder = "/metrics/";
  const std::size_t home = path.find(runs);
  if (home == std::string_view::npos || (home > 0 && path[home - 1] != '/'))
    return {};
  const std::size_t at = path.find(folder, home);
  return at == std::string_view::npos ? std::string()
                                      : std::string(path.substr(at + folder.size()));
}

/// Values that compare equal when they are written equally, so that a NaN is itself.
bool are_equal(const std::vector<std::pair<std::string, double>>& a,
               const std::vector<std::pair<std::string, double>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first &&
           (x.second == y.second || (std::isnan(x.second) && std::isnan(y.second)));
  });
}

std::string_view first_line(std::string_view bytes) {
  return trim(bytes.substr(0, bytes.find('\n')));
}

}  // namespace

bool may_hold_metrics(std::string_view path) {
  const std::string name = to_lower(path.substr(path.rfind('/') + 1));
  for (const std::string_view ending : {".csv", ".jsonl", ".ndjson"})
    if (name.ends_with(ending))
      return true;
  return name == "trainer_state.json" || name.find("tfevents") != std::string::npos ||
         !mlflow_metric(path).empty();
}

FollowedFile::FollowedFile(std::string name, Found found)
    : name_(std::move(name)), found_(found), mlflow_name_(mlflow_metric(name_)) {}

FollowedFile::Look FollowedFile::look(int file, bool ended) {
  Look look;

  struct stat status {};

  if (::fstat(file, &status) != 0 || status.st_size == 0)
    return look;
  if (is_replaced(file, status))
    begin_again(status);
  inode_ = status.st_ino;
  if (kind_ == Kind::nothing)
    return look;
  if (kind_ == Kind::document) {
    read_document(file, status, ended, look);
    return look;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset_ >= size)
    return look;
  if (offset_ >= longest_file) {
    warn(fmt::format("only its first {} are read", render_size(longest_file)), look);
    kind_ = Kind::nothing;
    return look;
  }
  const std::string bytes = read_from(file, offset_, read_at_a_time);
  const bool is_all = offset_ + bytes.size() >= size;
  if (kind_ == Kind::unknown) {
    kind_ = recognise(bytes, is_all, ended);
    head_ = bytes.substr(0, longest_head);
    if (kind_ == Kind::nothing && found_ == Found::by_name)
      warn(
          "no metrics are found in it: it is neither JSON, nor CSV with a header, nor "
          "TensorBoard's",
          look);
    if (kind_ == Kind::document)
      read_document(file, status, ended, look);
    if (kind_ == Kind::nothing || kind_ == Kind::document || kind_ == Kind::unknown)
      return look;
  }
  if (kind_ == Kind::events) {
    EventReading reading = read_events(bytes);
    // A picture may be longer than what is read at a time.
    if (reading.used == 0 && !reading.is_damaged && !is_all)
      reading = read_events(read_from(file, offset_, static_cast<std::size_t>(size - offset_)));
    offset_ += reading.used;
    for (Row& row : reading.rows)
      take_row(std::move(row), look);
    if (reading.is_damaged) {
      warn(fmt::format("it is damaged from byte {} on", offset_), look);
      kind_ = Kind::nothing;
    }
    look.has_more = !is_all && reading.used > 0;
    return look;
  }
  read_lines(bytes, ended && is_all, look);
  look.has_more = !is_all;
  return look;
}

bool FollowedFile::is_replaced(int file, const struct stat& status) const {
  if (kind_ == Kind::unknown || kind_ == Kind::document)
    return false;
  if (static_cast<std::uint64_t>(status.st_size) < offset_)
    return true;
  const std::size_t seen =
      std::min<std::uint64_t>(head_.size(), std::max<std::uint64_t>(offset_, 1));
  return read_from(file, 0, seen) != head_.substr(0, seen);
}

void FollowedFile::begin_again(const struct stat& status) {
  // Lightning writes all of its rows anew when a column is added.
  const bool goes_on = kind_ == Kind::csv && static_cast<std::uint64_t>(status.st_size) >= offset_;
  known_ = goes_on ? std::max(rows_, known_) : 0;
  kind_ = Kind::unknown;
  offset_ = 0;
  line_ = 0;
  rows_ = 0;
  skips_line_ = false;
  header_.clear();
}

FollowedFile::Kind FollowedFile::recognise(std::string_view begin, bool is_all, bool ended) const {
  if (found_ == Found::reported)
    return Kind::json_lines;
  if (!mlflow_name_.empty())
    return Kind::mlflow;
  if (is_event_file(begin))
    return Kind::events;
  if (begin.starts_with(byte_order_mark))
    begin.remove_prefix(byte_order_mark.size());
  const std::string_view text = trim(begin);
  const bool has_line = begin.find('\n', static_cast<std::size_t>(text.data() - begin.data())) !=
                        std::string_view::npos;
  const std::string_view line = first_line(text);
  if (text.starts_with('[') || text.starts_with('{')) {
    const auto first = text.starts_with('{') ? parse_with_nan(line) : Result<Json>(Json());
    if (first && first->is_object() && (has_line || ended))
      return Kind::json_lines;
    return has_line || (ended && is_all) || text.size() != line.size() || first ? Kind::document
                                                                                : Kind::unknown;
  }
  if (!has_line && !ended)
    return begin.size() < read_at_a_time ? Kind::unknown : Kind::nothing;
  const auto fields = csv_fields(line);
  if (!fields || !is_csv_header(*fields) || line.find('\0') != std::string_view::npos)
    return Kind::nothing;
  const bool is_certain = std::any_of(fields->begin(), fields->end(), names_step);
  return found_ == Found::by_name || is_certain ? Kind::csv : Kind::nothing;
}

void FollowedFile::read_document(int file, const struct stat& status, bool ended, Look& look) {
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const bool is_same = size == size_ && status.st_mtim.tv_sec == changed_.tv_sec &&
                       status.st_mtim.tv_nsec == changed_.tv_nsec;
  if (is_same)
    return;
  if (size > longest_document) {
    warn(fmt::format("it is not read: it has {}, and {} is the most of one value of JSON",
                     render_size(size),
                     render_size(longest_document)),
         look);
    kind_ = Kind::nothing;
    return;
  }
  const auto document = parse_with_nan(read_from(file, 0, static_cast<std::size_t>(size)));
  if (!document) {
    if (ended)  // until then somebody may be writing it
      warn(fmt::format("it is not JSON: {}", document.error().message), look);
    return;
  }
  size_ = size;
  changed_ = status.st_mtim;
  if (found_ == Found::in_folder && !is_trainer_state(*document)) {
    kind_ = Kind::nothing;
    return;
  }
  std::vector<Row> rows = rows_of_document(*document);
  if (is_trainer_state(*document)) {
    for (Row& row : rows)
      if (row.step && *row.step >= last_step_ && !row.values.empty())
        look.rows.push_back(std::move(row));
    if (!look.rows.empty())
      last_step_ = *look.rows.back().step + 1;
    return;
  }
  if (document->is_array()) {
    for (std::size_t i = rows.size() < rows_ ? 0 : rows_; i < rows.size(); ++i)
      look.rows.push_back(rows[i]);
    rows_ = rows.size();
    return;
  }
  if (Row& row = rows.front(); !row.values.empty() && !are_equal(row.values, last_)) {
    last_ = row.values;
    look.rows.push_back(std::move(row));
  }
}

void FollowedFile::read_lines(std::string_view bytes, bool ended, Look& look) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos && !ended) {
      if (bytes.size() < read_at_a_time)
        return;
      if (!std::exchange(skips_line_, true)) {
        ++line_;
        warn(fmt::format("a line of more than {} is left out", render_size(read_at_a_time)), look);
      }
      offset_ += bytes.size();
      return;
    }
    const std::size_t size = end == std::string_view::npos ? bytes.size() : end + 1;
    if (!std::exchange(skips_line_, false)) {
      ++line_;
      take_line(trim(bytes.substr(0, size)), look);
    }
    bytes.remove_prefix(size);
    offset_ += size;
  }
}

void FollowedFile::take_line(std::string_view line, Look& look) {
  if (line_ == 1 && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (line.empty())
    return;
  if (kind_ == Kind::csv) {
    take_csv_line(line, look);
  } else if (kind_ == Kind::mlflow) {
    std::vector<std::string_view> words = split(line, ' ');
    const auto time = parse_number<std::int64_t>(words.front());
    const auto value = words.size() > 1 ? parse_value(words[1]) : std::nullopt;
    const auto step = words.size() > 2 ? parse_number<std::int64_t>(words[2]) : std::nullopt;
    if (!time || !value)
      return warn("it is not a point of MLflow: a time, a value and a step", look);
    take_row({step, Timestamp(std::chrono::milliseconds(*time)), {{mlflow_name_, *value}}}, look);
  } else {
    const auto object = parse_with_nan(line);
    if (!object || !object->is_object())
      return warn("the line is no JSON object", look);
    for (Row& row :
         is_trainer_state(*object) ? rows_of_document(*object) : std::vector<Row>{row_of(*object)})
      take_row(std::move(row), look);
  }
}

void FollowedFile::take_csv_line(std::string_view line, Look& look) {
  auto fields = csv_fields(line);
  if (!fields)
    return warn("a quote is not closed", look);
  if (header_.empty() || (is_csv_header(*fields) && fields->front() == header_.front())) {
    header_ = *std::move(fields);
    return;
  }
  if (fields->size() != header_.size())
    return warn(
        fmt::format("{}, but its header has {}", plural(fields->size(), "field"), header_.size()),
        look);
  take_row(row_of(header_, *fields), look);
}

void FollowedFile::take_row(Row row, Look& look) {
  if (++rows_ > known_ && !row.values.empty())
    look.rows.push_back(std::move(row));
}

void FollowedFile::warn(std::string_view what, Look& look) const {
  const bool has_line = kind_ == Kind::csv || kind_ == Kind::json_lines || kind_ == Kind::mlflow;
  look.warnings.push_back(has_line && line_ > 0 ? fmt::format("{}:{}: {}", name_, line_, what)
                                                : fmt::format("{}: {}", name_, what));
}

}  // namespace dstack::metrics
