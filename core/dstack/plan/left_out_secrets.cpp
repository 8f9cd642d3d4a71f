// Files of secrets that an application reads in vain: it goes on without them, so no failure says
// it.
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/words.hpp"
#include "dstack/plan/draft.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

constexpr const char* streamlit_secrets = ".streamlit/secrets.toml";

bool runs_streamlit(const job::JobSpec& job) {
  for (const auto* words : {&job.argv, &job.commands})
    for (const std::string& word : *words)
      if (has_word(word, "streamlit"))
        return true;
  return false;
}

bool has_input(const Draft& draft, const std::string& path) {
  return std::any_of(draft.input_files.begin(), draft.input_files.end(), [&](const auto& input) {
    return is_below(path, input.at);
  });
}

}  // namespace

void note_left_out_secrets(const Draft& draft,
                           const config::Project& project,
                           const source::Snapshot& code,
                           std::vector<std::string>& notices) {
  for (const job::JobSpec& job : draft.jobs) {
    if (!runs_streamlit(job) || job.container || job.workspace == job::WorkspaceKind::project)
      continue;
    const auto path = resolve_path(job.working_dir, streamlit_secrets);
    boost::system::error_code error;
    if (!path || !fs::is_regular_file(project.root / *path, error) || code.contains(*path) ||
        has_input(draft, *path))
      continue;
    notices.push_back(
        fmt::format("'{}' is in your folder but not among the code of this run, so workflow '{}' "
                    "has no secrets "
                    "of Streamlit; 'inputs: [{{path: {}, link: true}}]' gives it that file",
                    *path,
                    draft.workflow->name,
                    *path));
    return;
  }
}

}  // namespace dstack::plan
