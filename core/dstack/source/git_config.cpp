#include "dstack/source/git_config.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace dstack::source {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
}

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf"))
      text_.remove_prefix(3);
  }

  /// False at what Git would not read either; line() says where.
  bool read(std::vector<GitSetting>& settings) {
    for (;;) {
      skip_blank_lines();
      if (at_end())
        return true;
      if (peek() == '[') {
        if (!read_section())
          return false;
      } else if (!read_setting(settings)) {
        return false;
      }
    }
  }

  std::size_t line() const {
    return 1 + static_cast<std::size_t>(std::count(
                   text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }

  char peek() const { return at_end() ? '\n' : text_[at_]; }

  char take() { return at_end() ? '\n' : text_[at_++]; }

  void skip_comment() {
    while (!at_end() && peek() != '\n')
      ++at_;
  }

  void skip_blank_lines() {
    while (!at_end() && (is_blank(peek()) || peek() == '\n' || peek() == '#' || peek() == ';'))
      if (peek() == '#' || peek() == ';')
        skip_comment();
      else
        ++at_;
  }

  /// `[name]`, `[name "Part"]`, or the older `[name.part]`, which is lower case as a whole.
  bool read_section() {
    section_.clear();
    ++at_;
    while (is_key_character(peek()) || peek() == '.')
      section_ += lower(take());
    if (section_.empty())
      return false;
    if (is_blank(peek())) {
      while (is_blank(peek()))
        ++at_;
      if (!read_part())
        return false;
    }
    return take() == ']';
  }

  bool read_part() {
    if (take() != '"')
      return false;
    section_ += '.';
    while (peek() != '"') {
      if (peek() == '\\')
        ++at_;
      if (at_end() || peek() == '\n')
        return false;
      section_ += take();
    }
    ++at_;
    return true;
  }

  bool read_setting(std::vector<GitSetting>& settings) {
    std::string key;
    while (is_key_character(peek()))
      key += lower(take());
    if (key.empty() || std::isalpha(static_cast<unsigned char>(key.front())) == 0 ||
        section_.empty())
      return false;
    while (is_blank(peek()))
      ++at_;
    std::optional<std::string> value = "true";
    if (peek() == '=') {
      ++at_;
      value = read_value();
    } else if (peek() == '#' || peek() == ';') {
      skip_comment();
    } else if (peek() != '\n') {
      return false;
    }
    if (!value)
      return false;
    settings.push_back({fmt::format("{}.{}", section_, key), *std::move(value)});
    return true;
  }

  /// To the end of its line; nothing when it is malformed.
  std::optional<std::string> read_value() {
    std::string value;
    std::size_t kept = 0;  // blanks behind it are not part of the value
    bool is_quoted = false;
    for (;;) {
      const char c = take();
      if (c == '\n' || (!is_quoted && (c == '#' || c == ';'))) {
        if (c != '\n')
          skip_comment();
        value.resize(kept);
        return is_quoted ? std::nullopt : std::optional(std::move(value));
      }
      if (c == '"') {
        is_quoted = !is_quoted;
        kept = value.size();
        continue;
      }
      if (!is_quoted && is_blank(c)) {
        if (!value.empty() || kept > 0)
          value += c;
        continue;
      }
      if (c != '\\')
        value += c;
      else if (!read_escaped(value))
        return std::nullopt;
      kept = value.size();
    }
  }

  bool read_escaped(std::string& value) {
    if (peek() == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n')
      ++at_;
    const char c = take();
    switch (c) {
      case '\n':
        return true;  // the value goes on in the next line
      case 'n':
        value += '\n';
        return true;
      case 't':
        value += '\t';
        return true;
      case 'b':
        value += '\b';
        return true;
      case '"':
      case '\\':
        value += c;
        return true;
      default:
        return false;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string section_;
};

}  // namespace

Result<std::vector<GitSetting>> parse_git_config(std::string_view text, const std::string& name) {
  std::vector<GitSetting> settings;
  Reader reader(text);
  if (!reader.read(settings))
    return fail(ErrorCode::unavailable, "bad config line {} in file {}", reader.line(), name)
        .with_hint("'git config --list' in that folder shows what is wrong");
  return settings;
}

const std::string* find_setting(const std::vector<GitSetting>& settings, std::string_view key) {
  const auto found = std::find_if(
      settings.rbegin(), settings.rend(), [&](const auto& setting) { return setting.key == key; });
  return found == settings.rend() ? nullptr : &found->value;
}

bool is_true(const std::string* value) {
  if (value == nullptr)
    return false;
  const std::string word = to_lower(*value);
  if (word == "true" || word == "yes" || word == "on")
    return true;
  const auto number = parse_number<long long>(word);
  return number && *number != 0;
}

std::string render_git_setting(const GitSetting& setting) {
  const std::size_t first = setting.key.find('.');
  const std::size_t last = setting.key.rfind('.');
  std::string text = "[" + setting.key.substr(0, first);
  const auto quoted = [](std::string_view plain) {
    std::string all = "\"";
    for (const char c : plain)
      if (c == '\n')
        all += "\\n";
      else if (c == '"' || c == '\\')
        all += {'\\', c};
      else
        all += c;
    return all + "\"";
  };
  if (last > first)
    text += " " + quoted(std::string_view(setting.key).substr(first + 1, last - first - 1));
  return fmt::format("{}]\n{} = {}\n", text, setting.key.substr(last + 1), quoted(setting.value));
}

}  // namespace dstack::source
