#include "dstack/provider/manifest/values_elsewhere.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace dstack::provider {

namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), word) != known.end();
}

}  // namespace

std::string hint_of_boolean(std::string_view lower_case) {
  if (is_one_of(lower_case, {"yes", "on", "1"}))
    return "write true";
  return is_one_of(lower_case, {"no", "off", "0"}) ? "write false" : "";
}

bool is_word_for_all(const std::string& text) {
  return is_one_of(to_lower(text), {"all", "max", "-1"});
}

std::string hint_of_gpus(const std::string& text) {
  const std::string word = to_lower(text);
  if (is_one_of(word, {"yes", "true", "on", "any", "auto"}))
    return "write how many: 1 for one GPU";
  if (is_one_of(word, {"no", "false", "off", "none"}))
    return "write 0, or nothing";
  if (is_word_for_all(word))
    return "write how many; 'dstack doctor' shows what this machine has";
  if (word.find("device=") != std::string::npos)
    return "write how many: which of them a job gets is chosen when it starts";
  const bool has_letter = text.find_first_not_of("0123456789._-") != std::string::npos;
  return is_name(text) && has_letter ? fmt::format("for a kind of GPU write {{name: {}}}", text) : "";
}

std::vector<std::string> resource_meant_by(std::string_view key,
                                           const std::vector<std::string>& names) {
  static constexpr std::pair<std::string_view, std::string_view> elsewhere[] = {
      {"mem", "memory"},
      {"ram", "memory"},
      {"vram", "memory"},
      {"mem_limit", "memory"},
      {"cores", "cpu"},
      {"accelerators", "gpu"},
      {"shm", "shm_size"},
      {"type", "name"},
      {"kind", "name"},
      {"model", "name"},
      {"num", "count"},
      {"number", "count"}};
  for (const auto& [word, name] : elsewhere)
    if (word == key && std::find(names.begin(), names.end(), name) != names.end())
      return {std::string(name)};
  return closest(key, names);
}

}  // namespace dstack::provider
