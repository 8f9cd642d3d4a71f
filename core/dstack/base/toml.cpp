#include "dstack/base/toml.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <tuple>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
// Version 3.3 asserts of `[[[` what it reports as an error right after.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

namespace dstack {

namespace {

/// The library limits how deep values nest, but not how many parts a dotted key has.
constexpr std::size_t most_parts = 32;

/// Whether somewhere more than so many dots follow each other with nothing between them but what a
/// key may hold. In a text this takes a line that is nothing but dots.
bool has_long_key(std::string_view text) {
  std::size_t dots = 0;
  bool has_part = false;
  char quote = 0;
  for (const char c : text) {
    if (c == '\n' ||
        (quote == 0 && std::string_view("=,{}[]#").find(c) != std::string_view::npos)) {
      dots = 0;
      has_part = false;
      quote = 0;
    } else if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
      has_part = true;
    } else if (c == '.') {
      dots += has_part ? 1 : 0;
      has_part = false;
    } else if (c != ' ' && c != '\t') {
      has_part = true;
    }
    if (dots >= most_parts)
      return true;
  }
  return false;
}

/// Makes a document of ours of one of the library.
class Converter {
 public:
  explicit Converter(std::shared_ptr<const SourceText> source) : source_(std::move(source)) {}

  SourceLocation place(const toml::source_region& region) const {
    SourceLocation where{
        source_, std::max(region.begin.line, 1u), std::max(region.begin.column, 1u)};
    if (region.end.line == region.begin.line && region.end.column > region.begin.column)
      where.length = region.end.column - region.begin.column;
    return where;
  }

  TomlValue value(const toml::node& node) const {
    TomlValue made;
    made.where = place(node.source());
    if (const auto* table = node.as_table()) {
      made.members = members(*table);
    } else if (const auto* list = node.as_array()) {
      made.kind = TomlKind::list;
      made.elements.reserve(list->size());
      for (const toml::node& element : *list)
        made.elements.push_back(value(element));
    } else {
      std::tie(made.kind, made.text) = scalar(node);
    }
    return made;
  }

 private:
  static std::pair<TomlKind, std::string> scalar(const toml::node& node) {
    if (const auto* text = node.as_string())
      return {TomlKind::text, text->get()};
    if (const auto* integer = node.as_integer())
      return {TomlKind::number, fmt::format("{}", integer->get())};
    if (const auto* number = node.as_floating_point())
      return {TomlKind::number, fmt::format("{}", number->get())};
    if (const auto* boolean = node.as_boolean())
      return {TomlKind::boolean, boolean->get() ? "true" : "false"};
    return {TomlKind::date, ""};
  }

  std::vector<TomlMember> members(const toml::table& table) const {
    std::vector<TomlMember> found;
    found.reserve(table.size());
    for (auto&& [key, node] : table)
      found.push_back({std::string(key.str()), place(key.source()), value(node)});
    std::stable_sort(found.begin(), found.end(), [](const TomlMember& a, const TomlMember& b) {
      return std::tie(a.key_where.line, a.key_where.column) <
             std::tie(b.key_where.line, b.key_where.column);
    });
    return found;
  }

  std::shared_ptr<const SourceText> source_;
};

/// The library's words without what only its makers understand.
std::string complaint(std::string_view description) {
  constexpr std::string_view prefix = "Error while parsing ";
  if (description.starts_with(prefix))
    description.remove_prefix(prefix.size());
  return printable(description);
}

}  // namespace

const TomlValue* TomlValue::find(std::string_view key) const {
  for (const TomlMember& member : members)
    if (member.key == key)
      return &member.value;
  return nullptr;
}

const TomlValue* TomlValue::find(std::initializer_list<std::string_view> keys) const {
  const TomlValue* value = this;
  for (const std::string_view key : keys)
    if (value != nullptr)
      value = value->find(key);
  return value;
}

std::string_view describe(const TomlValue& value) {
  switch (value.kind) {
    case TomlKind::text:
      return "a text";
    case TomlKind::number:
      return "a number";
    case TomlKind::boolean:
      return "true or false";
    case TomlKind::date:
      return "a date";
    case TomlKind::list:
      return "a list";
    case TomlKind::table:
      return "a table";
  }
  return "";
}

Result<TomlValue> parse_toml(std::string_view text, std::string name) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());
  if (text.size() > largest_toml)
    return fail(ErrorCode::configuration,
                "'{}' has {} MiB; more than {} are not read",
                name,
                text.size() >> 20,
                largest_toml >> 20);
  if (has_long_key(text))
    return fail(ErrorCode::configuration, "'{}' has a key of more than {} parts", name, most_parts);
  const Converter converter(make_source_text(std::move(name), std::string(text)));
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return fail(ErrorCode::configuration,
                "this is not TOML: {}",
                complaint(parsed.error().description()))
        .at(converter.place(parsed.error().source()));
  return converter.value(parsed.table());
}

}  // namespace dstack
