#include "dstack/config/yaml/yaml_syntax.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/misread.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace dstack::config {

namespace {

std::size_t line_begin(std::string_view text, std::size_t offset) {
  if (offset == 0)
    return 0;
  const std::size_t before = text.rfind('\n', offset - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

std::size_t first_non_blank(std::string_view text, std::size_t offset) {
  return std::min(text.find_first_not_of(" \t", offset), text.size());
}

/// The offset of `${{` when that is what the parser rejected: it takes `$` for a text and `{`
/// for a map.
std::optional<std::size_t> reference_at(std::string_view text, std::size_t offset) {
  const std::size_t from = offset > 3 ? offset - 3 : 0;
  const std::size_t found = text.find(reference_opening, from);
  if (found == std::string_view::npos || found > offset + 1)
    return std::nullopt;
  return found;
}

Error unquoted_reference(std::string_view text, std::size_t at, YamlTree& tree) {
  const std::size_t close = text.find("}}", at);
  const std::size_t line = line_content_end(text, at);
  const std::size_t end = close == std::string_view::npos || close + 2 > line ? at + 3 : close + 2;
  const std::string reference = printable(text.substr(at, end - at));
  return make_error(ErrorCode::configuration, "'${{{{' inside [ ] or {{ }} must be in quotes")
      .at(tree.places().at(at, end))
      .with_hint("{}",
                 end > at + 3 ? fmt::format("write \"{}\"", reference) : "write \"${{ name }}\"");
}

/// `at` is the end of the text where the parser sees a quote that we do not find.
Error unclosed_quote(std::size_t at, YamlTree& tree) {
  const std::string_view quote = tree.places().text().substr(at, 1);
  return make_error(ErrorCode::configuration, "this quote is never closed")
      .at(tree.places().at(at))
      .with_hint("add the closing {}", quote.empty() ? "quote" : quote);
}

/// The tab in the indentation of the line that holds `offset`. YAML allows only spaces there.
std::optional<std::size_t> tab_in_indentation(std::string_view text, std::size_t offset) {
  const std::size_t begin = line_begin(text, std::min(offset, text.size()));
  const std::size_t tab = text.substr(begin, first_non_blank(text, begin) - begin).find('\t');
  return tab == std::string_view::npos ? std::nullopt : std::optional(begin + tab);
}

/// A quote over several lines with more text after its end: most likely it was meant to end on its
/// first line.
std::optional<std::size_t> run_on_quote(std::string_view text,
                                        std::size_t offset,
                                        const YamlTree& tree) {
  const auto quote = tree.last_quote();
  if (!quote)
    return std::nullopt;
  const auto end = find_closing_quote(text, *quote);
  if (!end || text.substr(*quote, *end - *quote).find('\n') == std::string_view::npos)
    return std::nullopt;
  return line_begin(text, *end) == line_begin(text, std::min(offset, text.size())) ? quote
                                                                                   : std::nullopt;
}

bool follows_quote(std::string_view text, std::size_t offset, const YamlTree& tree) {
  const auto quote = tree.last_quote();
  const auto end = quote ? find_closing_quote(text, *quote) : std::nullopt;
  return end && first_non_blank(text, *end) == offset;
}

/// All that is written for the value at `offset`; nothing inside of a flow collection.
std::string_view written_around(std::string_view text, std::size_t offset) {
  const WrittenEntry entry = entry_of_line(text, offset);
  const bool in_flow = text[std::min(entry.begin, text.size() - 1)] == '[' ||
                       text[std::min(entry.begin, text.size() - 1)] == '{';
  return in_flow ? std::string_view() : text.substr(entry.begin, entry.end - entry.begin);
}

/// What YAML makes of a value that begins with this sign; empty for one that begins a text.
std::string_view meaning_of(char sign) {
  switch (sign) {
    case '[':
      return "begins a list here";
    case '{':
      return "begins a map here";
    case '&':
      return "begins an anchor here";
    case '*':
      return "begins an alias here";
    case '|':
    case '>':
      return "begins a text here that is on the lines below it";
    case '!':
      return "begins a tag here";
    default:
      return {};
  }
}

/// `[ -f x ]` and `{ a; }` are for a shell, where they are an entry of a list.
bool is_for_a_shell(std::string_view text, const WrittenEntry& entry) {
  const std::string_view next = text.substr(entry.begin + 1, 1);
  return entry.in_list && (next == " " || (next == "[" && text[entry.begin] == '['));
}

/// Whether the sign at the beginning of an entry is what led to the error at `offset`.
bool is_misled(std::string_view text, const WrittenEntry& entry, std::size_t offset) {
  const char sign = text[entry.begin];
  if (sign == '[' || sign == '{') {
    const std::size_t end = flow_end(text, entry.begin);
    return (end > entry.begin + 1 && offset >= end) || is_for_a_shell(text, entry);
  }
  if (sign == '&')
    return offset <= word_end(text, entry.begin);
  if (sign == '*')
    return first_non_blank(text, word_end(text, entry.begin)) <= offset;
  return !meaning_of(sign).empty();
}

/// A text that begins with a sign of YAML's, without quotes.
std::optional<Error> explain_sign(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  const WrittenEntry entry = entry_of_line(text, offset);
  if (entry.begin >= entry.end || offset < entry.begin || !is_misled(text, entry, offset))
    return std::nullopt;
  const std::string_view written = text.substr(entry.begin, entry.end - entry.begin);
  if (written.starts_with("{{"))
    return make_error(ErrorCode::configuration, "'{{{{' begins a map here, not a reference")
        .at(tree.places().at(entry.begin, entry.begin + 2))
        .with_hint("a reference is written with '$': ${{{{ name }}}}");
  return make_error(
             ErrorCode::configuration, "'{}' {}", written.front(), meaning_of(written.front()))
      .at(tree.places().at(entry.begin, entry.end))
      .with_hint("if it is part of a text, {}", quoting_hint(written));
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// `'don't'`: the quote that closes is an apostrophe.
bool follows_apostrophe(std::string_view text, std::size_t offset) {
  return offset >= 2 && offset < text.size() && text[offset - 1] == '\'' &&
         is_letter(text[offset - 2]) && is_letter(text[offset]);
}

Error explain_text_after_quote(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  if (follows_apostrophe(text, offset))
    return make_error(ErrorCode::configuration, "unexpected text after the closing quote")
        .at(tree.places().at(offset, line_content_end(text, offset)))
        .with_hint(
            "put the whole value in quotes; inside '…' a quote is written '', inside \"…\" it is "
            "\\\"");
  return make_error(ErrorCode::configuration, "unexpected text after the closing quote")
      .at(tree.places().at(offset, line_content_end(text, offset)))
      .with_hint("{}", quoting_hint(written_around(text, offset)));
}

/// The text on the line above, if it has no ':' and is indented no less than what follows: YAML
/// joins both lines.
std::optional<std::size_t> key_without_colon_above(std::string_view text, std::size_t begin) {
  if (begin == 0)
    return std::nullopt;
  const std::size_t above = line_begin(text, begin - 1);
  const std::size_t key = first_non_blank(text, above);
  const std::size_t end = line_content_end(text, key);
  const bool is_deeper = key - above >= first_non_blank(text, begin) - begin;
  const bool has_colon = text.substr(key, end - key).find(':') != std::string_view::npos;
  return key < end && is_deeper && !has_colon ? std::optional(key) : std::nullopt;
}

Error explain_map_value(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  const std::size_t begin = line_begin(text, offset);
  if (tree.last_offset() >= begin)
    return make_error(ErrorCode::configuration, "a second ':' in one line")
        .at(tree.places().at(offset))
        .with_hint("': ' makes a key of what is before it; {}",
                   quoting_hint(written_around(text, offset)));
  if (const auto above = key_without_colon_above(text, begin)) {
    const std::size_t end = line_content_end(text, *above);
    return make_error(ErrorCode::configuration,
                      "'{}' is not followed by ':'",
                      printable(text.substr(*above, end - *above)))
        .at(tree.places().at(*above, end))
        .with_hint(
            "each line of a map is 'key: value'; check the indentation, and put a text of "
            "several lines in quotes");
  }
  const std::size_t key = first_non_blank(text, begin);
  return make_error(ErrorCode::configuration,
                    "this line is indented deeper than the entry above it")
      .at(tree.places().at(key, offset))
      .with_hint("keys of one map begin in the same column");
}

Error explain_in_map(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  if (follows_quote(text, offset, tree))
    return explain_text_after_quote(offset, tree);
  if (text.substr(offset, 2) == "- ")
    return make_error(ErrorCode::configuration,
                      "a list entry is not allowed among the keys of a map")
        .at(tree.places().at(offset))
        .with_hint("indent the list below its key, and the keys of an entry by the same amount");
  return make_error(ErrorCode::configuration, "this does not belong to the map above it")
      .at(tree.places().at(offset, line_content_end(text, offset)))
      .with_hint("keys of one map begin in the same column, each as 'key: value'");
}

/// The quote of `["a, "b"]`: what stands in quotes ends with the ',' that was to follow them.
std::optional<std::size_t> quote_over_comma(std::string_view text, const YamlTree& tree) {
  const auto quote = tree.last_quote();
  const auto end = quote ? find_closing_quote(text, *quote) : std::nullopt;
  if (!end)
    return std::nullopt;
  const std::string_view content = trim(text.substr(*quote + 1, *end - *quote - 2));
  return !content.empty() && content.back() == ',' ? quote : std::nullopt;
}

/// Whether a bracket opens in the middle of a text: `echo {a}`.
bool follows_plain_text(std::string_view text, std::size_t offset) {
  const std::string_view before =
      trim(text.substr(line_begin(text, offset), offset - line_begin(text, offset)));
  const char sign = offset < text.size() ? text[offset] : ' ';
  return (sign == '[' || sign == '{') && !before.empty() &&
         std::string_view(",:[]{}\"'").find(before.back()) == std::string_view::npos;
}

Error explain_flow(std::size_t offset, char closing, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  const auto open = tree.open_flow();
  const bool behind_quote =
      first_non_blank(text, offset) < text.size() && follows_quote(text, offset, tree);
  if (const auto quote = quote_over_comma(text, tree); quote && behind_quote)
    return unclosed_quote(*quote, tree);
  if (behind_quote)
    return make_error(ErrorCode::configuration, "unexpected text after the closing quote")
        .at(tree.places().at(offset, word_end(text, offset)))
        .with_hint("separate values by ',', and put the whole value in quotes");
  if (follows_plain_text(text, offset))
    return make_error(ErrorCode::configuration,
                      "a text that holds '{}' must be in quotes inside [ ] and {{ }}",
                      text.substr(offset, 1))
        .at(tree.places().at(offset))
        .with_hint("{}", quoting_hint({}));
  if (!open)
    return make_error(ErrorCode::configuration, "{}{}' is missing here", "',' or '", closing)
        .at(tree.places().at(offset))
        .with_hint("");
  const std::string bracket(1, text[*open]);
  return make_error(ErrorCode::configuration, "'{}' is never closed", bracket)
      .at(tree.places().at(*open))
      .with_hint("{}", std::string("separate values by ',' and end with '") + closing + "'");
}

Error explain_escape(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  const std::size_t found = offset == 0 ? std::string_view::npos : text.rfind('\\', offset - 1);
  const std::size_t at = found == std::string_view::npos ? offset : found;
  return make_error(ErrorCode::configuration,
                    "'{}' is not a valid escape sequence",
                    printable(text.substr(at, 2)))
      .at(tree.places().at(at, at + 2))
      .with_hint("write '\\\\' for a backslash, or use single quotes");
}

/// All of the entry that begins at `offset`, else the word alone.
std::string_view written_from(std::string_view text, std::size_t offset, std::string_view word) {
  const WrittenEntry entry = entry_of_line(text, offset);
  return entry.begin == offset ? text.substr(entry.begin, entry.end - entry.begin) : word;
}

Error explain_alias(std::size_t offset, YamlTree& tree, SyntaxProblem problem) {
  const std::string_view text = tree.places().text();
  const std::size_t star = text.substr(std::min(offset, text.size()), 1) == "*"
                               ? offset
                               : std::min(text.rfind('*', offset), offset);
  const std::size_t end = std::max(star + 1, word_end(text, star));
  const std::string word = printable(text.substr(star, end - star));
  std::string hint;
  if (problem == SyntaxProblem::unknown_anchor) {
    hint = did_you_mean(word.substr(1), tree.anchor_names());
    if (hint.empty() && !tree.anchor_names().empty())
      hint = fmt::format("this file has {}", quoted_list(tree.anchor_names()));
  }
  if (hint.empty())
    hint = fmt::format("'*' begins an alias; if it is part of a text, {}",
                       quoting_hint(written_from(text, star, word)));
  if (problem == SyntaxProblem::unknown_anchor)
    return make_error(ErrorCode::configuration,
                      "there is no anchor '&{}' before this alias",
                      word.substr(1))
        .at(tree.places().at(star, end))
        .with_hint("{}", hint);
  return make_error(ErrorCode::configuration, "'{}' is not a valid alias", word)
      .at(tree.places().at(star, end))
      .with_hint("{}", hint);
}

Error explain_first_character(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  const std::string character = printable(text.substr(std::min(offset, text.size()), 1));
  return make_error(ErrorCode::configuration, "a value cannot begin with '{}'", character)
      .at(tree.places().at(offset, line_content_end(text, offset)))
      .with_hint("{}", quoting_hint(written_from(text, offset, {})));
}

/// Whether a sign at the beginning of the line's value may be the reason.
bool may_be_misled(SyntaxProblem problem) {
  return problem != SyntaxProblem::unended_scalar && problem != SyntaxProblem::escape &&
         problem != SyntaxProblem::alias && problem != SyntaxProblem::unknown_anchor &&
         problem != SyntaxProblem::document_marker;
}

/// What follows the closing quote of an entry that begins with one, before `offset`: `"a" | b`.
std::optional<std::size_t> end_of_quoted_entry(std::string_view text, std::size_t offset) {
  const WrittenEntry entry = entry_of_line(text, offset);
  if (entry.begin >= entry.end || (text[entry.begin] != '"' && text[entry.begin] != '\''))
    return std::nullopt;
  const auto end = find_closing_quote(text, entry.begin);
  return end && *end <= offset ? std::optional(first_non_blank(text, *end)) : std::nullopt;
}

}  // namespace

Error explain_syntax(SyntaxProblem problem,
                     std::size_t offset,
                     std::string_view parser_message,
                     YamlTree& tree) {
  const std::string_view text = tree.places().text();
  offset = std::min(offset, text.size());
  if (const auto reference = reference_at(text, offset))
    return unquoted_reference(text, *reference, tree);
  if (const auto quote = run_on_quote(text, offset, tree))
    return unclosed_quote(*quote, tree);
  if (problem != SyntaxProblem::unended_scalar)
    if (const auto tab = tab_in_indentation(text, offset))
      return make_error(ErrorCode::configuration, "a tab cannot be used for indentation")
          .at(tree.places().at(*tab))
          .with_hint("use spaces");
  if (may_be_misled(problem))
    if (auto error = explain_sign(offset, tree))
      return *std::move(error);
  switch (problem) {
    case SyntaxProblem::unended_scalar:
      return unclosed_quote(find_unclosed_quote(text, tree.last_offset()).value_or(offset), tree);
    case SyntaxProblem::map_value:
      return explain_map_value(offset, tree);
    case SyntaxProblem::block_entry:
      return make_error(ErrorCode::configuration, "a list cannot begin here")
          .at(tree.places().at(offset))
          .with_hint("begin it on the next line, indented below its key");
    case SyntaxProblem::in_map:
      return explain_in_map(offset, tree);
    case SyntaxProblem::in_sequence:
      if (follows_quote(text, offset, tree))
        return explain_text_after_quote(offset, tree);
      return make_error(ErrorCode::configuration, "this does not belong to the list above it")
          .at(tree.places().at(offset, line_content_end(text, offset)))
          .with_hint("entries of one list begin with '- ' in the same column");
    case SyntaxProblem::in_flow_map:
      return explain_flow(offset, '}', tree);
    case SyntaxProblem::in_flow_sequence:
      return explain_flow(offset, ']', tree);
    case SyntaxProblem::flow_end:
      return make_error(ErrorCode::configuration, "unmatched closing bracket")
          .at(tree.places().at(offset))
          .with_hint("remove it, or put the value in quotes");
    case SyntaxProblem::escape:
      return explain_escape(offset, tree);
    case SyntaxProblem::alias:
    case SyntaxProblem::unknown_anchor:
      return explain_alias(offset, tree, problem);
    case SyntaxProblem::first_character:
      return explain_first_character(offset, tree);
    case SyntaxProblem::document_marker:
      return make_error(ErrorCode::configuration,
                        "a line that begins with '---' or '...' ends the text that is open here")
          .at(tree.places().at(offset))
          .with_hint("indent it, or close the quote before it");
    case SyntaxProblem::other:
      if (const auto end = end_of_quoted_entry(text, offset))
        return explain_text_after_quote(*end, tree);
      break;
  }
  return make_error(ErrorCode::configuration, "invalid YAML: {}", parser_message)
      .at(tree.places().at(offset))
      .with_hint("");
}

Error explain_second_document(std::size_t offset, YamlTree& tree) {
  const std::string_view text = tree.places().text();
  const std::string_view before = trim(text.substr(0, std::min(offset, text.size())));
  const bool marker = text.substr(offset, 3) == "---";
  if (marker || before.ends_with("..."))
    return make_error(ErrorCode::configuration, "a second document begins here")
        .at(tree.places().at(offset, offset + (marker ? 3 : 1)))
        .with_hint("a file holds one document: merge the two, or move one to its own file");
  // yaml-cpp begins another document wherever something cannot go on with the first.
  return make_error(ErrorCode::configuration,
                    "this does not belong to the {} above it",
                    describe(tree.root()).substr(2))
      .at(tree.places().at(offset, line_content_end(text, offset)))
      .with_hint("what belongs together begins in the same column");
}

}  // namespace dstack::config
