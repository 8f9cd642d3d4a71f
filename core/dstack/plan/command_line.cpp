#include "dstack/plan/command_line.hpp"

#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/properties.hpp"

#include <algorithm>

namespace dstack::plan {

CommandLine::CommandLine(const Request& request) {
  std::string line = "dstack run";
  const auto add = [&line](const std::string& argument) {
    const std::string shown = shell_quote(argument);
    line += ' ';
    const Piece piece{line.size(), shown.size(), shown != argument};
    line += shown;
    return piece;
  };
  const auto add_arguments = [&](std::size_t end) {
    while (target_arguments_.size() < end)
      target_arguments_.push_back(add(request.target_arguments[target_arguments_.size()]));
  };
  add_arguments(request.leading);
  const Piece target = add(request.target);
  add_arguments(request.target_arguments.size());
  for (const SweepArgument& argument : request.sweeps) {
    line += argument.zip ? " --zip" : " --sweep";
    sweeps_.push_back(add(argument.text));
  }
  if (!request.arguments.empty())
    line += " --";
  for (const std::string& argument : request.arguments)
    arguments_.push_back(add(argument));
  source_ = make_source_text(provider::command_line_name, std::move(line));
  target_ = locate(target, 0);
}

SourceLocation CommandLine::target_argument(std::size_t index, std::size_t offset) const {
  return locate(target_arguments_.at(index), offset);
}

SourceLocation CommandLine::sweep(std::size_t index) const {
  return locate(sweeps_.at(index), 0);
}

SourceLocation CommandLine::argument(std::size_t index) const {
  return locate(arguments_.at(index), 0);
}

SourceLocation CommandLine::locate(const Piece& piece, std::size_t offset) const {
  if (piece.quoted || offset >= piece.size)
    offset = 0;
  const std::string_view text = source_->text;
  const std::size_t begin = piece.begin + offset;
  const auto& starts = source_->line_starts;
  const auto line = std::upper_bound(starts.begin(), starts.end(), begin) - starts.begin();
  const std::size_t line_begin = starts[static_cast<std::size_t>(line) - 1];
  const std::string_view argument = text.substr(begin, piece.size - offset);
  SourceLocation place;
  place.source = source_;
  place.line = static_cast<std::uint32_t>(line);
  place.column =
      static_cast<std::uint32_t>(count_characters(text.substr(line_begin, begin - line_begin)) + 1);
  place.length = static_cast<std::uint32_t>(
      std::max<std::size_t>(1, count_characters(argument.substr(0, argument.find('\n')))));
  return place;
}

}  // namespace dstack::plan
