// Files that workflows name: each must be part of the code, or come with an input.
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/provider/manifest/typed_value.hpp"
#include "dstack/source/outside_link.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool comes_with(std::string_view path, std::string_view artifact) {
  return artifact.empty() || PathPattern(artifact).covers(path);
}

}  // namespace

std::string similar_files(const std::string& path, const source::Snapshot& code) {
  static constexpr std::size_t enough_to_compare = 20'000;
  std::vector<std::string> elsewhere;
  for (const std::string& file : code.files)
    if (base_name(file) == base_name(path) && elsewhere.size() < 3)
      elsewhere.push_back(file);
  if (!elsewhere.empty())
    return fmt::format("there is {}", quoted_list(elsewhere));
  if (code.files.size() > enough_to_compare)
    return {};
  return did_you_mean(path, code.files);
}

namespace {

class Checker {
 public:
  Checker(const Drafts& drafts,
          const Draft& draft,
          const Path& project,
          const source::Snapshot& code,
          std::vector<Error>& errors)
      : drafts_(drafts), draft_(draft), project_(project), code_(code), errors_(errors) {}

  void check() {
    for (const provider::Property& property : draft_.manifest().properties) {
      using provider::PropertyType;
      if (property.common ||
          (property.type != PropertyType::path && property.type != PropertyType::target &&
           property.type != PropertyType::paths))
        continue;
      const Json* value = json_member(draft_.checked.values, property.name);
      if (value != nullptr)
        check_value(property, *value, property.name);
    }
  }

  /// What a job writes behind a link that leads out of its workspace is not in it at the end.
  void check_artifacts() {
    for (const job::JobSpec& job : draft_.jobs)
      for (std::size_t i = 0; i < job.artifacts.size(); ++i)
        check_artifact(job, i);
  }

  /// A job starts in its working directory, which is made if neither code nor inputs contain it.
  void check_working_dir(std::vector<std::string>& notices) {
    const std::string folder = json_string(draft_.checked.values, "working_dir");
    if (folder.empty() || code_.contains_below(folder) || may_come_with_input(folder))
      return;
    notices.push_back(
        fmt::format("working directory '{}' of workflow '{}' is not part of the code: the job "
                    "starts in an empty folder",
                    folder,
                    draft_.workflow->name));
  }

 private:
  void check_artifact(const job::JobSpec& job, std::size_t number) {
    const std::string path = job::path_from_root(job, job.artifacts[number]);
    const std::string fixed = is_pattern(path) ? PathPattern(path).fixed_part() : path;
    for (std::size_t slash = 0; slash != std::string::npos && !fixed.empty();) {
      slash = fixed.find('/', slash + 1);
      const std::string part = fixed.substr(0, slash);
      // Another one than in the code, which the job does not get.
      if (job.workspace != job::WorkspaceKind::project && !code_.contains(part))
        continue;
      const std::string target = target_outside(part);
      if (target.empty())
        continue;
      errors_.push_back(
          make_error(ErrorCode::configuration,
                     "the artifact '{}' of workflow '{}' is behind a link that leads out of the "
                     "project: '{}' is a link to '{}'",
                     printable(path),
                     draft_.workflow->name,
                     printable(part),
                     printable(target))
              .at(place_of(draft_, fmt::format("artifacts.{}", number)))
              .with_hint("only what a job writes below its working directory can be saved: have it "
                         "write to a folder there, and leave the link out of the code"));
      return;
    }
  }

  /// Where a link of the project leads, if that is not in the project; else empty.
  std::string target_outside(const std::string& path) const {
    boost::system::error_code error;
    if (!fs::is_symlink(fs::symlink_status(project_ / path, error)))
      return {};
    const Path root = fs::canonical(project_, error);
    const Path real = fs::weakly_canonical(project_ / path, error);
    if (!error && is_below(real.string(), root.string()))
      return {};
    return fs::read_symlink(project_ / path, error).string();
  }

  void check_value(const provider::Property& property,
                   const Json& value,
                   const std::string& place) {
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i)
        check_value(property, value[i], place + "." + std::to_string(i));
    else if (value.is_string())
      check_file(property, value.get_ref<const std::string&>(), place_of(draft_, place));
  }

  void check_file(const provider::Property& property,
                  const std::string& path,
                  SourceLocation where) {
    if (property.type == provider::PropertyType::target && provider::is_web_address(path))
      return;
    if (code_.contains(path) || may_come_with_input(path))
      return;
    if (code_.contains_below(path)) {
      report(fmt::format("'{}' is a folder; '{}' needs a file", printable(path), property.name),
             std::move(where),
             {});
      return;
    }
    if (is_behind_link(path))
      return;
    boost::system::error_code problem;
    if (fs::exists(project_ / path, problem)) {
      report(source::explain_left_out(project_, path), std::move(where), {});
      return;
    }
    std::string message = fmt::format("there is no file '{}'", printable(path));
    if (!draft_.inputs.empty())
      message +=
          fmt::format(" in the project or in the inputs of workflow '{}'", draft_.workflow->name);
    report(message, std::move(where), similar_files(path, code_));
  }

  /// A link inside the project leads to the same file in the job.
  bool is_behind_link(const std::string& path) const {
    boost::system::error_code problem;
    const Path target = fs::canonical(project_ / path, problem);
    return !problem && code_.contains(target.lexically_relative(real_path(project_)).string()) &&
           !source::find_outside_link(project_, path);
  }

  void report(const std::string& message, SourceLocation where, const std::string& hint) {
    errors_.push_back(make_error(ErrorCode::configuration, "{}", message)
                          .at(std::move(where))
                          .with_hint("{}", hint));
  }

  /// Also true where an input could not be resolved: what it contains is not known, and that it is
  /// missing is already reported.
  bool may_come_with_input(std::string_view path) const {
    if (!draft_.inputs_known || is_input_file(path))
      return true;
    return std::any_of(draft_.inputs.begin(), draft_.inputs.end(), [&](const Input& input) {
      return input.producer ? provides(drafts_.all[*input.producer], path)
                            : provides(input.artifacts, path);
    });
  }

  bool is_input_file(std::string_view path) const {
    return std::any_of(draft_.input_files.begin(),
                       draft_.input_files.end(),
                       [&](const job::InputFile& input) { return is_at_or_below(path, input.at); });
  }

  static bool provides(const std::vector<job::Artifact>& artifacts, std::string_view path) {
    return std::any_of(artifacts.begin(), artifacts.end(), [&](const job::Artifact& artifact) {
      return comes_with(path, artifact.path);
    });
  }

  static bool provides(const Draft& producer, std::string_view path) {
    if (!producer.planned)
      return true;
    for (const job::JobSpec& job : producer.jobs)
      for (const std::string& artifact : job.artifacts)
        if (const auto folder = resolve_path(job.working_dir, artifact);
            folder && comes_with(path, *folder))
          return true;
    return false;
  }

  const Drafts& drafts_;
  const Draft& draft_;
  const Path& project_;
  const source::Snapshot& code_;
  std::vector<Error>& errors_;
};

}  // namespace

void check_paths(const Drafts& drafts,
                 const Path& project,
                 const source::Snapshot& code,
                 std::vector<Error>& errors,
                 std::vector<std::string>& notices) {
  for (const Draft& draft : drafts.all) {
    if (!draft.ready)
      continue;
    Checker checker(drafts, draft, project, code, errors);
    checker.check();
    checker.check_artifacts();
    checker.check_working_dir(notices);
  }
}

}  // namespace dstack::plan
