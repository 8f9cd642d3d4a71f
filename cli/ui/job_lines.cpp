#include "ui/job_lines.hpp"

#include "dstack/base/text.hpp"
#include "ui/terminal_text.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace dstack::ui {

namespace {

constexpr std::size_t longest_line = 64 * 1024;
/// A bar of more lines than this is not redrawn as a whole by any program.
constexpr std::size_t most_rows = 64;
constexpr std::size_t longest_sequence = 32;
constexpr std::string_view introducer = "\033[";

/// A whole control sequence at the beginning of the text; empty when there is none, or a part.
std::string_view sequence_at(std::string_view text) {
  if (!text.starts_with(introducer))
    return {};
  const std::size_t end = text.substr(0, longest_sequence).find_first_not_of("0123456789;:<=>?", 2);
  return end == std::string_view::npos || end >= longest_sequence ? std::string_view()
                                                                  : text.substr(0, end + 1);
}

/// Its parameters, without the introducer and the last byte.
std::string_view parameters(std::string_view sequence) {
  return sequence.substr(introducer.size(), sequence.size() - introducer.size() - 1);
}

std::size_t count_of(std::string_view sequence) {
  return std::max<std::size_t>(1, parse_number<std::size_t>(parameters(sequence)).value_or(1));
}

bool moves_between_rows(std::string_view sequence) {
  return std::string_view("ABEF").find(sequence.back()) != std::string_view::npos;
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), text) != known.end();
}

/// What is on one line, byte by byte.
class LineState {
 public:
  explicit LineState(std::string_view line) {
    for (std::size_t at = 0; at < line.size();) {
      const std::string_view sequence = sequence_at(line.substr(at));
      const std::size_t size = std::max<std::size_t>(1, sequence.size());
      if (line[at] == '\r')
        return_to_start();
      else if (sequence.empty() || !obey(sequence))
        put(line.substr(at, size), at);
      at += size;
    }
  }

  const std::string& text() const { return text_; }

  /// Where it begins in the line.
  std::size_t begin() const { return begin_; }

  /// It has replaced another, or will be replaced.
  bool overwritten() const { return overwritten_; }

  /// A line that shows the same, now and with whatever follows.
  std::string same_line() const { return at_start_ ? text_ + "\r" : text_; }

 private:
  /// False where the sequence is a part of the text, such as a colour.
  bool obey(std::string_view sequence) {
    const std::string_view given = parameters(sequence);
    switch (sequence.back()) {
      case 'K':
        if (is_one_of(given, {"1", "2"}) || at_start_)
          erase();
        return true;
      case 'J':
        if (at_start_ && is_one_of(given, {"", "0"}))
          erase();
        return is_one_of(given, {"", "0"});
      case 'G':
        if (is_one_of(given, {"", "0", "1"}))
          return_to_start();
        return at_start_;
      case 'h':
      case 'l':
        return given == "?25";  // shows or hides the cursor
      default:
        return false;
    }
  }

  void return_to_start() { overwritten_ = at_start_ = true; }

  void erase() {
    overwritten_ = true;
    text_.clear();
  }

  void put(std::string_view bytes, std::size_t at) {
    if (at_start_)
      text_.clear();
    if (text_.empty())
      begin_ = at;
    at_start_ = false;
    text_ += bytes;
  }

  std::string text_;
  std::size_t begin_ = 0;
  bool overwritten_ = false;
  bool at_start_ = false;
};

std::string without_sequences(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view sequence = sequence_at(text.substr(at));
    if (sequence.empty())
      plain += text[at];
    at += std::max<std::size_t>(1, sequence.size());
  }
  return plain;
}

}  // namespace

std::string newest_state(std::string_view line) {
  return LineState(line).text();
}

void JobLines::take(std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    add(piece, offset);
    if (end == std::string_view::npos)
      return;
    append(std::exchange(held_, {}), offset);  // no sequence goes on after the end of a line
    end_row();
    bytes.remove_prefix(end + 1);
    offset += end + 1;
  }
}

void JobLines::add(std::string_view text, std::uint64_t offset) {
  if (bars_ == Bars::whole || (held_.empty() && text.find('\033') == std::string_view::npos)) {
    append(text, offset);
    return;
  }
  const std::string joined = std::exchange(held_, {}) + std::string(text);
  offset -= joined.size() - text.size();
  std::string_view rest = joined;
  while (!rest.empty()) {
    const std::size_t escape = std::min(rest.find('\033'), rest.size());
    append(rest.substr(0, escape), offset);
    rest.remove_prefix(escape);
    offset += escape;
    const std::string_view sequence = sequence_at(rest);
    const bool may_go_on =
        rest.size() < longest_sequence && (rest.size() < 2 || rest.starts_with(introducer));
    if (sequence.empty() && may_go_on) {
      held_ = rest;
      return;
    }
    if (!sequence.empty() && moves_between_rows(sequence))
      move(sequence);
    else
      append(rest.substr(0, std::max<std::size_t>(1, sequence.size())), offset);
    const std::size_t used = std::min(rest.size(), std::max<std::size_t>(1, sequence.size()));
    rest.remove_prefix(used);
    offset += used;
  }
}

void JobLines::append(std::string_view text, std::uint64_t offset) {
  while (!text.empty()) {
    Row& row = rows_[cursor_];
    if (row.text.size() == longest_line)
      make_room(row);
    if (row.text.empty())
      row.offset = offset;
    const std::string_view fitting = text.substr(0, longest_line - row.text.size());
    const auto has = [&](char byte) { return fitting.find(byte) != std::string_view::npos; };
    row.overwritten = row.overwritten || (bars_ == Bars::newest && (has('\r') || has('\033')));
    row.text += fitting;
    row.latest = offset;
    text.remove_prefix(fitting.size());
    offset += fitting.size();
  }
}

/// Of a bar only what it shows goes on; any other line is split here.
void JobLines::make_room(Row& row) {
  const LineState state(row.overwritten ? row.text : std::string());
  if (state.begin() > 0) {
    row.text = state.same_line();
    row.offset += state.begin();
  } else {
    write_(row.text, row.offset);
    row = Row{.overwritten = row.overwritten};
  }
}

void JobLines::move(std::string_view sequence) {
  const char kind = sequence.back();
  const std::size_t count = std::min(count_of(sequence), most_rows);
  // The column stays. Only the first is known: after the end of a line, or a return.
  const std::string& left = rows_[cursor_].text;
  const bool was_at_start = left.empty() || left.back() == '\r';
  if (kind == 'A' || kind == 'F') {
    move_up(count);
  } else {
    for (std::size_t i = 0; i < count; ++i)
      move_down();
  }
  const bool is_at_start = was_at_start && !rows_[cursor_].text.empty();
  if (kind == 'E' || kind == 'F' || is_at_start)
    append("\r", rows_[cursor_].latest);
}

/// What is above was written as lines that had ended, and is not known any more.
void JobLines::move_up(std::size_t count) {
  const std::size_t above =
      std::min(count > cursor_ ? count - cursor_ : 0, most_rows - rows_.size());
  for (std::size_t i = 0; i < above; ++i)
    rows_.insert(rows_.begin(), Row{.shown = "", .overwritten = true});
  cursor_ += above;
  cursor_ -= std::min(cursor_, count);
}

void JobLines::move_down() {
  if (++cursor_ < rows_.size())
    return;
  rows_.push_back(Row{});
  if (rows_.size() <= most_rows)
    return;
  write_state(rows_.front());
  rows_.erase(rows_.begin());
  --cursor_;
}

void JobLines::end_row() {
  Row& row = rows_[cursor_];
  if (!is_block()) {
    if (row.shown)
      write_state(row);
    else
      write_ended(row);
    row.text.clear();  // keeps its memory
    row.shown.reset();
    row.overwritten = false;
    return;
  }
  if (!row.shown) {
    row.shown = row.overwritten ? newest_state(row.text) : row.text;
    for (std::size_t above = 0; above < cursor_; ++above)
      write_state(rows_[above]);
    write_(*row.shown, row.offset);
  }
  row.overwritten = true;
  move_down();
  if (Row& next = rows_[cursor_]; !next.text.empty())
    append("\r", next.latest);
}

bool JobLines::has_states() const {
  return bars_ == Bars::newest &&
         std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.overwritten; });
}

void JobLines::write_states() {
  for (Row& row : rows_)
    if (row.overwritten)
      write_state(row);
}

void JobLines::write_state(Row& row) {
  const LineState state(row.text);
  if (!state.overwritten() && !row.shown)
    return;  // colours alone
  const std::string text = state.text();
  const std::string_view whole = std::string_view(text).substr(0, whole_characters(text));
  if (whole.empty() || whole == row.shown)
    return;
  write_(whole, is_block() ? row.latest : row.offset + state.begin());
  row.shown = whole;
  row.offset += state.begin();
  row.text = state.same_line();
}

/// One of which nothing was written yet. A return at the very end belongs to the end of the line.
void JobLines::write_ended(const Row& row) {
  std::string_view text = row.text;
  text.remove_suffix(text.ends_with('\r') ? 1 : 0);
  const LineState state(row.overwritten ? text : std::string_view());
  if (state.overwritten())
    write_(state.text(), row.offset + state.begin());
  else
    write_(row.text, row.offset);  // no bar, or colours alone
}

bool JobLines::has_rest() const {
  return !held_.empty() || std::any_of(rows_.begin(), rows_.end(), [](const Row& row) {
    return row.shown ? newest_state(row.text) != *row.shown : !row.text.empty();
  });
}

void JobLines::finish() {
  append(std::exchange(held_, {}), 0);
  for (Row& row : rows_)
    if (row.shown)
      write_state(row);
    else if (!row.text.empty())
      write_ended(row);
  rows_ = {Row{}};
  cursor_ = 0;
}

std::string JobLines::progress() const {
  for (const Row* row = &rows_[cursor_];; --row) {
    const LineState state(row->text);
    const bool is_plain = state.text().find('\033') == std::string::npos;
    if (!state.text().empty())
      return state.overwritten() || is_plain ? without_sequences(state.text()) : std::string();
    if (row == rows_.data())
      return {};
  }
}

}  // namespace dstack::ui
