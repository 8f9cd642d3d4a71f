#include "dstack/python/requirement_text.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <iconv.h>

namespace dstack::python {

namespace {

constexpr std::string_view hint_to_save = "save it as UTF-8";

struct ByteOrderMark {
  std::string_view bytes;
  unsigned unit;  ///< bytes of a code unit
  bool big_endian;
};

using namespace std::string_view_literals;

/// The longer ones first: that of UTF-32 begins with that of UTF-16.
constexpr std::array byte_order_marks = {
    ByteOrderMark{"\xFF\xFE\0\0"sv, 4, false},
    ByteOrderMark{"\0\0\xFE\xFF"sv, 4, true},
    ByteOrderMark{"\xFF\xFE"sv, 2, false},
    ByteOrderMark{"\xFE\xFF"sv, 2, true},
};

void append_utf8(std::string& text, std::uint32_t point) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (point < 0x80) {
    byte(point);
    return;
  }
  if (point < 0x800) {
    byte(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      byte(0xE0 | point >> 12);
    } else {
      byte(0xF0 | point >> 18);
      byte(0x80 | (point >> 12 & 0x3F));
    }
    byte(0x80 | (point >> 6 & 0x3F));
  }
  byte(0x80 | (point & 0x3F));
}

class Units {
 public:
  Units(std::string_view bytes, const ByteOrderMark& mark) : rest_(bytes), mark_(mark) {}

  bool at_end() const { return rest_.empty(); }

  /// Nothing where the text ends in the middle of one.
  std::optional<std::uint32_t> next() {
    if (rest_.size() < mark_.unit)
      return std::nullopt;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < mark_.unit; ++i) {
      const unsigned at = mark_.big_endian ? i : mark_.unit - 1 - i;
      value = value << 8 | static_cast<unsigned char>(rest_[at]);
    }
    rest_.remove_prefix(mark_.unit);
    return value;
  }

  /// A code point; nothing where there is none.
  std::optional<std::uint32_t> next_point() {
    const auto first = next();
    if (!first || *first > 0x10FFFF || (*first >= 0xDC00 && *first < 0xE000))
      return std::nullopt;
    if (*first < 0xD800 || *first >= 0xE000)
      return first;
    const auto second = mark_.unit == 2 ? next() : std::nullopt;
    if (!second || *second < 0xDC00 || *second >= 0xE000)
      return std::nullopt;
    return 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00);
  }

 private:
  std::string_view rest_;
  const ByteOrderMark& mark_;
};

/// The end of `text` is what is wrong.
SourceLocation end_of(std::string text, const std::string& name) {
  const auto line = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
  const std::size_t begin = text.rfind('\n') + 1;
  const auto column =
      static_cast<std::uint32_t>(count_characters(std::string_view(text).substr(begin)) + 1);
  return {make_source_text(name, std::move(text)), line, column, 1};
}

Result<std::string> decode_units(std::string_view bytes,
                                 const ByteOrderMark& mark,
                                 const std::string& name) {
  Units units(bytes, mark);
  std::string text;
  while (!units.at_end()) {
    const auto point = units.next_point();
    if (!point)
      return fail(ErrorCode::configuration,
                  "requirements file '{}' begins as UTF-{}, but is not",
                  name,
                  mark.unit * 8)
          .at(end_of(std::move(text), name))
          .with_hint("{}", hint_to_save);
    append_utf8(text, *point);
  }
  return text;
}

/// Where a coding line has the name of the encoding.
struct Coding {
  std::size_t begin;
  std::size_t size;
};

std::optional<Coding> find_coding(std::string_view text) {
  constexpr std::string_view word = "coding";
  std::size_t begin = 0;
  for (int line = 0; line < 2 && begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content = text.substr(begin, end - begin);
    for (std::size_t at = content.starts_with('#') ? content.find(word) : content.npos;
         at != content.npos;
         at = content.find(word, at + 1)) {
      const std::size_t sign = at + word.size();
      if (sign >= content.size() || (content[sign] != ':' && content[sign] != '='))
        continue;
      std::size_t from = sign + 1;
      while (from < content.size() && (content[from] == ' ' || content[from] == '\t'))
        ++from;
      std::size_t to = from;
      while (to < content.size() &&
             (is_word_part(content[to]) || content[to] == '-' || content[to] == '.'))
        ++to;
      if (to > from)
        return Coding{begin + from, to - from};
    }
    begin = end + 1;
  }
  return std::nullopt;
}

/// Python's names are not all known elsewhere.
std::string usual_name(std::string_view python) {
  std::string name = to_lower(python);
  std::replace(name.begin(), name.end(), '_', '-');
  for (const std::string_view utf8 : {"utf-8", "utf8", "u8", "utf-8-sig", "utf8-sig"})
    if (name == utf8)
      return "utf-8";
  for (const std::string_view latin : {"latin-1", "latin1", "latin", "l1", "iso8859-1", "8859"})
    if (name == latin)
      return "iso-8859-1";
  return name;
}

/// A converter of the C library.
class Converter {
 public:
  explicit Converter(const std::string& from) : handle_(::iconv_open("UTF-8", from.c_str())) {}

  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  ~Converter() {
    if (is_known())
      ::iconv_close(handle_);
  }

  // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the library says it
  bool is_known() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  /// Up to the first byte that has no meaning; whether that is the end.
  bool convert(std::string bytes, std::string& text) {
    char* from = bytes.data();
    std::size_t left = bytes.size();
    std::array<char, 4096> buffer;
    while (left > 0) {
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const bool failed =
          ::iconv(handle_, &from, &left, &to, &room) == static_cast<std::size_t>(-1);
      text.append(buffer.data(), buffer.size() - room);
      if (failed && errno != E2BIG)
        return false;
    }
    return true;
  }

 private:
  iconv_t handle_;
};

SourceLocation place_of(const Coding& coding, std::string_view bytes, const std::string& name) {
  const auto line = std::count(bytes.begin(), bytes.begin() + std::ptrdiff_t(coding.begin), '\n');
  const std::size_t begin = bytes.rfind('\n', coding.begin) + 1;
  return {make_source_text(name, printable_lines(bytes, "")),
          static_cast<std::uint32_t>(line + 1),
          static_cast<std::uint32_t>(coding.begin - begin + 1),
          static_cast<std::uint32_t>(coding.size)};
}

Result<std::string> decode_named(std::string_view bytes,
                                 const Coding& coding,
                                 const std::string& encoding,
                                 const std::string& name) {
  Converter converter(encoding);
  if (!converter.is_known())
    return fail(ErrorCode::configuration,
                "requirements file '{}' names the encoding '{}', which is not known",
                name,
                bytes.substr(coding.begin, coding.size))
        .at(place_of(coding, bytes, name))
        .with_hint("{}, and write 'utf-8' there", hint_to_save);
  std::string text;
  if (!converter.convert(std::string(bytes), text))
    return fail(ErrorCode::configuration,
                "requirements file '{}' is not in the encoding that it names, '{}'",
                name,
                bytes.substr(coding.begin, coding.size))
        .at(end_of(std::move(text), name))
        .with_hint("{}, and write 'utf-8' in its first line", hint_to_save);
  return text;
}

/// PowerShell's `>` writes such files with a byte order mark, some editors without.
bool looks_like_utf16(std::string_view bytes) {
  const std::size_t some = std::min<std::size_t>(bytes.size(), 64);
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < some; ++i)
    zeros += bytes[i] == '\0' ? 1U : 0U;
  return some >= 4 && zeros * 3 >= some;
}

Failure refuse_zero_byte(std::string_view bytes, const std::string& name) {
  return fail(ErrorCode::configuration,
              "requirements file '{}' is not a text file: it contains a NUL byte",
              name)
      .with_hint("{}",
                 looks_like_utf16(bytes)
                     ? "it looks like UTF-16 without a byte order mark: save it as UTF-8"
                     : "name a file that lists packages, one a line");
}

Result<std::string> decode_bytes(std::string_view bytes, const std::string& name) {
  for (const ByteOrderMark& mark : byte_order_marks)
    if (bytes.starts_with(mark.bytes))
      return decode_units(bytes.substr(mark.bytes.size()), mark, name);
  const bool has_mark = bytes.starts_with("\xEF\xBB\xBF");
  if (has_mark)
    bytes.remove_prefix(3);
  // A path ends at a NUL only for the system: a file could include itself under many names.
  if (bytes.find('\0') != std::string_view::npos)
    return refuse_zero_byte(bytes, name);
  if (const auto coding = has_mark ? std::nullopt : find_coding(bytes)) {
    const std::string encoding = usual_name(bytes.substr(coding->begin, coding->size));
    if (encoding != "utf-8")
      return decode_named(bytes, *coding, encoding, name);
  }
  if (const auto wrong = find_invalid_utf8(bytes))
    return fail(ErrorCode::configuration, "requirements file '{}' is not UTF-8", name)
        .at(end_of(std::string(bytes.substr(0, *wrong)), name))
        .with_hint("{}, or name its encoding in the first line, as in '# -*- coding: latin-1 -*-'",
                   hint_to_save);
  return std::string(bytes);
}

}  // namespace

Result<std::string> decode_requirements(std::string_view bytes, const std::string& name) {
  DSTACK_TRY(std::string text, decode_bytes(bytes, name));
  if (text.find('\0') != std::string::npos)
    return refuse_zero_byte(text, name);
  if (const auto coding = find_coding(text))
    if (usual_name(std::string_view(text).substr(coding->begin, coding->size)) != "utf-8")
      text.replace(coding->begin, coding->size, "utf-8");
  return text;
}

}  // namespace dstack::python
