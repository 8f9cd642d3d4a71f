#include "dstack/python/convention.hpp"

#include "dstack/base/text.hpp"
#include "dstack/python/requirement_text.hpp"

#include <algorithm>

namespace dstack::python {

namespace {

/// `3.11` is 3.11.0.
Version padded(Version version, std::size_t size) {
  version.resize(std::max(version.size(), size), 0);
  return version;
}

int compare(const Version& left, const Version& right) {
  const std::size_t size = std::max(left.size(), right.size());
  const Version a = padded(left, size);
  const Version b = padded(right, size);
  return a < b ? -1 : a > b ? 1 : 0;
}

/// The numbers that a version begins with: `3.13.0rc1` is 3.13.0.
std::optional<Version> release_of(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') ||
                               (text[end] == '.' && end + 1 < text.size() && end > 0 &&
                                text[end + 1] >= '0' && text[end + 1] <= '9')))
    ++end;
  return parse_version(text.substr(0, end));
}

std::string_view first_word(std::string_view line) {
  line = trim(line.substr(0, line.find('#')));
  return line.substr(0, line.find_first_of(" \t"));
}

bool is_other_implementation(std::string_view word) {
  for (const std::string_view name : {"pypy",
                                      "graalpy",
                                      "graalvm",
                                      "jython",
                                      "ironpython",
                                      "micropython",
                                      "stackless",
                                      "pyston",
                                      "cinder",
                                      "nogil"})
    if (word.starts_with(name))
      return true;
  return false;
}

/// What may stand behind the numbers of a version: `rc1`, `.dev0`, `+local`. Not `;` or another
/// specifier without a comma.
bool is_version_end(std::string_view rest) {
  return std::all_of(rest.begin(), rest.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".+-_").find(c) != std::string_view::npos;
  });
}

/// The version in a name of CPython: `cpython-3.11.4-linux-x86_64-gnu`, `python3.11`; `3.11.x` and
/// `3.11.*` are 3.11.
std::string version_in(std::string_view word) {
  for (const std::string_view name : {"cpython", "python"})
    if (word.starts_with(name)) {
      word.remove_prefix(name.size());
      if (word.starts_with('-') || word.starts_with('@'))
        word.remove_prefix(1);
      word = word.substr(0, word.find('-'));
      break;
    }
  word = word.substr(0, word.find('/'));  // pyenv's `3.11.4/envs/NAME`
  while (word.ends_with(".x") || word.ends_with(".*"))
    word.remove_suffix(2);
  return parse_version(word) ? std::string(word) : std::string();
}

}  // namespace

std::optional<VersionRange> VersionRange::parse(std::string_view text) {
  VersionRange range;
  for (const std::string_view part : split(text, ',')) {
    const std::string_view clause = trim(part);
    if (clause.empty())
      continue;  // PEP 440 allows a comma at the end
    Clause made;
    for (const std::string_view sign : {"===", "==", "~=", "!=", ">=", "<=", ">", "<"})
      if (made.sign.empty() && clause.starts_with(sign))
        made.sign = sign;
    std::string_view number = trim(clause.substr(made.sign.size()));
    if (number.starts_with('v'))
      number.remove_prefix(1);
    made.any_end = number.ends_with(".*");
    if (made.any_end)
      number.remove_suffix(2);
    const auto release = release_of(number);
    if (!is_version_end(number))
      return std::nullopt;
    if (made.sign.empty() || !release || (made.sign == "~=" && release->size() < 2) ||
        (made.any_end && made.sign != "==" && made.sign != "!="))
      return std::nullopt;
    made.version = *release;
    range.clauses_.push_back(std::move(made));
  }
  return range;
}

bool VersionRange::holds(const Clause& clause, const Version& version) {
  const int order = compare(version, clause.version);
  const bool begins = matches(version, clause.version);
  if (clause.sign == "==" || clause.sign == "===")
    return clause.any_end ? begins : order == 0;
  if (clause.sign == "!=")
    return clause.any_end ? !begins : order != 0;
  if (clause.sign == ">=")
    return order >= 0;
  if (clause.sign == "<=")
    return order <= 0;
  if (clause.sign == ">")
    return order > 0;
  if (clause.sign == "<")
    return order < 0;
  Version series = clause.version;
  series.pop_back();
  return order >= 0 && matches(version, series);
}

bool VersionRange::allows(const Version& version) const {
  return std::all_of(clauses_.begin(), clauses_.end(), [&](const Clause& clause) {
    return holds(clause, version);
  });
}

std::optional<Version> VersionRange::least() const {
  std::optional<Version> found;
  for (const Clause& clause : clauses_)
    if (clause.sign != "<" && clause.sign != "<=" && clause.sign != "!=") {
      Version version = clause.version;
      version.resize(std::min<std::size_t>(version.size(), 2));
      if (!found || *found < version)
        found = std::move(version);
    }
  return found;
}

std::optional<VersionFileEntry> read_version_file(std::string_view bytes) {
  const auto decoded = decode_requirements(bytes, {});
  const std::string_view text = decoded ? std::string_view(*decoded) : bytes;
  VersionFileEntry entry;
  entry.line = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++entry.line;
    std::string_view word = first_word(line);
    if (word.empty())
      continue;
    entry.column =
        static_cast<std::uint32_t>(count_characters(line.substr(0, line.find(word))) + 1);
    if (const std::string_view whole = trim(line.substr(0, line.find('#')));
        VersionRange::parse(whole)) {
      entry.kind = VersionFileEntry::Kind::range;
      entry.version = entry.written = whole;
      return entry;
    }
    entry.written = word;
    entry.version = version_in(to_lower(word));
    entry.kind = !entry.version.empty()                    ? VersionFileEntry::Kind::version
                 : is_other_implementation(to_lower(word)) ? VersionFileEntry::Kind::implementation
                                                           : VersionFileEntry::Kind::unknown;
    return entry;
  }
  return std::nullopt;
}

}  // namespace dstack::python
