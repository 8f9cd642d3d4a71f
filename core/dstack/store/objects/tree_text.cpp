#include "dstack/store/objects/tree_text.hpp"

#include "dstack/files/entry.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace dstack::store {

namespace {

constexpr std::string_view tree_header = "dstack-tree 1\n";
constexpr std::string_view times_header = "dstack-times 1\n";
constexpr std::string_view times_and_modes_header = "dstack-times 2\n";
constexpr std::uint32_t all_usual = 0755;
constexpr std::size_t digest_width = 64;

constexpr char letter_of(files::EntryType type) {
  switch (type) {
    case files::EntryType::file:
      return 'f';
    case files::EntryType::executable:
      return 'x';
    case files::EntryType::folder:
      return 'd';
    case files::EntryType::link:
      return 'l';
  }
  return '?';
}

std::optional<files::EntryType> type_of(char letter) {
  for (const files::EntryType type : {files::EntryType::file,
                                      files::EntryType::executable,
                                      files::EntryType::folder,
                                      files::EntryType::link})
    if (letter_of(type) == letter)
      return type;
  return std::nullopt;
}

template <typename Number>
void append_number(std::string& text, Number number, int base = 10) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  text.append(digits.data(), end);
}

/// Only the one spelling that append_number() writes.
template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  std::string again;
  append_number(again, number, base);
  return again == text ? std::optional(number) : std::nullopt;
}

Failure damaged(std::string_view what) {
  return fail(ErrorCode::internal, "the store holds a damaged {}", what);
}

bool is_entry_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

/// `type " " digest " " size " " name`, without the NUL.
std::optional<TreeEntry> parse_entry(std::string_view text) {
  constexpr std::size_t size_begin = 2 + digest_width + 1;
  if (text.size() < size_begin || text[1] != ' ' || text[size_begin - 1] != ' ')
    return std::nullopt;
  const auto type = type_of(text[0]);
  const auto digest = Digest::parse(text.substr(2, digest_width));
  text.remove_prefix(size_begin);
  const std::size_t space = text.find(' ');
  if (!type || !digest || space == std::string_view::npos)
    return std::nullopt;
  const auto size = parse_number<std::uint64_t>(text.substr(0, space));
  const std::string_view name = text.substr(space + 1);
  if (!size || !is_entry_name(name))
    return std::nullopt;
  return TreeEntry{.type = *type, .digest = *digest, .size = *size, .name = std::string(name)};
}

/// `modified`, or `modified " " closed`, without the newline.
std::optional<Attributes> parse_attributes(std::string_view text) {
  const std::size_t space = text.find(' ');
  const auto modified = parse_number<std::int64_t>(text.substr(0, space));
  if (!modified)
    return std::nullopt;
  if (space == std::string_view::npos)
    return Attributes{.modified = *modified};
  const auto closed = parse_number<std::uint32_t>(text.substr(space + 1), 8);
  if (!closed || *closed == 0 || (*closed & ~all_usual) != 0)
    return std::nullopt;
  return Attributes{.modified = *modified, .closed = *closed};
}

}  // namespace

std::string render_tree(const Tree& tree) {
  std::string text(tree_header);
  for (const TreeEntry& entry : tree.entries) {
    text += letter_of(entry.type);
    text += ' ';
    text += entry.digest.render();
    text += ' ';
    append_number(text, entry.size);
    text += ' ';
    text += entry.name;
    text += '\0';
  }
  return text;
}

Result<Tree> parse_tree(std::string_view text) {
  if (!text.starts_with(tree_header))
    return damaged("tree");
  text.remove_prefix(tree_header.size());
  Tree tree;
  while (!text.empty()) {
    // The size ends before the name begins, so the first NUL is the entry's end.
    const std::size_t end = text.find('\0');
    auto entry = end == std::string_view::npos ? std::nullopt : parse_entry(text.substr(0, end));
    if (!entry)
      return damaged("tree");
    // In order and each once: a tree has one text and so one digest.
    if (!tree.entries.empty() && tree.entries.back().name >= entry->name)
      return damaged("tree");
    tree.entries.push_back(std::move(*entry));
    text.remove_prefix(end + 1);
  }
  return tree;
}

std::string render_times(const std::vector<Attributes>& entries) {
  const bool has_modes = std::any_of(
      entries.begin(), entries.end(), [](const Attributes& entry) { return entry.closed != 0; });
  std::string text(has_modes ? times_and_modes_header : times_header);
  text.reserve(text.size() + entries.size() * 20);
  for (const Attributes& entry : entries) {
    append_number(text, entry.modified);
    if (entry.closed != 0) {
      text += ' ';
      append_number(text, entry.closed, 8);
    }
    text += '\n';
  }
  return text;
}

Result<std::vector<Attributes>> parse_times(std::string_view text) {
  const bool has_modes = text.starts_with(times_and_modes_header);
  if (!has_modes && !text.starts_with(times_header))
    return damaged("list of times");
  text.remove_prefix(times_header.size());
  std::vector<Attributes> entries;
  entries.reserve(text.size() / 20);
  bool is_any_closed = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const auto entry =
        end == std::string_view::npos ? std::nullopt : parse_attributes(text.substr(0, end));
    if (!entry)
      return damaged("list of times");
    is_any_closed = is_any_closed || entry->closed != 0;
    entries.push_back(*entry);
    text.remove_prefix(end + 1);
  }
  // Each list has one text.
  if (is_any_closed != has_modes)
    return damaged("list of times");
  return entries;
}

std::string object_name(Kind kind, const Digest& digest) {
  const std::string hex = digest.render();
  if (kind == Kind::pack)
    return "packs/" + hex;
  std::string name = kind == Kind::blob || kind == Kind::executable ? "objects/" : "trees/";
  name.append(hex, 0, 2);
  name += '/';
  name.append(hex, 2);
  if (kind == Kind::executable)
    name += ".x";
  if (kind == Kind::times)
    name += ".t";
  return name;
}

}  // namespace dstack::store
