#include "dstack/base/text.hpp"

#include <cstdint>

#include <sys/random.h>

namespace dstack {

namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t size;  ///< 0 when malformed
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80)
    return {first, 1};
  std::size_t size = 0;
  std::uint32_t value = 0;
  std::uint32_t least = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2, value = first & 0x1Fu, least = 0x80;
  } else if ((first & 0xF0u) == 0xE0) {
    size = 3, value = first & 0x0Fu, least = 0x800;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4, value = first & 0x07u, least = 0x10000;
  } else {
    return {0, 0};
  }
  if (text.size() < size)
    return {0, 0};
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0u) != 0x80)
      return {0, 0};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
    return {0, 0};
  return {value, size};
}

bool is_combining(std::uint32_t c) {
  return (c >= 0x300 && c <= 0x36F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
         (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0x200B || c == 0x200D;
}

bool is_wide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
         (c >= 0x20000 && c <= 0x3FFFD);
}

bool is_unsafe(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C;
}

bool is_plain_shell_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-+./:=@%,").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    const CodePoint point = decode(text.substr(i));
    if (point.size == 0)
      return i;
    i += point.size;
  }
  return std::nullopt;
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const CodePoint point = decode(text.substr(i));
    i += point.size == 0 ? 1 : point.size;
  }
  return count;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint point = decode(text.substr(i));
    i += point.size == 0 ? 1 : point.size;
    if (point.size == 0)
      ++width;
    else if (!is_combining(point.value))
      width += is_wide(point.value) ? 2u : 1u;
  }
  return width;
}

std::string printable(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string safe;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint point = decode(text.substr(i));
    const std::size_t size = point.size == 0 ? 1 : point.size;
    if (point.size == 0 || is_unsafe(point.value)) {
      for (std::size_t k = 0; k < size; ++k) {
        const auto byte = static_cast<unsigned char>(text[i + k]);
        safe += "\\x";
        safe += digits[byte >> 4];
        safe += digits[byte & 15];
      }
    } else {
      safe += text.substr(i, size);
    }
    i += size;
  }
  return safe;
}

std::string printable_lines(std::string_view text, std::string_view indent) {
  std::string safe;
  for (const std::string_view line : split(text, '\n'))
    safe += (safe.empty() ? "" : "\n" + std::string(indent)) + printable(line);
  return safe;
}

std::string shell_quote(std::string_view word) {
  bool plain = !word.empty();
  for (const char c : word)
    plain = plain && is_plain_shell_character(c);
  if (plain)
    return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

std::string shell_join(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty())
      line += ' ';
    line += shell_quote(word);
  }
  return line;
}

std::optional<std::vector<std::string>> shell_split(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && line.substr(i + 1, 1) == "\n") {
      ++i;  // a line that goes on
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word)
        words.push_back(std::move(word));
      word.clear();
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == '\'') {
      const std::size_t end = line.find('\'', i + 1);
      if (end == std::string_view::npos)
        return std::nullopt;
      word += line.substr(i + 1, end - i - 1);
      i = end;
    } else if (c == '"') {
      for (++i; i < line.size() && line[i] != '"'; ++i) {
        if (line[i] == '\\' && line.substr(i + 1, 1) == "\n") {
          ++i;
          continue;
        }
        if (line[i] == '\\' && i + 1 < line.size() &&
            std::string_view("\"\\$`").find(line[i + 1]) != std::string_view::npos)
          ++i;
        word += line[i];
      }
      if (i >= line.size())
        return std::nullopt;
    } else if (c == '\\') {
      if (++i >= line.size())
        return std::nullopt;
      word += line[i];
    } else {
      word += c;
    }
  }
  if (in_word)
    words.push_back(std::move(word));
  return words;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos)
      return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0)
      joined += separator;
    joined += parts[i];
  }
  return joined;
}

std::string quoted_list(const std::vector<std::string>& names, std::size_t most) {
  std::string list;
  const std::size_t shown = names.size() > most ? most : names.size();
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0)
      list += i + 1 == names.size() ? " and " : ", ";
    list += "'" + names[i] + "'";
  }
  if (shown < names.size())
    list += fmt::format(" and {} more", names.size() - shown);
  return list;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  return result;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string plural(std::size_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

bool is_name(std::string_view text) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || !alphanumeric(text.front()))
    return false;
  for (const char c : text)
    if (!alphanumeric(c) && c != '.' && c != '_' && c != '-')
      return false;
  return true;
}

std::string environment_name(std::string_view variable) {
  std::string name = to_upper(variable);
  for (char& c : name)
    if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
      c = '_';
  return name;
}

std::string random_hex(std::size_t bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < bytes; ++i) {
    unsigned char byte = 0;
    while (::getrandom(&byte, 1, 0) != 1) {
    }
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

}  // namespace dstack
