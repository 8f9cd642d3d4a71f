#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/project_files.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <map>
#include <set>

namespace dstack::cli {

namespace {

using config::Project;
using config::Workflow;

/// Each workflow with its dependencies below it. A part that was drawn before is only named again.
class Picture {
 public:
  Picture(const Project& project, const ui::Stream& stream) : stream_(stream) {
    for (const Workflow& workflow : project.workflows)
      workflows_.emplace(workflow.name, &workflow);
  }

  std::string draw(const Workflow& root) {
    text_.clear();
    draw_node(root, "");
    return std::move(text_);
  }

  bool has_drawn(const std::string& name) const { return drawn_.count(name) > 0; }

 private:
  void draw_node(const Workflow& workflow, const std::string& indent) {
    text_ +=
        ui::paint(stream_, ui::Colour::bold, printable(workflow.name)) +
        ui::paint(stream_, ui::Colour::dim, fmt::format(" ({})", printable(workflow.provider)));
    const bool again = !drawn_.insert(workflow.name).second && !workflow.depends_on.empty();
    text_ += again ? " see above\n" : "\n";
    if (again)
      return;
    for (std::size_t i = 0; i < workflow.depends_on.size(); ++i) {
      const bool last = i + 1 == workflow.depends_on.size();
      text_ += indent + branch(last);
      draw_dependency(workflow.depends_on[i], indent + trunk(last));
    }
  }

  void draw_dependency(const config::Dependency& dependency, const std::string& indent) {
    const auto found = workflows_.find(dependency.workflow);
    if (dependency.tag)
      text_ += fmt::format("{}{}\n",
                           printable(dependency.workflow + ":" + *dependency.tag),
                           ui::paint(stream_, ui::Colour::dim, " (tag)"));
    else if (found == workflows_.end())
      text_ += ui::paint(stream_,
                         ui::Colour::red,
                         fmt::format("{} (not defined)", printable(dependency.workflow))) +
               "\n";
    else
      draw_node(*found->second, indent);
  }

  std::string branch(bool last) const {
    if (stream_.unicode)
      return last ? "└── " : "├── ";
    return last ? "`-- " : "|-- ";
  }

  std::string trunk(bool last) const {
    if (last)
      return "    ";
    return stream_.unicode ? "│   " : "|   ";
  }

  const ui::Stream& stream_;
  std::map<std::string, const Workflow*> workflows_;
  std::set<std::string> drawn_;
  std::string text_;
};

class Graph final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("WORKFLOW", name_, Need::optional, "only what this one depends on")
        .flag("--json", json_, "as JSON: an array of {workflow, depends_on: [{workflow, tag}]}")
        .note("A workflow is above its dependencies, which run before it.")
        .example("dstack graph", "the whole project")
        .example("dstack graph train", "what a run of 'train' runs");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(const auto project, read_project(context));
    if (!name_.empty() && project.find(name_) == nullptr) {
      const std::string guess = did_you_mean(name_, project.workflow_names());
      return fail(ErrorCode::not_found, "there is no workflow '{}'", name_)
          .with_hint("{}", guess.empty() ? "'dstack workflows' lists all" : guess);
    }
    if (json_)
      context.out.json(as_json(project));
    else
      draw(context, project);
    return exit_code::success;
  }

 private:
  void draw(Context& context, const Project& project) const {
    Picture picture(project, context.out.stream());
    if (!name_.empty()) {
      context.out.write(picture.draw(*project.find(name_)));
      return;
    }
    std::set<std::string> needed;
    for (const Workflow& workflow : project.workflows)
      for (const config::Dependency& dependency : workflow.depends_on)
        if (!dependency.tag && dependency.workflow != workflow.name)
          needed.insert(dependency.workflow);
    for (const Workflow& workflow : project.workflows)
      if (needed.count(workflow.name) == 0)
        context.out.write(picture.draw(workflow));
    // What is left is part of a dependency cycle, where nothing is first.
    for (const Workflow& workflow : project.workflows)
      if (!picture.has_drawn(workflow.name))
        context.out.write(picture.draw(workflow));
  }

  Json as_json(const Project& project) const {
    Json list = Json::array();
    for (const Workflow& workflow : project.workflows) {
      if (!name_.empty() && workflow.name != name_)
        continue;
      Json dependencies = Json::array();
      for (const config::Dependency& dependency : workflow.depends_on)
        dependencies.push_back({{"workflow", dependency.workflow},
                                {"tag", dependency.tag ? Json(*dependency.tag) : Json()}});
      list.push_back({{"workflow", workflow.name}, {"depends_on", std::move(dependencies)}});
    }
    return list;
  }

  std::string name_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_graph() {
  return std::make_unique<Graph>();
}

}  // namespace dstack::cli
