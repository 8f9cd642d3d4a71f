// The property `env_file`: which variables it sets, and the digest of the file. No value gets into
// a plan.
#include "dstack/base/sha256.hpp"
#include "dstack/base/shell_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/env_file.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/plan/draft.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

/// A password may contain a '$'; what follows it is then not the name of a variable that is there.
bool is_meant_to_be_expanded(const config::EnvEntry& entry,
                             const std::vector<config::EnvEntry>& all) {
  if (entry.unexpanded.empty())
    return false;
  const std::string_view name = name_of_shell_variable(entry.unexpanded);
  return job::is_inherited_environment_name(name) || job::is_reserved_environment_name(name) ||
         std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.name == name; });
}

class EnvFiles {
 public:
  EnvFiles(Draft& draft,
           const PlanningContext& context,
           OnThisMachine presence,
           std::vector<Error>& errors,
           std::vector<std::string>& notices)
      : draft_(draft), context_(context), presence_(presence), errors_(errors), notices_(notices) {}

  void read() {
    const Json* files = json_member(draft_.checked.values, "env_file");
    if (files == nullptr || !files->is_array())
      return;
    for (std::size_t i = 0; i < files->size(); ++i)
      read_one({json_string((*files)[i], "path"), {}, json_boolean((*files)[i], "mask", true)},
               fmt::format("env_file.{}", i));
  }

 private:
  void read_one(job::EnvFile file, const std::string& place) {
    const Path path(file.path);
    const auto text =
        context_.read_env_file(path.is_absolute() ? path : Path(draft_.project) / path);
    if (!text) {
      if (text.error().code != ErrorCode::not_found || presence_ == OnThisMachine::needed)
        report_unread(file, place, text.error());
      return;
    }
    auto entries = config::parse_env_file(*text, printable(file.path));
    if (!entries) {
      for (Error& error : flatten(std::move(entries).error()))
        errors_.push_back(std::move(error));
      return;
    }
    file.sha256 = sha256(*text);
    for (const config::EnvEntry& entry : *entries) {
      const std::string line = fmt::format("{}:{}", file.path, entry.line);
      if (is_meant_to_be_expanded(entry, *entries))
        notices_.push_back(fmt::format(
            "the value of '{}' at {} refers to another variable, and is not expanded: jobs get the "
            "text as it is",
            entry.name,
            printable(line)));
      draft_.env_file_variables.push_back({entry.name, line});
    }
    draft_.env_files.push_back(std::move(file));
  }

  void report_unread(const job::EnvFile& file, const std::string& place, Error error) {
    error.where = place_of(draft_, place);
    if (error.code == ErrorCode::not_found) {
      error.code = ErrorCode::configuration;
      error.message = fmt::format("there is no file '{}', which 'env_file' of workflow '{}' names",
                                  printable(file.path),
                                  draft_.workflow->name);
      error.hint = hint_for_missing(file);
    }
    errors_.push_back(std::move(error));
  }

  std::string hint_for_missing(const job::EnvFile& file) const {
    boost::system::error_code error;
    const std::string below =
        resolve_path(json_string(draft_.checked.values, "working_dir"), file.path).value_or("");
    if (!below.empty() && below != file.path && fs::exists(Path(draft_.project) / below, error))
      return fmt::format("its path begins at the project's root: write '{}'", below);
    for (const char* ending : {".example", ".sample", ".template", ".dist"})
      if (const std::string example = file.path + ending;
          fs::exists(Path(draft_.project) / example, error))
        return fmt::format("copy '{}' and fill it in", example);
    return "it has a line NAME=VALUE for each variable; the path begins at the project's root";
  }

  Draft& draft_;
  const PlanningContext& context_;
  OnThisMachine presence_;
  std::vector<Error>& errors_;
  std::vector<std::string>& notices_;
};

}  // namespace

void read_env_files(Drafts& drafts,
                    const PlanningContext& context,
                    OnThisMachine presence,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices) {
  if (!context.read_env_file)
    return;
  for (Draft& draft : drafts.all)
    if (draft.ready)
      EnvFiles(draft, context, presence, errors, notices).read();
}

}  // namespace dstack::plan
