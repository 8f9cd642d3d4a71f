#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/project_files.hpp"
#include "dstack/base/text.hpp"
#include "ui/table.hpp"

namespace dstack::cli {

namespace {

std::vector<std::string> dependencies(const config::Workflow& workflow) {
  std::vector<std::string> names;
  for (const config::Dependency& dependency : workflow.depends_on)
    names.push_back(dependency.workflow + (dependency.tag ? ":" + *dependency.tag : ""));
  return names;
}

class Workflows final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.flag("--json", json_, "as JSON: an array of {workflow, provider, help, depends_on}")
        .example("dstack workflows", "the workflows that can be run")
        .example("dstack run train --help", "the variables and options of one of them");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(const auto project, read_project(context));
    if (json_) {
      Json list = Json::array();
      for (const config::Workflow& workflow : project.workflows)
        list.push_back({{"workflow", workflow.name},
                        {"provider", workflow.provider},
                        {"help", workflow.help},
                        {"depends_on", dependencies(workflow)}});
      context.out.json(list);
      return exit_code::success;
    }
    using Table = ui::Table;
    Table table({{"WORKFLOW"},
                 {"PROVIDER"},
                 {"DEPENDS ON", Table::Align::left, Table::Width::shrinks},
                 {"HELP", Table::Align::left, Table::Width::shrinks}});
    for (const config::Workflow& workflow : project.workflows) {
      const auto names = dependencies(workflow);
      table.add({{workflow.name, ui::Colour::bold},
                 {workflow.provider},
                 {names.empty() ? "-" : join(names, ", ")},
                 {workflow.help}});
    }
    context.out.write(table.render(context.out.stream()));
    return exit_code::success;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_workflows() {
  return std::make_unique<Workflows>();
}

}  // namespace dstack::cli
