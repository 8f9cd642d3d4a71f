#include "dstack/run/protocol/workspace.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/run/protocol/file_names.hpp"

namespace dstack::run {

namespace {

class PrivateCopy : public Workspace {
 public:
  PrivateCopy(const files::Home& home, const Path& job_folder)
      : objects_(home), folder_(job_folder / file_names::workspace) {}

  const Path& folder() const override { return folder_; }

  Result<void> make(const job::TreeReference& code,
                    const std::vector<job::TreeReference>& inputs,
                    std::vector<std::string>& warnings) override {
    DSTACK_CHECK(make_folders(folder_));
    DSTACK_CHECK(objects_.lay_out(code, folder_, store::LayOut::fresh));
    std::vector<std::string> replaced;
    for (const job::TreeReference& input : inputs)
      DSTACK_CHECK(objects_.lay_out(input, folder_, store::LayOut::merge, &replaced));
    if (!replaced.empty())
      warnings.push_back(
          fmt::format("{} came from more than one place, and the later dependency won: {}",
                      plural(replaced.size(), "file"),
                      quoted_list(replaced, 3)));
    return {};
  }

  bool is_private() const override { return true; }

  Result<void> remove() override { return remove_tree(folder_); }

 private:
  store::ObjectStore objects_;
  Path folder_;
};

class ProjectItself : public Workspace {
 public:
  ProjectItself(const files::Home& home, Path project)
      : objects_(home), folder_(std::move(project)) {}

  const Path& folder() const override { return folder_; }

  Result<void> make(const job::TreeReference&,
                    const std::vector<job::TreeReference>& inputs,
                    std::vector<std::string>& warnings) override {
    std::vector<std::string> kept;
    for (const job::TreeReference& input : inputs)
      DSTACK_CHECK(objects_.lay_out(input, folder_, store::LayOut::where_free, &kept));
    if (!kept.empty())
      warnings.push_back(
          fmt::format("{} of the inputs skipped, because the project has the same path: {}",
                      plural(kept.size(), "file"),
                      quoted_list(kept, 3)));
    return {};
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
                                        const Path& project,
                                        const job::JobSpec& spec) {
  if (spec.workspace == job::WorkspaceKind::project)
    return std::make_unique<ProjectItself>(home, config::code_root(project));
  return std::make_unique<PrivateCopy>(home, job_folder);
}

source::EditedFolder edited_folder(const JobOrder& order, const Path& workspace) {
  source::EditedFolder place{workspace, order.code, order.inputs, {}};
  for (const std::string& artifact : order.spec.artifacts)
    place.artifacts.push_back(job::path_from_root(order.spec, artifact));
  return place;
}

}  // namespace dstack::run
