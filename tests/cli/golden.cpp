#include "golden.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace dstack::test {

namespace {

constexpr std::string_view heading = "=== ";
constexpr std::string_view escaped_mark = " (escaped)";
constexpr std::array<std::string_view, 5> own_names = {
    "command", "modes", "exit", "stdout", "stderr"};

bool is_own(std::string_view name) {
  return std::find(own_names.begin(), own_names.end(), name) != own_names.end();
}

/// The first line of `text`, with its end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end);
  return line;
}

/// `{TEXT*COUNT}` at the beginning of `text`, which is taken away.
std::string take_repetition(std::string_view& text) {
  const std::size_t end = text.find('}', text.find('*', 2));
  const std::size_t star = text.rfind('*', end);
  if (end == std::string_view::npos || star == std::string_view::npos)
    throw std::invalid_argument("a golden file has a '\\{' that is not '\\{TEXT*COUNT}'");
  const std::string piece = unescape(text.substr(1, star - 1));
  const int count = std::stoi(std::string(text.substr(star + 1, end - star - 1)));
  std::string repeated;
  repeated.reserve(piece.size() * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    repeated += piece;
  text.remove_prefix(end + 1);
  return repeated;
}

}  // namespace

std::string unescape(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\' || text.empty()) {
      bytes += c;
      continue;
    }
    const char escape = text.front();
    if (escape == '{') {
      bytes += take_repetition(text);
      continue;
    }
    text.remove_prefix(1);
    if (escape == 'x') {
      bytes += static_cast<char>(std::stoi(std::string(text.substr(0, 2)), nullptr, 16));
      text.remove_prefix(2);
    } else if (escape == 'n' || escape == 'r' || escape == 't') {
      bytes += escape == 'n' ? '\n' : escape == 'r' ? '\r' : '\t';
    } else if (escape == '\\') {
      bytes += '\\';
    } else if (escape != '\n') {
      throw std::invalid_argument(std::string("a golden file has the unknown escape '\\") + escape +
                                  "'");
    }
  }
  return bytes;
}

std::string GoldenSection::bytes() const {
  return escaped ? unescape(text) : text;
}

Golden Golden::parse(std::string_view text) {
  Golden golden;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!line.starts_with(heading)) {
      (golden.sections_.empty() ? golden.introduction_ : golden.sections_.back().text) += line;
      continue;
    }
    GoldenSection section;
    std::string_view name = line.substr(heading.size());
    while (!name.empty() && (name.back() == '\n' || name.back() == ' '))
      name.remove_suffix(1);
    section.escaped = name.ends_with(escaped_mark);
    if (section.escaped)
      name.remove_suffix(escaped_mark.size());
    section.name = name;
    golden.sections_.push_back(std::move(section));
  }
  return golden;
}

std::string Golden::render() const {
  std::string text = introduction_;
  for (const GoldenSection& section : sections_) {
    text += std::string(heading) + section.name +
            (section.escaped ? std::string(escaped_mark) : "") + "\n";
    text += section.text;
    if (!section.text.empty() && section.text.back() != '\n')
      text += '\n';
  }
  return text;
}

std::vector<const GoldenSection*> Golden::files() const {
  std::vector<const GoldenSection*> files;
  for (const GoldenSection& section : sections_)
    if (!is_own(section.name))
      files.push_back(&section);
  return files;
}

std::optional<std::string> Golden::find(std::string_view name) const {
  for (const GoldenSection& section : sections_)
    if (section.name == name)
      return section.text;
  return std::nullopt;
}

void Golden::set(std::string_view name, std::string text) {
  for (GoldenSection& section : sections_)
    if (section.name == name) {
      section.text = std::move(text);
      return;
    }
  sections_.push_back({std::string(name), false, std::move(text)});
}

}  // namespace dstack::test
