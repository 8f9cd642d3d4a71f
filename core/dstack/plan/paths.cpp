// Files that workflows name: each must be part of the code, or come with an input.
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/requirements_source.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/provider/manifest/typed_value.hpp"
#include "dstack/source/outside_link.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

bool comes_with(std::string_view path, std::string_view artifact) {
  return artifact.empty() || PathPattern(artifact).covers(path);
}

}  // namespace

std::string similar_files(const std::string& path, const source::Snapshot& code) {
  static constexpr std::size_t enough_to_compare = 20'000;
  std::vector<std::string> elsewhere;
  for (const std::string& file : code.files)
    if (file_name(file) == file_name(path) && elsewhere.size() < 3)
      elsewhere.push_back(file);
  if (!elsewhere.empty())
    return fmt::format("there is {}", quoted_list(elsewhere));
  if (code.files.size() > enough_to_compare)
    return {};
  return did_you_mean(path, code.files);
}

namespace {

bool is_path(const provider::Property& property) {
  using provider::PropertyType;
  return !property.common &&
         (property.type == PropertyType::path || property.type == PropertyType::target ||
          property.type == PropertyType::paths || property.type == PropertyType::requirements);
}

/// The path in a value, whose text may go on behind it.
std::string file_of(const provider::Property& property, const std::string& text) {
  return property.type == provider::PropertyType::requirements
             ? job::parse_requirements_source(text).file
             : text;
}

bool is_provided(const std::vector<job::Artifact>& artifacts, std::string_view path) {
  return std::any_of(artifacts.begin(), artifacts.end(), [&](const job::Artifact& artifact) {
    return comes_with(path, artifact.path);
  });
}

/// A path without the folder that it is below; nothing when it is not below it.
std::optional<std::string> without(std::string_view folder, std::string_view path) {
  if (folder.empty())
    return std::string(path);
  if (path.size() <= folder.size() || !is_below(path, folder))
    return std::nullopt;
  return std::string(path.substr(folder.size() + 1));
}

/// Where else a path may be meant, which is seen from `base` first: from the working directory, and
/// from the root of the code.
std::vector<std::string> other_places(const Draft& draft,
                                      std::string_view base,
                                      const std::string& path) {
  const auto written = provider::is_web_address(path) ? std::nullopt : without(base, path);
  std::vector<std::string> places;
  if (!written)
    return places;
  const std::string folder = json_string(draft.checked.values, "working_dir");
  for (const std::string& place :
       {resolve_path(folder, *written).value_or(std::string()), *written})
    if (!place.empty() && place != path &&
        std::find(places.begin(), places.end(), place) == places.end())
      places.push_back(place);
  return places;
}

/// Chooses between the two places of each path, from what is known before any provider is asked.
class PlaceChooser {
 public:
  PlaceChooser(const Drafts& drafts,
               Draft& draft,
               const config::Project& project,
               const source::Snapshot& code,
               std::vector<std::string>& notices)
      : drafts_(drafts), draft_(draft), project_(project), code_(code), notices_(notices) {}

  void choose() {
    for (const provider::Property& property : draft_.manifest().properties)
      if (is_path(property) && draft_.checked.values.contains(property.name))
        choose(property, draft_.checked.values[property.name]);
    choose_artifacts();
  }

 private:
  void choose(const provider::Property& property, Json& value) {
    if (value.is_array())
      for (Json& element : value)
        choose(property, element);
    if (!value.is_string())
      return;
    const std::string text = value.get<std::string>();
    const std::string path = file_of(property, text);
    const auto others = other_places(draft_, project_.base, path);
    const auto other = std::find_if(
        others.begin(), others.end(), [this](const std::string& place) { return is_there(place); });
    if (other == others.end())
      return;
    if (!is_there(path))
      value = *other + text.substr(path.size());
    else if (project_.base.empty())
      notices_.push_back(
          fmt::format("workflow '{}' uses '{}', seen from the project's root, and not "
                      "'{}'",
                      draft_.workflow->name,
                      path,
                      *other));
  }

  /// `sub/out` with the working directory `sub` is seen from the root, unless there is a `sub/sub`.
  void choose_artifacts() {
    const std::string folder = json_string(draft_.checked.values, "working_dir");
    const auto artifacts = draft_.checked.values.find("artifacts");
    if (folder.empty() || artifacts == draft_.checked.values.end() || !artifacts->is_array() ||
        code_.contains_below(folder + "/" + folder))
      return;
    const std::string written = without(project_.base, folder).value_or(std::string());
    for (Json& artifact : *artifacts)
      for (const std::string& prefix : {folder, written})
        if (artifact.is_string() && !prefix.empty())
          if (auto rest = without(prefix, artifact.get_ref<const std::string&>()))
            artifact = *std::move(rest);
  }

  bool is_there(std::string_view path) const {
    return code_.contains(path) ||
           std::any_of(draft_.inputs.begin(), draft_.inputs.end(), [&](const Input& input) {
             return input.producer ? declares(drafts_.all[*input.producer], path)
                                   : is_provided(input.artifacts, path);
           });
  }

  static bool declares(const Draft& producer, std::string_view path) {
    const std::string folder = json_string(producer.checked.values, "working_dir");
    for (const std::string& artifact : json_strings(producer.checked.values, "artifacts"))
      if (const auto place = resolve_path(folder, artifact); place && comes_with(path, *place))
        return true;
    return false;
  }

  const Drafts& drafts_;
  Draft& draft_;
  const config::Project& project_;
  const source::Snapshot& code_;
  std::vector<std::string>& notices_;
};

class Checker {
 public:
  Checker(const Drafts& drafts,
          const Draft& draft,
          const config::Project& project,
          const source::Snapshot& code,
          std::vector<Error>& errors)
      : drafts_(drafts), draft_(draft), project_(project), code_(code), errors_(errors) {}

  void check() {
    for (const provider::Property& property : draft_.manifest().properties) {
      if (!is_path(property))
        continue;
      const Json* value = json_member(draft_.checked.values, property.name);
      if (value != nullptr)
        check_value(property, *value, property.name);
    }
  }

  /// An image is made from the code alone.
  void check_builds() {
    const provider::Property* property = nullptr;
    for (const provider::Property& one : draft_.manifest().properties)
      if (one.type == provider::PropertyType::build)
        property = &one;
    for (const job::JobSpec& job : draft_.jobs)
      if (property != nullptr && job.container && job.container->build)
        check_build(*property, *job.container->build);
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
    if (!git_part(folder).empty())
      return report(
          fmt::format("the working directory '{}' is in a repository of Git", printable(folder)),
          place_of(draft_, "working_dir"),
          "name another folder: its hooks and settings are the user's own");
    boost::system::error_code error;
    if (code_.contains(folder) &&
        !fs::is_symlink(fs::symlink_status(project_.root / folder, error))) {
      report(fmt::format("the working directory '{}' is a file", printable(folder)),
             place_of(draft_, "working_dir"),
             "name the folder that it is in");
      return;
    }
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
    if (const std::string_view git = git_part(path); !git.empty())
      return report(fmt::format("the artifact '{}' of workflow '{}' is in a repository of Git, "
                                "which is never saved: '{}'",
                                printable(path),
                                draft_.workflow->name,
                                printable(git)),
                    place_of(draft_, fmt::format("artifacts.{}", number)),
                    "have the job copy what is needed elsewhere, or pack it with tar");
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
    if (!fs::is_symlink(fs::symlink_status(project_.root / path, error)))
      return {};
    const Path root = fs::canonical(project_.root, error);
    const Path real = fs::weakly_canonical(project_.root / path, error);
    if (!error && is_below(real.string(), root.string()))
      return {};
    return fs::read_symlink(project_.root / path, error).string();
  }

  void check_build(const provider::Property& property, const job::ImageBuild& build) {
    if (!build.context.empty() && code_.contains(build.context))
      return report(fmt::format("'{}' is a file; '{}' is the folder that an image is made from",
                                printable(build.context),
                                property.name),
                    place_of(draft_, property.name + ".context"),
                    fmt::format("write '{}: {{dockerfile: {}}}'", property.name, build.context));
    check_file(property, build.dockerfile, place_of(draft_, property.name + ".dockerfile"));
  }

  void check_value(const provider::Property& property,
                   const Json& value,
                   const std::string& place) {
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i)
        check_value(property, value[i], place + "." + std::to_string(i));
    else if (value.is_string())
      check_file(property,
                 file_of(property, value.get_ref<const std::string&>()),
                 place_of(draft_, place));
  }

  void check_file(const provider::Property& property,
                  const std::string& path,
                  SourceLocation where) {
    if (property.type == provider::PropertyType::target && provider::is_web_address(path))
      return;
    if (code_.contains(path) || may_come_with_input(path))
      return;
    std::vector<std::string> places = other_places(draft_, project_.base, path);
    places.insert(places.begin(), path);
    if (std::any_of(places.begin(), places.end(), [this](const std::string& place) {
          return is_behind_link(place);
        }))
      return;
    for (const std::string& place : places) {
      if (code_.contains_below(place)) {
        report(fmt::format("'{}' is a folder; '{}' needs a file", printable(place), property.name),
               std::move(where),
               {});
        return;
      }
      boost::system::error_code problem;
      if (fs::exists(project_.root / place, problem)) {
        report(source::explain_left_out(project_.root, place, project_.base), std::move(where), {});
        return;
      }
    }
    std::string message = places.size() == 1 ? fmt::format("there is no file '{}'", printable(path))
                                             : fmt::format("there is no file '{}', and none '{}'",
                                                           printable(path),
                                                           printable(places[1]));
    if (!draft_.inputs.empty())
      message +=
          fmt::format(" in the project or in the inputs of workflow '{}'", draft_.workflow->name);
    report(message, std::move(where), hint_for_missing(property, places));
  }

  std::string hint_for_missing(const provider::Property& property,
                               const std::vector<std::string>& places) const {
    const bool is_list = property.type == provider::PropertyType::requirements;
    const std::string other = is_list ? other_requirements(places.front(), code_) : std::string();
    if (file_name(places.front()) == "uv.lock" && !other.empty())
      return other;
    for (const std::string& place : places)
      if (std::string hint = similar_files(place, code_); !hint.empty())
        return other.empty() ? hint : fmt::format("{}\n{}", hint, other);
    const std::string& path = places.front();
    const bool is_package = path.find_first_of("=<>~") != path.npos || path.find('.') == path.npos;
    if (other.empty() && is_list && is_package)
      return fmt::format("'{}' names files: write packages into one, such as requirements.txt",
                         property.name);
    return other;
  }

  /// A link inside the project leads to the same file in the job.
  bool is_behind_link(const std::string& path) const {
    boost::system::error_code problem;
    const Path target = fs::canonical(project_.root / path, problem);
    return !problem &&
           code_.contains(target.lexically_relative(real_path(project_.root)).string()) &&
           !source::find_outside_link(project_.root, path);
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
                            : is_provided(input.artifacts, path);
    });
  }

  bool is_input_file(std::string_view path) const {
    return std::any_of(draft_.input_files.begin(),
                       draft_.input_files.end(),
                       [&](const job::InputFile& input) { return is_below(path, input.at); });
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
  const config::Project& project_;
  const source::Snapshot& code_;
  std::vector<Error>& errors_;
};

}  // namespace

void resolve_paths(Drafts& drafts,
                   const config::Project& project,
                   const source::Snapshot& code,
                   std::vector<std::string>& notices) {
  for (Draft& draft : drafts.all)
    if (draft.ready)
      PlaceChooser(drafts, draft, project, code, notices).choose();
}

void check_paths(const Drafts& drafts,
                 const config::Project& project,
                 const source::Snapshot& code,
                 std::vector<Error>& errors,
                 std::vector<std::string>& notices) {
  for (const Draft& draft : drafts.all) {
    if (!draft.ready)
      continue;
    Checker checker(drafts, draft, project, code, errors);
    checker.check();
    checker.check_artifacts();
    checker.check_builds();
    checker.check_working_dir(notices);
  }
}

}  // namespace dstack::plan
