#include "dstack/run/protocol/workspace.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/files/users_folder.hpp"
#include "dstack/overlay/mount.hpp"
#include "dstack/run/protocol/damaged_input.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/source/file_memory.hpp"
#include "dstack/store/layers/layered_folder.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// A linked input: a symbolic link to what is outside. For a container, in which that does not
/// exist, it is the empty file or folder over which the engine mounts it.
class Link {
 public:
  Link(const Path& workspace, const std::string& at, const std::string& target)
      : workspace_(workspace), at_(at), place_(workspace / at), target_(target) {}

  Result<void> make_in_copy(const job::JobSpec& spec) {
    DSTACK_CHECK(prepare());
    DSTACK_CHECK(remove_tree(place_));  // what the code has there
    DSTACK_TRY(const Fd parent, open_file(place_.parent_path().string(), O_PATH | O_DIRECTORY));
    return make(spec, parent.get());
  }

  /// False: something else is in the way.
  Result<bool> make_where_free(const job::JobSpec& spec) {
    boost::system::error_code error;
    if (fs::is_symlink(place_, error) && fs::read_symlink(place_, error) == target_)
      return true;
    if (fs::exists(fs::symlink_status(place_, error)))
      return false;
    DSTACK_CHECK(check_target());
    DSTACK_TRY(const auto folder, files::UsersFolder::open(workspace_));
    DSTACK_TRY(const Fd parent, folder.make_parent(at_));
    DSTACK_CHECK(make(spec, parent.get()));
    return true;
  }

 private:
  Result<void> check_target() const {
    boost::system::error_code error;
    if (!fs::exists(target_, error))
      return fail(ErrorCode::unavailable,
                  "the linked input '{}' has gone since the run was submitted",
                  target_)
          .with_hint("put it back, or start a new run");
    return {};
  }

  /// The folder above it, which no link of an artifact may have led elsewhere.
  Result<void> prepare() const {
    DSTACK_CHECK(check_target());
    boost::system::error_code error;
    const Path root = real_path(workspace_);
    const Path parent = fs::weakly_canonical(place_.parent_path(), error);
    if (error || !is_below(parent.string(), root.string()))
      return fail(ErrorCode::configuration,
                  "the input '{}' cannot be laid there: a link on the way leads out of the "
                  "workspace",
                  at_)
          .with_hint("give it another 'at'");
    return make_folders(parent);
  }

  Result<void> make(const job::JobSpec& spec, int parent) const {
    const std::string name(file_name(at_));
    if (!spec.container) {
      if (::symlinkat(target_.c_str(), parent, name.c_str()) != 0)
        return fail_errno("cannot make the link '{}'", place_.string());
      return {};
    }
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const bool is_made = is_folder(target_) ? ::mkdirat(parent, name.c_str(), 0777) == 0
                                            : bool(Fd(::openat(parent, name.c_str(), flags, 0644)));
    return is_made ? Result<void>() : fail_errno("cannot make '{}'", place_.string());
  }

  const Path& workspace_;
  const std::string& at_;
  Path place_;
  const std::string& target_;
};

/// One that is on the disk as it is.
class WholeFolder : public Workspace {
 public:
  Result<std::vector<files::Match>> find_matches(const std::string& path) const override {
    return files::find_matches(folder(), path);
  }

  Result<std::optional<job::TreeReference>> capture(const std::string& path,
                                                    store::ObjectStore& objects,
                                                    std::vector<std::string>& warnings,
                                                    store::Originals originals) const override {
    if (path.empty()) {
      DSTACK_TRY(const auto tree, objects.capture_folder(folder(), warnings));
      return std::optional(tree);
    }
    DSTACK_TRY(const auto matches, find_matches(path));
    if (matches.empty())
      return std::nullopt;
    DSTACK_TRY(const auto tree, objects.capture_matches(folder(), matches, warnings, originals));
    return std::optional(tree);
  }
};

/// What replaced something else of another input.
void warn_of_replaced(const std::vector<std::string>& replaced,
                      std::vector<std::string>& warnings) {
  if (!replaced.empty())
    warnings.push_back(
        fmt::format("{} came from more than one place, and the later dependency won: {}",
                    plural(replaced.size(), "file"),
                    quoted_list(replaced, 3)));
}

class PrivateCopy : public WholeFolder {
 public:
  PrivateCopy(const files::Home& home, const Path& job_folder)
      : objects_(home), folder_(job_folder / file_names::workspace) {}

  const Path& folder() const override { return folder_; }

  Result<void> make(const JobOrder& order, std::vector<std::string>& warnings) override {
    DSTACK_CHECK(make_folders(folder_));
    const auto lay_out = [&](const job::TreeReference& tree,
                             store::LayOut mode,
                             std::vector<std::string>* replaced = nullptr) {
      return objects_.lay_out(tree, folder_, mode, replaced).map_error([&](Error error) {
        return name_input(std::move(error), tree, order);
      });
    };
    DSTACK_CHECK(lay_out(order.code, store::LayOut::fresh));
    // Their places were chosen by the user: what they replace of the code is no surprise.
    for (const job::TreeReference& input : order.input_files)
      DSTACK_CHECK(lay_out(input, store::LayOut::merge));
    std::vector<std::string> replaced;
    for (const job::TreeReference& input : order.inputs)
      DSTACK_CHECK(lay_out(input, store::LayOut::merge, &replaced));
    warn_of_replaced(replaced, warnings);
    for (const auto& [at, target] : order.links)
      DSTACK_CHECK(Link(folder_, at, target).make_in_copy(order.spec));
    return {};
  }

  bool is_private() const override { return true; }

  Result<void> remove() override { return remove_tree(folder_); }

 private:
  store::ObjectStore objects_;
  Path folder_;
};

/// Mounted by the process of the job (run/runner/layered_workspace.hpp) before it is made.
class Layered : public Workspace {
 public:
  Layered(const files::Home& home, const Path& job_folder, const JobOrder& order)
      : objects_(home),
        job_folder_(job_folder),
        layers_{
            trees_of(order), job_folder / file_names::written, job_folder / file_names::workspace},
        first_dependency_(layers_.trees.size() - order.inputs.size()) {}

  const Path& folder() const override { return layers_.seen_at; }

  Result<void> make(const JobOrder& order, std::vector<std::string>& warnings) override {
    DSTACK_TRY(const auto replaced,
               store::replaced_files(layers_.trees, first_dependency_, objects_));
    warn_of_replaced(replaced, warnings);
    for (const auto& [at, target] : order.links)
      DSTACK_CHECK(Link(folder(), at, target).make_in_copy(order.spec));
    return {};
  }

  bool is_private() const override { return true; }

  Result<void> remove() override { return remove_workspace(job_folder_); }

  Result<std::vector<files::Match>> find_matches(const std::string& path) const override {
    return store::find_matches(layers_, objects_, path);
  }

  Result<std::optional<job::TreeReference>> capture(const std::string& path,
                                                    store::ObjectStore& objects,
                                                    std::vector<std::string>& warnings,
                                                    store::Originals originals) const override {
    return store::capture(layers_, objects, path, warnings, originals);
  }

  const Path& written() const override { return layers_.written; }

  bool is_layered() const override { return true; }

 private:
  store::ObjectStore objects_;
  Path job_folder_;
  store::LayeredFolder layers_;
  std::size_t first_dependency_;
};

class ProjectItself : public WholeFolder {
 public:
  ProjectItself(const files::Home& home, Path project)
      : objects_(home), folder_(std::move(project)) {}

  const Path& folder() const override { return folder_; }

  Result<void> make(const JobOrder& order, std::vector<std::string>& warnings) override {
    std::vector<std::string> kept;
    for (const auto& inputs : {order.input_files, order.inputs})
      for (const job::TreeReference& input : inputs)
        DSTACK_CHECK(
            objects_
                .lay_out(input, folder_, store::LayOut::where_free, &kept, store::Place::of_user)
                .map_error(
                    [&](Error error) { return name_input(std::move(error), input, order); }));
    for (const auto& [at, target] : order.links) {
      DSTACK_TRY(const bool is_made, Link(folder_, at, target).make_where_free(order.spec));
      if (!is_made)
        kept.push_back(at);
    }
    if (!kept.empty())
      warnings.push_back(fmt::format(
          "{} of the inputs skipped, because the project has the same path, or it is Git's: {}",
          plural(kept.size(), "file"),
          quoted_list(kept, 3)));
    return {};
  }

  /// The files stay: those that have not changed since the last time are not read.
  Result<std::optional<job::TreeReference>> capture(const std::string& path,
                                                    store::ObjectStore& objects,
                                                    std::vector<std::string>& warnings,
                                                    store::Originals originals) const override {
    if (path.empty())
      return WholeFolder::capture(path, objects, warnings, originals);
    DSTACK_TRY(const auto matches, find_matches(path));
    if (matches.empty())
      return std::nullopt;
    source::IndexedFiles memory(objects, folder_, path);
    DSTACK_TRY(const auto tree,
               objects.capture_matches(folder_, matches, warnings, originals, &memory));
    return std::optional(tree);
  }

  bool is_private() const override { return false; }

  Result<void> remove() override { return {}; }

 private:
  store::ObjectStore objects_;
  Path folder_;
};

}  // namespace

std::unique_ptr<Workspace> workspace_of(const files::Home& home,
                                        const Path& job_folder,
                                        const JobOrder& order) {
  if (order.spec.workspace == job::WorkspaceKind::project)
    return std::make_unique<ProjectItself>(home, root_above(order.project, order.place));
  if (is_folder(job_folder / file_names::written))
    return std::make_unique<Layered>(home, job_folder, order);
  return std::make_unique<PrivateCopy>(home, job_folder);
}

Result<void> remove_workspace(const Path& job_folder) {
  overlay::unmount(job_folder / file_names::workspace);
  for (const char* name : {file_names::workspace, file_names::written, file_names::overlay_work})
    DSTACK_CHECK(remove_tree(job_folder / name));
  return {};
}

std::vector<job::TreeReference> trees_of(const JobOrder& order) {
  std::vector<job::TreeReference> trees = {order.code};
  trees.insert(trees.end(), order.input_files.begin(), order.input_files.end());
  trees.insert(trees.end(), order.inputs.begin(), order.inputs.end());
  return trees;
}

std::vector<std::string> places_of(const JobOrder& order, const std::string& artifact) {
  auto places = job::artifact_places(order.spec.working_dir, order.place, artifact);
  if (order.spec.workspace == job::WorkspaceKind::project)
    places.resize(1);  // what lies there may be of any age
  return places;
}

std::vector<std::string> artifact_paths(const JobOrder& order, const Workspace& workspace) {
  const auto is_there = [&](const std::string& place) {
    const auto found = workspace.find_matches(place);
    return found && !found->empty();
  };
  std::vector<std::string> paths;
  for (const std::string& artifact : order.spec.artifacts) {
    const auto places = places_of(order, artifact);
    const auto found =
        places.size() > 1 ? std::find_if(places.begin(), places.end(), is_there) : places.begin();
    paths.push_back(found == places.end() ? places.front() : *found);
  }
  return paths;
}

source::EditedFolder edited_folder(const JobOrder& order, const Workspace& workspace) {
  source::EditedFolder place{workspace.written(), order.code, order.input_files, {}};
  place.inputs.insert(place.inputs.end(), order.inputs.begin(), order.inputs.end());
  place.artifacts = artifact_paths(order, workspace);
  for (const auto& [at, target] : order.links)
    place.others.push_back(at);
  place.is_layered = workspace.is_layered();
  return place;
}

}  // namespace dstack::run
