#include "dstack/config/yaml/yaml.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/simple_yaml.hpp"
#include "dstack/config/yaml/yaml_syntax.hpp"
#include "dstack/config/yaml/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <string>
#include <utility>

namespace dstack::config {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Reads a text in place, without the copy that a string stream makes.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

/// Leaves the parser from inside one of its events. Never leaves this file.
struct Abandoned {
  Error error;
};

void check(Result<void> result) {
  if (!result)
    throw Abandoned{std::move(result).error()};
}

/// Forwards the events to the tree.
class Events : public YAML::EventHandler {
 public:
  explicit Events(YamlTree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ < 2)
      return;
    throw Abandoned{explain_second_document(offset(mark), tree_)};
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(tree_.null(offset(mark), anchor));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(tree_.alias(offset(mark), anchor));
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    check(tree_.scalar(offset(mark), anchor, tag, value));
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    check(tree_.open(offset(mark), anchor, tag, ValueKind::sequence, style_of(style)));
  }

  void OnSequenceEnd() override { check(tree_.close()); }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    check(tree_.open(offset(mark), anchor, tag, ValueKind::mapping, style_of(style)));
  }

  void OnMapEnd() override { check(tree_.close()); }

  void OnAnchor(const YAML::Mark&, const std::string& name) override { tree_.anchor_name(name); }

 private:
  /// yaml-cpp counts bytes in `pos`, carriage returns included.
  std::size_t offset(const YAML::Mark& mark) const {
    const std::size_t at = mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
    return std::min(at, tree_.places().text().size());
  }

  static YamlTree::Style style_of(YAML::EmitterStyle::value style) {
    return style == YAML::EmitterStyle::Flow ? YamlTree::Style::flow : YamlTree::Style::block;
  }

  YamlTree& tree_;
  int documents_ = 0;
};

SyntaxProblem classify(const std::string& message) {
  const auto begins = [&](const char* known) { return message.rfind(known, 0) == 0; };
  namespace msg = YAML::ErrorMsg;
  if (begins(msg::EOF_IN_SCALAR))
    return SyntaxProblem::unended_scalar;
  if (begins(msg::MAP_VALUE) || begins(msg::MAP_KEY))
    return SyntaxProblem::map_value;
  if (begins(msg::BLOCK_ENTRY))
    return SyntaxProblem::block_entry;
  if (begins(msg::END_OF_MAP_FLOW))
    return SyntaxProblem::in_flow_map;
  if (begins(msg::END_OF_SEQ_FLOW))
    return SyntaxProblem::in_flow_sequence;
  if (begins(msg::END_OF_MAP))
    return SyntaxProblem::in_map;
  if (begins(msg::END_OF_SEQ))
    return SyntaxProblem::in_sequence;
  if (begins(msg::FLOW_END))
    return SyntaxProblem::flow_end;
  if (begins(msg::INVALID_ESCAPE) || begins(msg::INVALID_HEX) || begins(msg::INVALID_UNICODE))
    return SyntaxProblem::escape;
  if (begins(msg::UNKNOWN_ANCHOR))
    return SyntaxProblem::unknown_anchor;
  if (begins(msg::ALIAS_NOT_FOUND) || begins(msg::CHAR_IN_ALIAS) || begins(msg::ALIAS_CONTENT))
    return SyntaxProblem::alias;
  if (begins(msg::UNKNOWN_TOKEN))
    return SyntaxProblem::first_character;
  if (begins(msg::DOC_IN_SCALAR))
    return SyntaxProblem::document_marker;
  return SyntaxProblem::other;
}

std::shared_ptr<const SourceText> without_byte_order_mark(
    std::shared_ptr<const SourceText> source) {
  if (source->text.compare(0, byte_order_mark.size(), byte_order_mark) != 0)
    return source;
  return make_source_text(source->name, source->text.substr(byte_order_mark.size()));
}

bool is_sign(char c) {
  return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

/// What is refused before the parser sees it: it lets bad UTF-8 pass, and takes some control
/// characters for markers of its own.
std::optional<Error> check_bytes(const std::shared_ptr<const SourceText>& source,
                                 const YamlLimits& limits) {
  const std::string_view text = source->text;
  Places places(source);
  if (text.size() > limits.bytes)
    return file_too_large(places.at(0), limits.bytes);
  if (const auto bad = find_invalid_utf8(text))
    return make_error(ErrorCode::configuration, "invalid UTF-8")
        .at(places.at(*bad, *bad + 1))
        .with_hint("save the file as UTF-8");
  std::size_t signs = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (is_sign(text[i]) && ++signs > limits.signs)
      return too_many("brackets and commas", limits.signs, places.at(i));
    const bool line_end = byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if ((byte < 0x20 && byte != '\n' && byte != '\t' && !line_end) || byte == 0x7F)
      return make_error(ErrorCode::configuration, "control characters are not allowed in YAML")
          .at(places.at(i))
          .with_hint("remove it, or write it as \"{}\" in double quotes",
                     printable(text.substr(i, 1)));
  }
  return std::nullopt;
}

/// Nothing for what the parser has to read, and for what has an error: its words are those that are
/// told of a text, whatever else is in it.
std::optional<ParsedYaml> read_simple(const std::shared_ptr<const SourceText>& source,
                                      const YamlLimits& limits) {
  YamlTree tree(source, limits);
  if (!read_simple_yaml(tree))
    return std::nullopt;
  ParsedYaml file = tree.finish();
  return file.errors.empty() ? std::optional(std::move(file)) : std::nullopt;
}

Result<ParsedYaml> parse(const std::shared_ptr<const SourceText>& source,
                         const YamlLimits& limits) {
  YamlTree tree(source, limits);
  Events events(tree);
  ViewBuffer buffer(source->text);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (Abandoned& abandoned) {
    return fail(std::move(abandoned.error));
  } catch (const YAML::Exception& refusal) {
    const std::size_t at = refusal.mark.pos < 0 ? 0 : static_cast<std::size_t>(refusal.mark.pos);
    return fail(explain_syntax(classify(refusal.msg), at, refusal.msg, tree));
  }
  return tree.finish();
}

}  // namespace

Result<ParsedYaml> read_yaml(std::shared_ptr<const SourceText> source,
                             const YamlLimits& limits,
                             YamlReader reader) {
  source = without_byte_order_mark(std::move(source));
  if (auto error = check_bytes(source, limits))
    return fail(std::move(*error));
  if (reader == YamlReader::fastest)
    if (auto file = read_simple(source, limits))
      return *std::move(file);
  return parse(source, limits);
}

}  // namespace dstack::config
