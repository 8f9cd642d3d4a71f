#include "dstack/config/yaml/yaml_tree.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/words.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/misread.hpp"

#include <algorithm>
#include <utility>

namespace dstack::config {

namespace {

/// Most maps have about so many.
constexpr std::size_t few_members = 4;

/// Whether the text begins with what opens such a collection.
bool begins_as(std::string_view text, ValueKind kind, YamlTree::Style style) {
  const char first = text.empty() ? ' ' : text.front();
  if (style == YamlTree::Style::block)
    return first != '[' && first != '{';
  return first == (kind == ValueKind::sequence ? '[' : '{');
}

/// `!` alone is never meant as a tag: it is the `not` of a shell.
std::string tag_hint(std::string_view tag, std::string_view written) {
  const std::string quoting = quoting_hint(written);
  if (tag == "!")
    return fmt::format("'!' begins a tag of YAML, and no part of the text; {}", quoting);
  if (tag.starts_with("!!"))
    return fmt::format(
        "remove it: values keep their text; if '{}' is part of it, {}", printable(tag), quoting);
  if (tag.starts_with("!include"))
    return "remove it: all files in '.dstack/workflows' are read, and '&' and '*' repeat a part of "
           "a file";
  return fmt::format("remove it; if '!' is part of the text, {}", quoting);
}

/// Where the tag (`!`) or the anchor (`&`) of a node begins, of which either may be first.
std::optional<std::size_t> find_property(std::string_view text, std::size_t at, char sign) {
  const char other = sign == '!' ? '&' : '!';
  if (at < text.size() && text[at] == other)
    at = std::min(text.find_first_not_of(" \t", word_end(text, at)), text.size());
  return at < text.size() && text[at] == sign ? std::optional(at) : std::nullopt;
}

/// The entry of its line that begins here; empty where something is before it.
std::string_view written_from(std::string_view text, std::size_t begin) {
  const WrittenEntry entry = entry_of_line(text, begin);
  return entry.begin == begin ? text.substr(begin, entry.end - begin) : std::string_view();
}

}  // namespace

YamlTree::YamlTree(std::shared_ptr<const SourceText> source, const YamlLimits& limits)
    : limits_(limits), places_(std::move(source)) {}

bool YamlTree::expects_key() const {
  return !frames_.empty() && frames_.back().value.kind == ValueKind::mapping &&
         !frames_.back().has_key;
}

std::optional<std::size_t> YamlTree::open_flow() const {
  const std::string_view text = places_.text();
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame)
    if (frame->style == Style::flow && (text[frame->offset] == '[' || text[frame->offset] == '{'))
      return frame->offset;
  return std::nullopt;
}

Result<void> YamlTree::null(std::size_t offset, std::size_t anchor) {
  DSTACK_CHECK(count(1, 0, offset, offset + 1));
  if (expects_key())
    return null_key(offset);
  if (!frames_.empty()) {
    const Frame& frame = frames_.back();
    // yaml-cpp takes a line without a colon for a key without a value.
    if (frame.style == Style::block && frame.has_key && frame.key.offset == offset &&
        !null_is_written(frame, offset))
      return fail(make_error(ErrorCode::configuration,
                             "'{}' is not followed by ':'",
                             printable(frame.key.text))
                      .at(frame.key.where)
                      .with_hint("each line of a map is 'key: value'; check the indentation, and "
                                 "put a text of several lines in quotes"));
  }
  check_anchor(offset, anchor);
  Value value;
  value.where = place_of_null(offset);
  DSTACK_CHECK(keep(anchor, value, {1, 0, 0}, offset));
  return add(std::move(value), offset);
}

/// Whether the null at `offset` is a word there; else nothing is written, and `offset` is that of
/// the next thing.
bool YamlTree::null_is_written(const Frame& frame, std::size_t offset) {
  if (null_literal_length(places_.text(), offset) == 0)
    return false;
  if (frame.has_key && offset == frame.key.offset)
    return false;
  return frame.style == Style::flow || places_.byte_column(offset) > frame.column;
}

SourceLocation YamlTree::place_of_null(std::size_t offset) {
  const std::size_t length = null_literal_length(places_.text(), offset);
  if (frames_.empty())
    return places_.at(offset, offset + length);
  const Frame& frame = frames_.back();
  if (null_is_written(frame, offset))
    return places_.at(offset, offset + length);
  if (frame.value.kind == ValueKind::mapping)
    return frame.key.where;
  return places_.at(frame.style == Style::flow ? offset : dash_before(offset));
}

/// The `-` of the empty element before `offset`, over comments and empty lines.
std::size_t YamlTree::dash_before(std::size_t offset) const {
  const std::string_view text = places_.text();
  for (std::size_t end = offset; end > 0;) {
    const std::size_t begin =
        text.rfind('\n', end - 1) == std::string_view::npos ? 0 : text.rfind('\n', end - 1) + 1;
    std::string_view line = trim(text.substr(begin, end - begin));
    if (const std::size_t comment = line.find(" #"); comment != std::string_view::npos)
      line = trim(line.substr(0, comment));
    if (!line.empty() && line.front() != '#')
      return line.back() == '-'
                 ? static_cast<std::size_t>(line.data() - text.data()) + line.size() - 1
                 : offset;
    end = begin > 0 ? begin - 1 : 0;
  }
  return offset;
}

Result<void> YamlTree::null_key(std::size_t offset) {
  if (const std::size_t length = null_literal_length(places_.text(), offset); length > 0) {
    take_key(std::string(places_.text().substr(offset, length)),
             places_.at(offset, offset + length),
             offset,
             true);
    return {};
  }
  const WrittenEntry entry = entry_of_line(places_.text(), offset);
  const bool whole = entry.in_list && entry.begin == offset;
  return fail(make_error(ErrorCode::configuration, "there is no key before this ':'")
                  .at(places_.at(offset))
                  .with_hint("{}",
                             whole ? quoting_hint(places_.text().substr(entry.begin,
                                                                        entry.end - entry.begin))
                                   : "write 'key: value'"));
}

Result<void> YamlTree::scalar(std::size_t offset,
                              std::size_t anchor,
                              std::string_view tag,
                              std::string text) {
  check_tag(offset, tag);
  check_anchor(offset, anchor);
  const std::string_view written = places_.text();
  offset = skip_node_properties(written, offset);
  last_offset_ = offset;
  const char first = offset < written.size() ? written[offset] : ' ';
  const bool in_quotes = first == '"' || first == '\'';
  last_quote_ = in_quotes ? std::optional(offset) : std::nullopt;
  const bool plain = !in_quotes && first != '|' && first != '>';
  if (in_quotes && !find_closing_quote(written, offset))
    return fail(make_error(ErrorCode::configuration, "this quote is never closed")
                    .at(places_.at(offset))
                    .with_hint("{}", std::string("add the closing ") + first));
  const std::size_t end = scalar_end(written, offset, text);
  DSTACK_CHECK(count(1, text.size(), offset, end));
  SourceLocation where = places_.at(offset, end);
  if (anchor == 0 && expects_key()) {
    take_key(std::move(text), std::move(where), offset, plain);
    return {};
  }
  Value value;
  value.kind = ValueKind::scalar;
  value.quoted = !plain;
  value.joined = plain && text.size() > end - offset &&
                 joins_lines(written.substr(offset, end - offset),
                             written.substr(end),
                             std::string_view(text).substr(end - offset));
  value.text = std::move(text);
  value.where = std::move(where);
  DSTACK_CHECK(keep(anchor, value, {1, value.text.size(), 0}, offset));
  return add(std::move(value), offset);
}

Result<void> YamlTree::open(
    std::size_t offset, std::size_t anchor, std::string_view tag, ValueKind kind, Style style) {
  check_tag(offset, tag);
  check_anchor(offset, anchor);
  offset = skip_node_properties(places_.text(), offset);
  last_offset_ = offset;
  DSTACK_CHECK(count(1, 0, offset, offset + 1));
  const std::string_view text = places_.text();
  Frame frame;
  // A map whose first key is a collection begins at that collection's bracket. yaml-cpp also makes
  // such maps of brackets that are never closed.
  frame.deepens = begins_as(text.substr(std::min(offset, text.size())), kind, style);
  depth_ += frame.deepens ? 1 : 0;
  DSTACK_CHECK(check_depth(depth_, offset, offset + 1));
  frame.value.kind = kind;
  if (kind == ValueKind::mapping)
    frame.value.members.reserve(few_members);
  frame.value.where = places_.at(
      offset, style == Style::flow ? flow_end(text, offset) : line_content_end(text, offset));
  frame.style = style;
  frame.offset = offset;
  frame.column = places_.byte_column(offset);
  frame.anchor = anchor;
  frame.nodes_before = nodes_ - 1;
  frame.text_before = text_;
  if (anchor > anchored_.size())
    anchored_.resize(anchor);
  frames_.push_back(std::move(frame));
  return {};
}

Result<void> YamlTree::check_depth(std::size_t depth, std::size_t begin, std::size_t end) {
  if (depth <= limits_.depth)
    return {};
  return fail(
      make_error(ErrorCode::configuration, "this is nested deeper than {} levels", limits_.depth)
          .at(places_.at(begin, end))
          .with_hint("look for surplus brackets or dashes"));
}

Result<void> YamlTree::close() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  depth_ -= frame.deepens ? 1 : 0;
  frame.height += frame.deepens ? 1 : 0;
  if (!frames_.empty())
    frames_.back().height = std::max(frames_.back().height, frame.height);
  if (frame.value.kind == ValueKind::mapping) {
    drop_duplicates(frame);
    if (!frame.merges.empty())
      merge(frame);
  }
  const Size size{nodes_ - frame.nodes_before, text_ - frame.text_before, frame.height};
  DSTACK_CHECK(keep(frame.anchor, frame.value, size, frame.offset));
  return add(std::move(frame.value), frame.offset);
}

Result<void> YamlTree::alias(std::size_t offset, std::size_t anchor) {
  last_offset_ = offset;
  const std::size_t end = word_end(places_.text(), offset);
  const std::string name = printable(places_.text().substr(offset + 1, end - offset - 1));
  if (anchor == 0 || anchor > anchored_.size() || !anchored_[anchor - 1].complete)
    return fail(
        make_error(ErrorCode::configuration, "the alias '*{}' is inside its own anchor", name)
            .at(places_.at(offset, end))
            .with_hint("'&{}' must end before '*{}' can be used", name, name));
  const Anchored& target = anchored_[anchor - 1];
  DSTACK_CHECK(count(target.size.nodes, target.size.text, offset, end));
  DSTACK_CHECK(check_depth(depth_ + target.size.height, offset, end));
  if (!frames_.empty())
    frames_.back().height = std::max(frames_.back().height, target.size.height);
  Value value = target.value;
  // What an alias stands for is used here; what is inside it keeps its own place.
  value.where = places_.at(offset, end);
  return add(std::move(value), offset);
}

Result<void> YamlTree::add(Value value, std::size_t offset) {
  if (frames_.empty()) {
    root_ = std::move(value);
    return {};
  }
  Frame& frame = frames_.back();
  if (frame.value.kind == ValueKind::sequence) {
    frame.value.elements.push_back(std::move(value));
    return {};
  }
  if (!frame.has_key) {
    if (value.kind == ValueKind::scalar)
      take_key(std::move(value.text), std::move(value.where), offset, !value.quoted);
    else
      refuse_key(value, offset);
    return {};
  }
  frame.has_key = false;
  if (!frame.key.usable)
    return {};
  if (frame.key.merge)
    frame.merges.push_back(frame.value.members.size());
  frame.value.members.push_back(
      {std::move(frame.key.text), std::move(frame.key.where), std::move(value)});
  return {};
}

void YamlTree::take_key(std::string text, SourceLocation where, std::size_t offset, bool plain) {
  Frame& frame = frames_.back();
  frame.has_key = true;
  frame.key.merge = plain && text == "<<";
  frame.key.text = std::move(text);
  frame.key.where = std::move(where);
  frame.key.offset = offset;
  frame.key.usable = true;
}

void YamlTree::refuse_key(const Value& value, std::size_t offset) {
  Frame& frame = frames_.back();
  frame.has_key = true;
  frame.key.offset = offset;
  frame.key.where = value.where;
  frame.key.usable = false;
  if (offset > 0 && places_.text().substr(offset - 1, 2) == "{{")
    report(make_error(ErrorCode::configuration, "'{{{{' begins a map here, not a reference")
               .at(places_.at(offset - 1, offset + 1))
               .with_hint("a reference is written with '$': ${{{{ name }}}}"));
  else
    report(make_error(ErrorCode::configuration, "a key must be a text, not {}", describe(value))
               .at(value.where)
               .with_hint("put it in quotes if it is one"));
}

Result<void> YamlTree::count(std::size_t nodes,
                             std::size_t text,
                             std::size_t offset,
                             std::size_t end) {
  nodes_ += nodes;
  text_ += text;
  if (nodes_ > limits_.nodes)
    return fail(too_many("values", limits_.nodes, places_.at(offset, end)));
  if (text_ > limits_.text)
    return fail(too_many("bytes of text", limits_.text, places_.at(offset, end)));
  return {};
}

/// Nested anchors keep what is inside them once each, so what is kept is bounded like what is
/// built.
Result<void> YamlTree::keep(std::size_t anchor,
                            const Value& value,
                            const Size& size,
                            std::size_t offset) {
  if (anchor == 0)
    return {};
  kept_ += size.nodes;
  if (kept_ > limits_.nodes)
    return fail(make_error(ErrorCode::configuration,
                           "the anchors of this file hold more than {} values",
                           with_separators(limits_.nodes))
                    .at(places_.at(offset))
                    .with_hint("nest fewer anchors"));
  if (anchor > anchored_.size())
    anchored_.resize(anchor);
  anchored_[anchor - 1] = {true, value, size};
  return {};
}

void YamlTree::check_tag(std::size_t offset, std::string_view tag) {
  const std::string_view text = places_.text();
  const auto begin = tag.empty() || tag == "?" ? std::nullopt : find_property(text, offset, '!');
  if (!begin)
    return;  // or the parser's own tag for a text in quotes
  const std::size_t end = word_end(text, *begin);
  const std::string_view shown = text.substr(*begin, end - *begin);
  report(
      make_error(ErrorCode::configuration, "the tag '{}' is not supported here", printable(shown))
          .at(places_.at(*begin, end))
          .with_hint("{}", tag_hint(shown, written_from(text, *begin))));
}

/// YAML takes `&>log` for an anchor called '>log', and nobody would notice.
void YamlTree::check_anchor(std::size_t offset, std::size_t anchor) {
  const std::string_view text = places_.text();
  const auto begin = anchor == 0 ? std::nullopt : find_property(text, offset, '&');
  if (!begin)
    return;
  const std::size_t end = word_end(text, *begin);
  const std::string_view name = text.substr(*begin + 1, end - *begin - 1);
  const auto is_part = [](char c) {
    return is_word_part(c) || c == '.' || c == '-' || static_cast<signed char>(c) < 0;
  };
  if (std::all_of(name.begin(), name.end(), is_part))
    return;
  report(make_error(ErrorCode::configuration,
                    "'{}' begins an anchor here, and is not a part of the text",
                    printable(text.substr(*begin, end - *begin)))
             .at(places_.at(*begin, end))
             .with_hint("{}", quoting_hint(written_from(text, *begin))));
}

void YamlTree::report(Error error) {
  if (errors_.size() == limits_.errors)
    errors_.push_back(too_many("errors", limits_.errors, *std::move(error.where)));
  else if (errors_.size() < limits_.errors)
    errors_.push_back(std::move(error));
}

ParsedYaml YamlTree::finish() {
  std::stable_sort(errors_.begin(), errors_.end(), [](const Error& a, const Error& b) {
    return std::pair(a.where->line, a.where->column) < std::pair(b.where->line, b.where->column);
  });
  return {std::move(root_), std::move(errors_)};
}

}  // namespace dstack::config
