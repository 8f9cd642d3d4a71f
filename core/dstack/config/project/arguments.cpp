#include "dstack/config/project/arguments.hpp"

#include "dstack/base/format.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::config {

namespace {

/// Stands for a reference while the text around it is split.
constexpr char mark = '\0';
constexpr std::string_view form_scope = "variables:";

struct Marked {
  ArgumentWord::Part part;
  bool has_blanks_around = false;
};

bool is_blank(std::string_view text, std::size_t at) {
  return at >= text.size() || text[at] == ' ' || text[at] == '\t' || text[at] == '\n';
}

/// The text with a mark in the place of each reference, which are added to `references`.
std::string mark_references(std::string_view text, std::vector<Marked>& references) {
  std::string marked;
  std::size_t done = 0;
  std::size_t index = 0;
  for (auto next = next_reference(text, 0); next; next = next_reference(text, done), ++index) {
    marked += text.substr(done, next->begin - done);
    done = next->end;
    if (next->kind == Reference::Kind::literal) {
      marked += reference_opening;
      continue;
    }
    marked += mark;
    const bool before = next->begin == 0 || is_blank(text, next->begin - 1);
    references.push_back({{{}, next, index}, before && is_blank(text, next->end)});
  }
  return marked.append(text.substr(done));
}

ArgumentWord read_word(const std::string& word, std::vector<Marked>::iterator& reference) {
  ArgumentWord read;
  read.is_bare_reference = word == std::string_view(&mark, 1) && reference->has_blanks_around;
  std::size_t done = 0;
  for (std::size_t at = word.find(mark); at != std::string::npos; at = word.find(mark, done)) {
    read.parts.push_back(std::move((reference++)->part));
    read.parts.back().text = word.substr(done, at - done);
    done = at + 1;
  }
  if (done < word.size() || read.parts.empty())
    read.parts.push_back({word.substr(done), std::nullopt, 0});
  return read;
}

}  // namespace

std::optional<std::vector<ArgumentWord>> split_arguments(std::string_view text) {
  if (text.find(mark) != std::string_view::npos)
    return std::nullopt;
  std::vector<Marked> references;
  const auto split = shell_split(mark_references(text, references));
  if (!split)
    return std::nullopt;
  std::vector<ArgumentWord> words;
  words.reserve(split->size());
  auto reference = references.begin();
  for (const std::string& word : *split)
    words.push_back(read_word(word, reference));
  return words;
}

const std::vector<std::string> names_of_variables_forms = {
    "variables", "variables:hydra", "variables:equals"};

std::optional<VariablesForm> variables_form(std::string_view name) {
  const auto& names = names_of_variables_forms;
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? std::nullopt
                              : std::optional(static_cast<VariablesForm>(found - names.begin()));
}

bool looks_like_variables_form(std::string_view name) {
  return name.starts_with(form_scope);
}

std::vector<std::string> render_variables(const std::vector<NamedValue>& variables,
                                          VariablesForm form) {
  std::vector<std::string> arguments;
  for (const auto& [name, value] : variables) {
    if (value.empty())
      continue;
    const std::string word = to_lower(value);
    if (form == VariablesForm::hydra) {
      arguments.push_back(fmt::format("{}={}", name, value));
    } else if (word == "true") {
      arguments.push_back(fmt::format("--{}", name));
    } else if (word == "false") {
      continue;
    } else if (form == VariablesForm::equals) {
      arguments.push_back(fmt::format("--{}={}", name, value));
    } else {
      arguments.push_back(fmt::format("--{}", name));
      arguments.push_back(value);
    }
  }
  return arguments;
}

}  // namespace dstack::config
