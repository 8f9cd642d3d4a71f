#include "dstack/secrets/encodings.hpp"

#include "dstack/base/json.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

namespace dstack::secrets {

namespace {

constexpr std::string_view base64_standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64_url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view lower_digits = "0123456789abcdef";
constexpr std::string_view upper_digits = "0123456789ABCDEF";

// What is left as it is by those who percent-encode: the RFC, Python's quote(), JavaScript's
// encodeURIComponent() and encodeURI().
constexpr std::string_view unreserved_marks[] = {
    "-._~", "-._~/", "-._~!'()*", "-._~!'()*;/?:@&=+$,#"};

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void append_hex(std::string& out, unsigned number, int digits, std::string_view alphabet) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    out += alphabet[(number >> shift) & 15U];
}

enum class Rest { dropped, padded };

/// The characters that depend on these bytes alone, when `before` (0 to 2) others stand before them
/// in their group of three. What is left of the bytes is in a last one where nothing follows them.
std::string base64(std::string_view bytes,
                   std::size_t before,
                   std::string_view alphabet,
                   Rest rest) {
  std::string out;
  const std::size_t bits = bytes.size() * 8;
  const auto bit = [&](std::size_t i) {
    return i < bits ? (static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8)) & 1U : 0U;
  };
  const std::size_t per_character = 6;
  for (std::size_t at = (per_character - before * 8 % per_character) % per_character;
       rest == Rest::padded ? at < bits : at + per_character <= bits;
       at += per_character) {
    unsigned six = 0;
    for (std::size_t i = 0; i < per_character; ++i)
      six = six << 1U | bit(at + i);
    out += alphabet[six];
  }
  return out;
}

/// Each line of what breaks a long encoding into lines, from the value's beginning on; the last one
/// also with the line before it, for alone it may be too short to be looked for.
void add_lines(std::string_view encoded, std::size_t width, std::vector<std::string>& forms) {
  if (encoded.size() <= width)
    return;
  for (std::size_t at = 0; at < encoded.size(); at += width)
    forms.emplace_back(encoded.substr(at, width));
  const std::size_t last = (encoded.size() - 1) / width * width;
  forms.push_back(
      std::string(encoded.substr(last - width, width)).append("\n").append(encoded.substr(last)));
}

std::string hex(std::string_view bytes, std::string_view alphabet, std::string_view between = {}) {
  std::string out;
  for (const char c : bytes) {
    if (!out.empty())
      out += between;
    append_hex(out, static_cast<unsigned char>(c), 2, alphabet);
  }
  return out;
}

std::string percent(std::string_view bytes,
                    std::string_view marks,
                    std::string_view alphabet,
                    bool plus_for_space) {
  std::string out;
  for (const char c : bytes) {
    if (is_alphanumeric(c) || marks.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ' && plus_for_space) {
      out += '+';
    } else {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c), 2, alphabet);
    }
  }
  return out;
}

/// The next character of UTF-8, and `at` moved after it.
std::uint32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(at);
  const int more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  std::uint32_t character = more == 0 ? first : first & (0x3FU >> more);
  for (int i = 1; i <= more; ++i)
    character = character << 6U | (byte(at + static_cast<std::size_t>(i)) & 0x3FU);
  at += static_cast<std::size_t>(more) + 1;
  return character;
}

void append_utf16(std::string& out, std::uint32_t character, std::string_view alphabet) {
  const auto unit = [&](std::uint32_t code) {
    out += "\\u";
    append_hex(out, code, 4, alphabet);
  };
  if (character < 0x10000) {
    unit(character);
  } else {
    unit(0xD800 + ((character - 0x10000) >> 10U));
    unit(0xDC00 + ((character - 0x10000) & 0x3FFU));
  }
}

struct JsonStyle {
  bool ascii = false;  ///< everything else as \u….
  bool slash = false;  ///< as \/
  bool html = false;   ///< < > & as \u….
  std::string_view alphabet = lower_digits;
};

std::string json(std::string_view text, const JsonStyle& how) {
  static constexpr std::string_view named = "\"\\\b\f\n\r\t";
  static constexpr std::string_view names = "\"\\bfnrt";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t character = next_character(text, at);
    const char c = text[begin];
    if (const std::size_t name = named.find(c); name != std::string_view::npos)
      (out += '\\') += names[name];
    else if (c == '/' && how.slash)
      out += "\\/";
    else if (character < 0x20 || (character >= 0x7F && how.ascii) ||
             (how.html && (c == '<' || c == '>' || c == '&')))
      append_utf16(out, character, how.alphabet);
    else
      out += text.substr(begin, at - begin);
  }
  return out;
}

std::string replaced(std::string_view text, char what, std::string_view by) {
  std::string out;
  for (const char c : text)
    if (c == what)
      out += by;
    else
      out += c;
  return out;
}

std::string backslashed(std::string_view text, std::string_view what) {
  std::string out;
  for (const char c : text) {
    if (what.find(c) != std::string_view::npos)
      out += '\\';
    out += c;
  }
  return out;
}

/// How characters beyond ASCII are written.
enum class Beyond { as_is, octal_bytes, hexadecimal_bytes, numbers };

void append_octal(std::string& out, unsigned code) {
  out += '\\';
  for (const unsigned shift : {6U, 3U, 0U})
    out += static_cast<char>('0' + ((code >> shift) & 7U));
}

/// The shortest of \xNN, \uNNNN and \UNNNNNNNN that holds it.
void append_number(std::string& out, std::uint32_t character) {
  const bool is_long = character > 0xFFFF;
  const bool is_short = character <= 0xFF;
  out += is_long ? "\\U" : is_short ? "\\x" : "\\u";
  append_hex(out, character, is_long ? 8 : is_short ? 2 : 4, lower_digits);
}

void append_escaped(std::string& out, std::string_view character, Beyond beyond) {
  if (beyond == Beyond::numbers) {
    std::size_t at = 0;
    append_number(out, next_character(character, at));
    return;
  }
  for (const char c : character)
    if (beyond == Beyond::octal_bytes)
      append_octal(out, static_cast<unsigned char>(c));
    else
      append_number(out, static_cast<unsigned char>(c));
}

/// `$'…'` of a shell, and what repr(), ascii() and bytes of Python have between their quotes.
std::string c_escaped(std::string_view text, char quote, Beyond beyond) {
  static constexpr std::string_view named = "\n\r\t";
  static constexpr std::string_view names = "nrt";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t code = next_character(text, at);
    const char c = text[begin];
    if (const std::size_t name = named.find(c); name != std::string_view::npos)
      (out += '\\') += names[name];
    else if (c == '\\' || c == quote)
      (out += '\\') += c;
    else if (code < 0x20 || code == 0x7F || (code > 0x7F && beyond != Beyond::as_is))
      append_escaped(out, text.substr(begin, at - begin), beyond);
    else
      out += text.substr(begin, at - begin);
  }
  return out;
}

std::string html(std::string_view text, std::string_view quote, std::string_view apostrophe) {
  std::string out = replaced(text, '&', "&amp;");
  out = replaced(out, '<', "&lt;");
  out = replaced(out, '>', "&gt;");
  out = replaced(out, '"', quote);
  return replaced(out, '\'', apostrophe);
}

/// printf %q of bash. A `#` or `~` that begins a word has a backslash, too: it stays before `***`.
std::string bash_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_home = c == '~' && (out.ends_with(':') || out.ends_with('='));
    if (is_home || std::string_view(" \t!\"$&'()*,;<>?[\\]^`{|}").find(c) != std::string_view::npos)
      out += '\\';
    out += c;
  }
  return out;
}

void add_shell_encodings(std::string_view text, std::vector<std::string>& forms) {
  forms.push_back(replaced(text, '\'', "'\\''"));
  forms.push_back(replaced(text, '\'', "'\"'\"'"));
  forms.push_back(backslashed(text, "\"\\$`"));
  forms.push_back(backslashed(text, "\"\\$`!"));
  forms.push_back(bash_quoted(text));
  forms.push_back(backslashed(text, " \t!\"#$&'()*;<>?[\\]^`{|}~"));
  forms.push_back(c_escaped(text, '\'', Beyond::octal_bytes));
}

void add_base64_encodings(std::string_view text, std::vector<std::string>& forms) {
  for (const Rest rest : {Rest::dropped, Rest::padded}) {
    for (std::size_t before = 0; before < 3; ++before)
      for (const std::string_view alphabet : {base64_standard, base64_url})
        forms.push_back(base64(text, before, alphabet, rest));
    for (const std::size_t width : {std::size_t{76}, std::size_t{64}})  // base64, openssl
      add_lines(base64(text, 0, base64_standard, rest), width, forms);
  }
}

void add_hex_encodings(std::string_view text,
                       std::string_view digits,
                       std::vector<std::string>& forms) {
  for (const std::string_view between : {"", ":", " "})
    forms.push_back(hex(text, digits, between));
  add_lines(hex(text, digits), 60, forms);  // xxd -p
}

void add_encodings(std::string_view text, std::vector<std::string>& forms) {
  forms.emplace_back(text);
  add_base64_encodings(text, forms);
  for (const std::string_view digits : {lower_digits, upper_digits}) {
    add_hex_encodings(text, digits, forms);
    for (const std::string_view marks : unreserved_marks)
      for (const bool plus : {false, true})
        forms.push_back(percent(text, marks, digits, plus));
    for (const bool ascii : {false, true})
      for (const bool slash : {false, true})
        for (const bool html : {false, true})
          forms.push_back(json(text, {ascii, slash, html, digits}));
  }
  for (const char quote : {'\'', '"'})
    for (const Beyond beyond : {Beyond::as_is, Beyond::hexadecimal_bytes, Beyond::numbers})
      forms.push_back(c_escaped(text, quote, beyond));
  for (const std::string_view apostrophe : {"'", "&#39;", "&#x27;", "&apos;"})
    for (const std::string_view quote : {"\"", "&quot;", "&#34;"})
      forms.push_back(html(text, quote, apostrophe));
  add_shell_encodings(text, forms);
}

/// What of a value is looked for, in every encoding.
class Parts {
 public:
  void add(std::string_view value) { add(value, 0); }

  /// Each once.
  std::set<std::string> take() { return std::move(parts_); }

 private:
  /// JSON within a string of JSON, an escaped text within either: nobody writes more of it.
  static constexpr int deepest = 4;

  void add(std::string_view value, int depth) {
    add_part(value);
    add_part(trim(value));
    if (value.find('\n') != std::string_view::npos)
      for (const std::string_view line : split(value, '\n'))
        add_part(trim(line));
    if (depth == deepest)
      return;
    if (const auto unescaped = with_line_ends(value); unescaped != value)
      add(unescaped, depth + 1);
    add_fields(trim(value), depth);
  }

  void add_part(std::string_view text) {
    if (text.size() >= shortest_masked)
      parts_.emplace(text);
  }

  void add_fields(std::string_view text, int depth) {
    if (text.starts_with("\xEF\xBB\xBF"))
      text.remove_prefix(3);
    if (text.empty() || std::string_view("{[\"").find(text.front()) == std::string_view::npos)
      return;
    if (const auto json = parse_json(text, "a secret"))
      add_strings(*json, depth);
  }

  void add_strings(const Json& json, int depth) {
    if (json.is_string())
      add(json.get_ref<const std::string&>(), depth + 1);
    else if (json.is_structured())
      for (const Json& part : json)
        add_strings(part, depth);
  }

  /// A key in a variable often has `\n` for its line ends, which programs replace.
  static std::string with_line_ends(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const std::string_view two = text.substr(at, 2);
      if (two != "\\n" && two != "\\r") {
        out += text[at];
        continue;
      }
      out += two == "\\n" ? '\n' : '\r';
      ++at;
    }
    return out;
  }

  std::set<std::string> parts_;
};

/// As `echo $VALUE` without quotes writes it.
std::string with_single_blanks(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    const bool is_blank = c == ' ' || c == '\t' || c == '\n';
    if (!is_blank)
      out += c;
    else if (out.back() != ' ')
      out += ' ';
  }
  return out;
}

/// Whether `set -x` of bash puts a word in quotes.
bool is_quoted_in_trace(std::string_view word) {
  return word.find_first_of("'\"\\|&;()<>!{}*[?]^$`") != std::string_view::npos ||
         word.starts_with('~') || word.starts_with('#') ||
         word.find("=~") != std::string_view::npos || word.find(":~") != std::string_view::npos;
}

/// As `set -x` of a shell shows `$VALUE` without quotes: each word by itself.
std::string traced(std::string_view text) {
  std::vector<std::string> words;
  const std::string single = with_single_blanks(text);
  for (const std::string_view word : split(single, ' '))
    words.push_back(is_quoted_in_trace(word) ? fmt::format("'{}'", replaced(word, '\'', "'\\''"))
                                             : std::string(word));
  return join(words, " ");
}

}  // namespace

std::vector<std::string> encodings_of(std::string_view value) {
  Parts parts;
  parts.add(value);
  std::vector<std::string> forms = {with_single_blanks(value), traced(value)};
  for (const std::string& part : parts.take())
    add_encodings(part, forms);
  std::erase_if(forms, [](const std::string& form) { return form.size() < shortest_masked; });
  std::sort(forms.begin(), forms.end());
  forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
  return forms;
}

}  // namespace dstack::secrets
