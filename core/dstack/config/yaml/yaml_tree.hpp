// Builds Values from a parser's events. Knows anchors, aliases, merge keys, duplicate keys and
// limits; independent of the parser; knows the text through Places only.
#pragma once

#include "dstack/config/yaml/places.hpp"
#include "dstack/config/yaml/yaml.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

/// Each event takes the byte offset at which it stands; an anchor is a number from 1, 0 where there
/// is none. A failure means that nothing more can be said of the text.
class YamlTree {
 public:
  enum class Style { block, flow };

  YamlTree(std::shared_ptr<const SourceText> source, const YamlLimits& limits);

  Result<void> null(std::size_t offset, std::size_t anchor);
  Result<void> scalar(std::size_t offset,
                      std::size_t anchor,
                      std::string_view tag,
                      std::string text);
  Result<void> open(
      std::size_t offset, std::size_t anchor, std::string_view tag, ValueKind kind, Style style);
  Result<void> close();
  Result<void> alias(std::size_t offset, std::size_t anchor);

  /// Names come in the order of their numbers.
  void anchor_name(std::string name) { anchor_names_.push_back(std::move(name)); }

  Places& places() { return places_; }

  const std::vector<std::string>& anchor_names() const { return anchor_names_; }

  /// The last scalar's offset, where it is in quotes.
  std::optional<std::size_t> last_quote() const { return last_quote_; }

  /// Where the innermost flow collection that is still open begins.
  std::optional<std::size_t> open_flow() const;

  std::size_t last_offset() const { return last_offset_; }

  /// What was read, once the document has ended.
  const Value& root() const { return root_; }

  ParsedYaml finish();

 private:
  struct Key {
    std::string text;
    SourceLocation where;
    std::size_t offset = 0;
    bool usable = true;  ///< false: it was reported, and its value is dropped
    bool merge = false;  ///< a plain `<<`
  };

  struct Frame {
    Value value;
    Style style = Style::block;
    std::size_t offset = 0;
    std::size_t column = 0;  ///< in bytes; of a block collection's entries
    std::size_t anchor = 0;
    std::size_t nodes_before = 0;
    std::size_t text_before = 0;
    std::size_t height = 0;  ///< of what it holds so far
    bool deepens = true;     ///< counts as a level of nesting
    bool has_key = false;
    Key key;
    std::vector<std::size_t> merges;  ///< members that are merge keys
  };

  /// Of a value, after expansion.
  struct Size {
    std::size_t nodes = 0;
    std::size_t text = 0;    ///< bytes
    std::size_t height = 0;  ///< levels of nesting
  };

  struct Anchored {
    bool complete = false;
    Value value;
    Size size;
  };

  bool expects_key() const;
  bool null_is_written(const Frame& frame, std::size_t offset);
  SourceLocation place_of_null(std::size_t offset);
  std::size_t dash_before(std::size_t offset) const;
  Result<void> null_key(std::size_t offset);
  void take_key(std::string text, SourceLocation where, std::size_t offset, bool plain);
  void refuse_key(const Value& value, std::size_t offset);
  Result<void> add(Value value, std::size_t offset);
  Result<void> count(std::size_t nodes, std::size_t text, std::size_t offset, std::size_t end);
  Result<void> check_depth(std::size_t depth, std::size_t begin, std::size_t end);
  Result<void> keep(std::size_t anchor, const Value& value, const Size& size, std::size_t offset);
  void check_tag(std::size_t offset, std::string_view tag);
  void check_anchor(std::size_t offset, std::size_t anchor);
  void drop_duplicates(Frame& frame);
  void report_duplicate(const Member& first, const Member& second);
  void merge(Frame& frame);
  void report(Error error);

  YamlLimits limits_;
  Places places_;
  std::vector<Frame> frames_;
  std::size_t depth_ = 0;  ///< frames that count as levels
  Value root_;
  std::vector<Anchored> anchored_;  ///< by number - 1
  std::vector<std::string> anchor_names_;
  std::vector<Error> errors_;
  std::size_t nodes_ = 0;
  std::size_t text_ = 0;
  std::size_t kept_ = 0;  ///< nodes copied for anchors
  std::size_t last_offset_ = 0;
  std::optional<std::size_t> last_quote_;
};

}  // namespace dstack::config
