// The syntax of one line of a requirements file: options, comments, paths. Works on text alone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

/// One requirement, which may span several lines of the file by `\` at their ends.
struct LogicalLine {
  std::string text;    ///< with its line endings
  std::size_t number;  ///< of its first line
};

std::vector<LogicalLine> logical_lines(std::string_view text);

/// A range of characters in a logical line.
struct Span {
  std::size_t begin = 0;
  std::size_t size = 0;
};

/// Without the comment, which begins the line or follows a space.
std::string_view without_comment(std::string_view line);
/// The value of the option that `line` begins with, when it is one of these two spellings.
std::optional<Span> option_value(std::string_view line,
                                 std::string_view short_name,
                                 std::string_view long_name);
/// The part of a specifier after `name @`, when a local path follows; else the whole.
Span after_name(std::string_view line, Span specifier);
/// The path in a specifier: up to extras, hash options and environment markers.
Span path_part(std::string_view line, Span specifier);

bool is_url(std::string_view text);
bool looks_like_path(std::string_view text);
/// `file:///a#egg=b` is `/a`.
std::string_view without_file_scheme(std::string_view path);

}  // namespace dstack::python
