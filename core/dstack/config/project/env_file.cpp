#include "dstack/config/project/env_file.hpp"

#include "dstack/base/shell_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/environment_names.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>

namespace dstack::config {

namespace {

/// As of secrets: the kernel takes little more.
constexpr std::size_t longest_value = 64 * 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_part(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

/// Errors point into it, and show none of its lines: they hold values.
std::shared_ptr<const SourceText> source_without_text(const std::string& name) {
  auto source = std::make_shared<SourceText>();
  source->name = name;
  return source;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& name)
      : text_(text), source_(source_without_text(name)) {}

  Result<std::vector<EnvEntry>> read() {
    if (text_.starts_with(byte_order_mark))
      at_ = byte_order_mark.size();
    while (at_ < text_.size())
      read_line();
    if (!errors_.empty())
      return Failure(join(std::move(errors_)));
    return std::move(entries_);
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }

  char next() const { return at_end() ? '\0' : text_[at_]; }

  bool at_line_end() const {
    return at_end() || next() == '\n' || text_.substr(at_).starts_with("\r\n");
  }

  void skip_blanks() {
    while (is_blank(next()))
      ++at_;
  }

  void skip_line() {
    while (!at_end() && next() != '\n')
      ++at_;
    if (!at_end()) {
      ++at_;
      ++line_;
    }
  }

  void read_line() {
    skip_blanks();
    if (!at_line_end() && next() != '#')
      read_entry();
    skip_line();
  }

  void read_entry() {
    EnvEntry entry;
    entry.line = line_;
    std::string_view word = take_word();
    if (word == "export" && is_blank(next())) {
      skip_blanks();
      word = take_word();
    }
    skip_blanks();
    if (next() != '=')
      return report(line_, "this line is not NAME=VALUE", "a comment begins with '#'");
    entry.name = word;
    ++at_;
    skip_blanks();
    const bool quoted = next() == '"' || next() == '\'';
    if (!(quoted ? read_quoted(entry) : read_plain(entry)) || !check_name(entry))
      return;
    if (entry.value.find('\0') != std::string::npos)
      return report(entry.line, "the value has a NUL character", "no variable can have one");
    if (entry.value.size() > longest_value)
      return report(entry.line, "the value is longer than 64 KiB", "no program can be given it");
    const auto [known, is_new] = index_.emplace(entry.name, entries_.size());
    if (is_new)
      entries_.push_back(std::move(entry));
    else
      entries_[known->second] = std::move(entry);
  }

  std::string_view take_word() {
    const std::size_t begin = at_;
    while (!at_line_end() && !is_blank(next()) && next() != '=')
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  /// To the end of the line, or to a '#' after a blank.
  bool read_plain(EnvEntry& entry) {
    const std::size_t begin = at_;
    while (!at_line_end() && !(next() == '#' && (at_ == begin || is_blank(text_[at_ - 1]))))
      ++at_;
    entry.value = trim(text_.substr(begin, at_ - begin));
    entry.unexpanded = find_shell_variable(entry.value);
    return true;
  }

  bool read_quoted(EnvEntry& entry) {
    const char quote = text_[at_++];
    std::string shown;  // without what was escaped, to find what others would expand
    while (!at_end() && next() != quote) {
      const char c = text_[at_++];
      line_ += c == '\n' ? 1 : 0;
      if (c == '\r' && next() == '\n')
        continue;
      const bool escape = quote == '"' && c == '\\' && !at_end();
      const char meant = escape ? escaped(next()) : '\0';
      entry.value += meant != '\0' ? meant : c;
      shown += meant != '\0' ? ' ' : c;
      at_ += meant != '\0' ? 1 : 0;
    }
    if (at_end()) {
      report(entry.line, "a quote is not closed", "a value in quotes ends with the same quote");
      return false;
    }
    ++at_;
    if (quote == '"')
      entry.unexpanded = find_shell_variable(shown);
    skip_blanks();
    if (at_line_end() || next() == '#')
      return true;
    report(line_,
           "there is text after the closing quote",
           "put the whole value in one pair of quotes");
    return false;
  }

  /// What a character after a backslash stands for; NUL: the backslash is one of the text.
  static char escaped(char c) {
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '"':
      case '\\':
      case '$':
        return c;
      default:
        return '\0';
    }
  }

  bool check_name(const EnvEntry& entry) {
    const std::string& name = entry.name;
    if (name.empty() || !is_letter(name.front()) ||
        !std::all_of(name.begin(), name.end(), is_part)) {
      report(entry.line,
             name.empty() ? "there is no name before '='"
                          : "what is before '=' is not a valid environment variable name",
             "use letters, digits and '_', not beginning with a digit");
      return false;
    }
    if (!job::is_reserved_environment_name(name))
      return true;
    errors_.push_back(job::reserved_name_error(name, place(entry.line), ErrorCode::configuration));
    return false;
  }

  SourceLocation place(std::uint32_t line) const { return {source_, line, 1, 1}; }

  void report(std::uint32_t line, const std::string& message, const std::string& hint) {
    errors_.push_back(
        make_error(ErrorCode::configuration, "{}", message).at(place(line)).with_hint("{}", hint));
  }

  std::string_view text_;
  std::shared_ptr<const SourceText> source_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::vector<EnvEntry> entries_;
  std::unordered_map<std::string, std::size_t> index_;  ///< of entries_, by name
  std::vector<Error> errors_;
};

}  // namespace

Result<std::vector<EnvEntry>> parse_env_file(std::string_view text, const std::string& name) {
  if (text.size() > largest_env_file)
    return fail(ErrorCode::configuration, "'{}' is larger than 1 MiB", name)
        .with_hint("a file of variables has a line NAME=VALUE for each");
  if (const auto invalid = find_invalid_utf8(text)) {
    const auto line =
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*invalid), '\n');
    return fail(ErrorCode::configuration, "'{}' is not UTF-8", name)
        .at({source_without_text(name), static_cast<std::uint32_t>(line + 1), 1, 1})
        .with_hint("save the file as UTF-8; encode binary values with base64");
  }
  return Reader(text, name).read();
}

}  // namespace dstack::config
