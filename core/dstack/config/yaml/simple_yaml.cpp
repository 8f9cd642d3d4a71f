#include "dstack/config/yaml/simple_yaml.hpp"

#include <string>
#include <string_view>

namespace dstack::config {

namespace {

constexpr std::size_t deepest = 32;
constexpr std::size_t longest_key = 256;  ///< the parser takes none of more than 1024

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_key_part(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.';
}

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool is_null_word(std::string_view text) {
  return text == "~" || text == "null" || text == "Null" || text == "NULL";
}

/// Each function returns false for what is not simple. The place is where it goes on: at the first
/// sign of a line, or behind what was read of it.
class SimpleYaml {
 public:
  explicit SimpleYaml(YamlTree& tree) : tree_(tree), text_(tree.places().text()) {}

  bool read() { return next_line() && column_ == 0 && map(0) && !has_line_; }

 private:
  /// Goes to the next line that is neither empty nor a comment. True: there is one, or the text has
  /// ended.
  bool next_line() {
    for (std::size_t begin = line_end_ == 0 ? 0 : line_end_ + 1; begin < text_.size();
         begin = line_end_ + 1) {
      line_begin_ = begin;
      line_end_ = std::min(text_.find('\n', begin), text_.size());
      at_ = std::min(text_.find_first_not_of(' ', begin), line_end_);
      if (at_ == line_end_ || text_[at_] == '#')
        continue;
      end_ = line_end_;
      while (text_[end_ - 1] == ' ')
        --end_;
      column_ = at_ - begin;
      return true;
    }
    has_line_ = false;
    return true;
  }

  char sign(std::size_t at) const { return at < end_ ? text_[at] : '\n'; }

  void skip_blanks() {
    while (sign(at_) == ' ')
      ++at_;
  }

  bool is_dash() const { return sign(at_) == '-' && sign(at_ + 1) == ' '; }

  /// The end of the key that begins here, where its ':' is; 0 where there is none.
  std::size_t key_end() const {
    std::size_t end = at_;
    if (!is_letter_or_digit(sign(at_)) && sign(at_) != '_')
      return 0;
    while (is_key_part(sign(end)))
      ++end;
    const bool ends = sign(end) == ':' && is_one_of(sign(end + 1), " \n");
    return ends && end - at_ <= longest_key && !is_null_word(text_.substr(at_, end - at_)) ? end
                                                                                           : 0;
  }

  bool scalar(std::size_t begin, std::string_view value, std::string_view tag) {
    return tree_.scalar(begin, 0, tag, std::string(value)).has_value();
  }

  bool key() {
    const std::size_t end = key_end();
    if (end == 0 || !scalar(at_, text_.substr(at_, end - at_), "?"))
      return false;
    at_ = end + 1;
    return true;
  }

  bool open(ValueKind kind, YamlTree::Style style) {
    return tree_.open(at_, 0, "?", kind, style).has_value();
  }

  bool close() { return tree_.close().has_value(); }

  bool map(std::size_t column) {
    if (++depth_ > deepest || !open(ValueKind::mapping, YamlTree::Style::block))
      return false;
    for (;;) {
      if (!key() || !value_of_key(column))
        return false;
      if (!has_line_ || column_ < column)
        break;
      if (column_ > column)
        return false;
    }
    --depth_;
    return close();
  }

  bool value_of_key(std::size_t column) {
    skip_blanks();
    if (at_ < end_)
      return value() && next_line();
    if (!next_line() || !has_line_)
      return false;
    if (column_ == column)
      return is_dash() && list(column, Below::key_of_same_column);
    return column_ > column && (is_dash() ? list(column_, Below::deeper) : map(column_));
  }

  enum class Below { key_of_same_column, deeper };

  bool list(std::size_t column, Below below) {
    if (++depth_ > deepest || !open(ValueKind::sequence, YamlTree::Style::block))
      return false;
    for (;;) {
      ++at_;
      skip_blanks();
      if (at_ == end_ || is_dash())
        return false;
      if (!(key_end() != 0 ? map(at_ - line_begin_) : value() && next_line()))
        return false;
      if (!has_line_ || column_ < column)
        break;
      if (column_ > column)
        return false;
      if (!is_dash()) {
        if (below == Below::deeper)
          return false;
        break;
      }
    }
    --depth_;
    return close();
  }

  /// All that is left of the line.
  bool value() {
    switch (sign(at_)) {
      case '[':
      case '{':
        return flow() && at_ == end_;
      case '"':
      case '\'':
        return quoted() && at_ == end_;
      default:
        return plain();
    }
  }

  bool begins_plain() const {
    const char first = sign(at_);
    return is_letter_or_digit(first) || is_one_of(first, "_./$(+=^<;\\~") ||
           (first == '-' && (is_letter_or_digit(sign(at_ + 1)) || sign(at_ + 1) == '-')) ||
           static_cast<signed char>(first) < 0;
  }

  bool plain() {
    if (!begins_plain())
      return false;
    for (std::size_t i = at_; i < end_; ++i) {
      const char c = text_[i];
      if (c == '\t' || c == '\r' || (c == ':' && is_one_of(sign(i + 1), " \n")) ||
          (c == '#' && text_[i - 1] == ' '))
        return false;
    }
    return take_plain(end_);
  }

  bool take_plain(std::size_t end) {
    const std::string_view value = text_.substr(at_, end - at_);
    if (is_null_word(value) || !scalar(at_, value, "?"))
      return false;
    at_ = end;
    return true;
  }

  /// Without escapes.
  bool quoted() {
    const char quote = sign(at_);
    std::size_t close = at_ + 1;
    for (; sign(close) != quote; ++close)
      if (is_one_of(sign(close), "\n\t\r\\"))
        return false;
    if (sign(close + 1) == quote || !scalar(at_, text_.substr(at_ + 1, close - at_ - 1), "!"))
      return false;
    at_ = close + 1;
    return true;
  }

  bool flow() {
    const bool is_map = sign(at_) == '{';
    const char closing = is_map ? '}' : ']';
    if (++depth_ > deepest ||
        !open(is_map ? ValueKind::mapping : ValueKind::sequence, YamlTree::Style::flow))
      return false;
    ++at_;
    skip_blanks();
    while (sign(at_) != closing) {
      if ((is_map && !flow_key()) || !flow_value())
        return false;
      skip_blanks();
      if (sign(at_) == closing)
        break;
      if (sign(at_) != ',')
        return false;
      ++at_;
      skip_blanks();
      if (sign(at_) == closing)
        return false;
    }
    ++at_;
    --depth_;
    return close();
  }

  bool flow_key() {
    const bool is_quoted = sign(at_) == '"';
    if (!(is_quoted ? quoted() && sign(at_) == ':' : key()))
      return false;
    at_ += is_quoted ? 1 : 0;
    if (sign(at_) != ' ')
      return false;
    skip_blanks();
    return true;
  }

  bool flow_value() {
    switch (sign(at_)) {
      case '[':
      case '{':
        return flow();
      case '"':
      case '\'':
        return quoted();
      default:
        return flow_plain();
    }
  }

  bool flow_plain() {
    if (!begins_plain())
      return false;
    std::size_t end = at_;
    while (!is_one_of(sign(end), ",[]{}\n")) {
      if (is_one_of(sign(end), "?#\"'\t\r") ||
          (sign(end) == ':' && !is_letter_or_digit(sign(end + 1)) && sign(end + 1) != '/'))
        return false;
      ++end;
    }
    while (text_[end - 1] == ' ')
      --end;
    return take_plain(end);
  }

  YamlTree& tree_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::size_t line_end_ = 0;  ///< of the line, without its line feed
  std::size_t end_ = 0;       ///< the same without blanks
  std::size_t column_ = 0;    ///< of the line's first sign
  std::size_t depth_ = 0;
  bool has_line_ = true;
};

}  // namespace

bool read_simple_yaml(YamlTree& tree) {
  return SimpleYaml(tree).read();
}

}  // namespace dstack::config
