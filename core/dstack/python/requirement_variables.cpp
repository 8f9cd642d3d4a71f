#include "dstack/python/requirement_variables.hpp"

#include "dstack/python/requirement_line.hpp"

#include <algorithm>
#include <optional>

namespace dstack::python {

namespace {

struct Use {
  std::size_t begin;
  std::size_t end;
  std::string name;
};

std::optional<Use> next_use(std::string_view text, std::size_t from) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  for (std::size_t begin = text.find("${", from); begin != std::string_view::npos;
       begin = text.find("${", begin + 2)) {
    const std::size_t end = text.find_first_not_of(letters, begin + 2);
    if (end != std::string_view::npos && text[end] == '}' && end > begin + 2)
      return Use{begin, end + 1, std::string(text.substr(begin + 2, end - begin - 2))};
  }
  return std::nullopt;
}

}  // namespace

std::vector<FileVariable> variables_of(const Requirements& requirements) {
  std::vector<FileVariable> found;
  for (const RequirementFile& file : requirements.files)
    for (const LogicalLine& line : logical_lines(file.text)) {
      const std::string_view text = without_comment(line.text);
      for (auto use = next_use(text, 0); use; use = next_use(text, use->end))
        if (std::none_of(found.begin(), found.end(), [&](const FileVariable& known) {
              return known.name == use->name;
            }))
          found.push_back({std::move(use->name), file.name, line.number});
    }
  return found;
}

std::string expand_variables(std::string_view text, const Lookup& environment) {
  std::string result;
  std::size_t done = 0;
  for (auto use = next_use(text, 0); use; use = next_use(text, use->end)) {
    result += text.substr(done, use->begin - done);
    if (const auto value = environment(use->name); value && !value->empty())
      result += *value;
    else
      result += text.substr(use->begin, use->end - use->begin);
    done = use->end;
  }
  result += text.substr(done);
  return result;
}

}  // namespace dstack::python
