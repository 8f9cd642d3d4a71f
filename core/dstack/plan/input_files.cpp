// The property `inputs`: what is there, and whether its places in the workspace go together.
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/draft.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

using job::InputFile;

/// Files that only keep an empty folder in Git.
bool is_placeholder(std::string_view path) {
  const std::string_view name = file_name(path);
  return name == ".gitkeep" || name == ".gitignore" || name == ".keep";
}

bool is_link(const Path& path) {
  boost::system::error_code error;
  return fs::symlink_status(path, error).type() == fs::symlink_file;
}

/// The inputs of one draft.
class Resolver {
 public:
  Resolver(Draft& draft,
           const PlanningContext& context,
           OnThisMachine presence,
           std::vector<Error>& errors)
      : draft_(draft), context_(context), presence_(presence), errors_(errors) {}

  void resolve() {
    const Json* inputs = json_member(draft_.checked.values, "inputs");
    if (inputs == nullptr || !inputs->is_array())
      return;
    for (std::size_t i = 0; i < inputs->size(); ++i)
      add((*inputs)[i], i);
    for (std::size_t i = 0; i < draft_.input_files.size(); ++i)
      check_place(i);
  }

 private:
  void add(const Json& entry, std::size_t index) {
    InputFile input;
    input.path = json_string(entry, "path");
    input.at = json_string(entry, "at");
    input.link = json_boolean(entry, "link");
    const std::string& project = draft_.project;
    // An absolute path into the project is the same as one from its root.
    if (is_below(input.path, project) && input.path != project)
      input.path = input.path.substr(project.size() + 1);
    if (input.at.empty())
      input.at = normal_relative_path(input.path).value_or(Path(input.path).filename().string());
    const std::string place = fmt::format("inputs.{}", index);
    if (input.at.empty()) {
      report(place,
             fmt::format("the input '{}' is not below the project's root, and has no 'at'",
                         printable(input.path)),
             fmt::format("say where jobs find it: {{path: {}, at: data}}", printable(input.path)));
      return;
    }
    if (const std::string& base = context_.project.base; !base.empty())
      input.at = fmt::format("{}/{}", base, input.at);
    if (!git_part(input.at).empty()) {
      report(place,
             fmt::format("nothing is laid at '{}': Git would take it for its own",
                         printable(input.at)),
             fmt::format("give it another 'at': {{path: {}, at: data}}", printable(input.path)));
      return;
    }
    if (!look_at(input, place))
      return;
    places_.push_back(place);
    draft_.input_files.push_back(std::move(input));
  }

  /// False: it is not there, which is reported.
  bool look_at(InputFile& input, const std::string& place) {
    if (!context_.inspect_input) {
      known_.push_back(false);
      return true;
    }
    const auto use = input.link ? source::InputUse::link : source::InputUse::copy;
    auto facts = context_.inspect_input(job::source_of(draft_.project, input), use);
    if (facts) {
      input.folder = facts->folder;
      input.files = facts->files;
      input.size = facts->size;
      input.modified = facts->modified;
      input.incomplete = facts->incomplete;
      known_.push_back(true);
      return true;
    }
    if (presence_ == OnThisMachine::optional) {
      known_.push_back(false);
      return true;
    }
    Error error = std::move(facts).error();
    error.message = fmt::format("the input '{}' of workflow '{}': {}",
                                printable(input.path),
                                draft_.workflow->name,
                                error.message);
    error.where = place_of(draft_, place);
    if (error.code == ErrorCode::not_found) {
      error.code = ErrorCode::configuration;
      error.hint = hint_for_missing(input);
    }
    errors_.push_back(std::move(error));
    return false;
  }

  std::string hint_for_missing(const InputFile& input) const {
    if (is_pattern(input.path))
      return "inputs are files and folders, not patterns: name the folder";
    const std::string below =
        resolve_path(json_string(draft_.checked.values, "working_dir"), input.path).value_or("");
    boost::system::error_code error;
    if (!below.empty() && below != input.path && fs::exists(Path(draft_.project) / below, error))
      return fmt::format("paths of inputs begin at the project's root: write '{}'", below);
    if (const std::string maker = maker_of(input.path); !maker.empty())
      return fmt::format(
          "workflow '{}' saves it: 'depends-on: [{}]' takes it from there", maker, maker);
    return hint_of_siblings(input);
  }

  std::string maker_of(const std::string& path) const {
    for (const config::Workflow& workflow : context_.project.workflows) {
      const config::Value* artifacts = workflow.properties.find("artifacts");
      if (artifacts == nullptr || workflow.name == draft_.workflow->name)
        continue;
      for (const config::Value& artifact : artifacts->elements)
        if (const auto normal = normal_relative_path(artifact.text);
            normal && !normal->empty() && is_below(path, *normal))
          return workflow.name;
    }
    return {};
  }

  std::string hint_of_siblings(const InputFile& input) const {
    const Path path = job::source_of(draft_.project, input);
    const Path folder = Path(input.path).parent_path();
    std::vector<std::string> names;
    boost::system::error_code error;
    for (fs::directory_iterator entry(path.parent_path(), error), end;
         !error && entry != end && names.size() < 1000;
         entry.increment(error))
      names.push_back((folder / entry->path().filename()).string());
    const std::string hint = did_you_mean(input.path, names);
    return hint.empty() ? "inputs must be there before the run starts; what a workflow makes comes "
                          "with 'depends-on'"
                        : hint;
  }

  // --- Places in the workspace ---

  void check_place(std::size_t index) {
    const InputFile& input = draft_.input_files[index];
    for (std::size_t other = 0; other < index; ++other)
      if (!check_pair(input, draft_.input_files[other], index, other))
        return;
    if (check_code(input, index))
      check_job(input, index);
  }

  /// Whether two inputs can both be laid out.
  bool check_pair(const InputFile& a, const InputFile& b, std::size_t index, std::size_t other) {
    if (a.at == b.at) {
      report_at(index,
                fmt::format("two inputs are laid at '{}': '{}' and '{}'",
                            printable(a.at),
                            printable(b.path),
                            printable(a.path)),
                "give one of them another 'at'");
      return false;
    }
    const bool is_inside = is_below(a.at, b.at);
    if (!is_inside && !is_below(b.at, a.at))
      return true;
    const InputFile& outer = is_inside ? b : a;
    const InputFile& inner = is_inside ? a : b;
    const bool is_file = known_[is_inside ? other : index] && !outer.folder;
    if (!outer.link && !is_file)
      return true;
    report_at(index,
              fmt::format("nothing can be laid at '{}': the input '{}' is {} at '{}'",
                          printable(inner.at),
                          printable(outer.path),
                          outer.link ? "a link" : "a file",
                          printable(outer.at)),
              "give one of them another 'at'");
    return false;
  }

  bool check_code(const InputFile& input, std::size_t index) {
    const source::Snapshot& code = context_.code;
    for (std::size_t slash = input.at.find('/'); slash != std::string::npos;
         slash = input.at.find('/', slash + 1))
      if (const std::string above = input.at.substr(0, slash); code.contains(above))
        return conflict(index,
                        fmt::format("nothing can be laid at '{}': '{}' is a {} of the code",
                                    printable(input.at),
                                    printable(above),
                                    is_link(context_.project.root / above) ? "link" : "file"));
    const bool is_known = known_[index];
    const bool is_same = job::source_of(draft_.project, input) == context_.project.root / input.at;
    if (code.contains(input.at)) {
      if (is_known && input.folder && !is_link(context_.project.root / input.at))
        return conflict(
            index,
            fmt::format("the folder '{}' cannot be laid at '{}': that is a file of the code",
                        printable(input.path),
                        printable(input.at)));
      return true;
    }
    if (!code.contains_below(input.at) || is_same)
      return true;
    if (is_known && !input.folder)
      return conflict(
          index,
          fmt::format("the file '{}' cannot be laid at '{}': that is a folder of the code",
                      printable(input.path),
                      printable(input.at)));
    if (input.link && has_code_below(input.at))
      return conflict(index,
                      fmt::format("a link at '{}' would hide the files of the code there",
                                  printable(input.at)));
    return true;
  }

  bool has_code_below(const std::string& folder) const {
    const auto& files = context_.code.files;
    const std::string begin = folder + "/";
    for (auto file = std::lower_bound(files.begin(), files.end(), begin);
         file != files.end() && file->starts_with(begin);
         ++file)
      if (!is_placeholder(*file))
        return true;
    return false;
  }

  bool conflict(std::size_t index, const std::string& message) {
    report_at(index, message, "give it another place: {path: …, at: …}");
    return false;
  }

  /// A job must not write into what it was only lent.
  void check_job(const InputFile& input, std::size_t index) {
    if (!input.link)
      return;
    for (const job::JobSpec& job : draft_.jobs) {
      if (is_below(job.working_dir, input.at))
        return report_at(
            index,
            fmt::format("the working directory '{}' would be in the linked input '{}'",
                        printable(job.working_dir),
                        printable(input.path)),
            "a job works in a folder of its own: choose another 'working_dir' or 'at'");
      for (const std::string& artifact : job.artifacts)
        if (const std::string path = job::path_from_root(job, artifact); is_below(path, input.at))
          return report_at(index,
                           fmt::format("the artifact '{}' would be in the linked input '{}'",
                                       printable(path),
                                       printable(input.path)),
                           "write it elsewhere: a linked input is not the job's own");
    }
  }

  void report_at(std::size_t index, const std::string& message, const std::string& hint) {
    report(places_[index], message, hint);
  }

  void report(const std::string& place, const std::string& message, const std::string& hint) {
    errors_.push_back(make_error(ErrorCode::configuration, "{}", message)
                          .at(place_of(draft_, place))
                          .with_hint("{}", hint));
  }

  Draft& draft_;
  const PlanningContext& context_;
  OnThisMachine presence_;
  std::vector<Error>& errors_;
  std::vector<std::string> places_;  ///< by input, for place_of()
  std::vector<bool> known_;          ///< by input: whether it is known to be a file or a folder
};

}  // namespace

void resolve_input_files(Drafts& drafts,
                         const PlanningContext& context,
                         OnThisMachine presence,
                         std::vector<Error>& errors) {
  for (Draft& draft : drafts.all)
    if (draft.ready)
      Resolver(draft, context, presence, errors).resolve();
}

}  // namespace dstack::plan
