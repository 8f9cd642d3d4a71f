// Byte offsets of a text as lines and columns. Also what can be said about YAML's syntax from the
// bytes alone, without a parser.
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace dstack::config {

/// Turns offsets into places. Remembers the last one, so that lookups in about the order of the
/// text are cheap, whatever the length of its lines. For one thread.
class Places {
 public:
  explicit Places(std::shared_ptr<const SourceText> source);

  /// The place of [begin, end), cut at the end of its first line; at least one character long.
  SourceLocation at(std::size_t begin, std::size_t end);

  SourceLocation at(std::size_t begin) { return at(begin, begin + 1); }

  /// The column of `offset`, from 0, in bytes.
  std::size_t byte_column(std::size_t offset);

  std::string_view text() const { return source_->text; }

 private:
  void go_to(std::size_t offset);

  std::size_t line_begin() const { return source_->line_starts[line_]; }

  std::size_t line_end() const;

  std::shared_ptr<const SourceText> source_;
  bool ascii_;
  std::size_t line_ = 0;       ///< from 0
  std::size_t offset_ = 0;     ///< what character_ belongs to
  std::size_t character_ = 0;  ///< column of offset_, from 0
};

/// The offset after the quote that closes the one at `open`; nothing when there is none.
std::optional<std::size_t> find_closing_quote(std::string_view text, std::size_t open);
/// The first quote from `from` on that opens a scalar and is never closed.
std::optional<std::size_t> find_unclosed_quote(std::string_view text, std::size_t from);
/// After the anchor and the tag that may precede a node's content.
std::size_t skip_node_properties(std::string_view text, std::size_t offset);
/// The end of the scalar at `begin` whose content is `value`, on its first line.
std::size_t scalar_end(std::string_view text, std::size_t begin, std::string_view value);
/// The end of the flow collection that opens at `begin`, when it is on the same line; else the end
/// of the bracket.
std::size_t flow_end(std::string_view text, std::size_t begin);
/// The end of the line that holds `begin`, without trailing blanks.
std::size_t line_content_end(std::string_view text, std::size_t begin);
/// The end of a word such as `*name`: up to a space, a line's end or `,[]{}`.
std::size_t word_end(std::string_view text, std::size_t begin);
/// Whether a plain null (`~`, `null`) is written at `offset`, and how long it is; 0 when not.
std::size_t null_literal_length(std::string_view text, std::size_t offset);

}  // namespace dstack::config
