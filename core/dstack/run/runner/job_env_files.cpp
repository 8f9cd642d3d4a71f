#include "dstack/run/runner/job_env_files.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/config/project/env_file.hpp"
#include "dstack/files/home.hpp"
#include "dstack/run/protocol/env_texts.hpp"

#include <algorithm>

namespace dstack::run {

namespace {

void set_value(JobOrder& order, const config::EnvEntry& entry) {
  const auto& wanted = order.env_variables;
  if (std::find(wanted.begin(), wanted.end(), entry.name) == wanted.end())
    return;  // something else overrides it
  for (auto& [name, value] : order.environment)
    if (name == entry.name)
      value = entry.value;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> take_env_files(JobOrder& order) {
  DSTACK_TRY(const EnvTexts texts, read_env_texts(files::Home{order.home}, order.env_texts));
  std::vector<std::pair<std::string, std::string>> masked;
  for (const job::EnvFile& file : order.env_files) {
    const auto text = texts.find(file.sha256.render());
    if (text == texts.end() || sha256(text->second) != file.sha256)
      return fail(ErrorCode::unavailable,
                  "the run has no copy of '{}', its file of variables",
                  file.path)
          .with_hint("start a new run");
    DSTACK_TRY(const auto entries, config::parse_env_file(text->second, file.path));
    for (const config::EnvEntry& entry : entries) {
      set_value(order, entry);
      if (file.mask)
        masked.emplace_back(entry.name, entry.value);
    }
  }
  return masked;
}

}  // namespace dstack::run
