#include "dstack/provider/discovery/schema.hpp"

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"

namespace dstack::cli {

namespace {

class Schema final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.flag("--variables", variables_, "the schema of '.dstack/variables.yaml' instead")
        .note(
            "Generated from the manifests of the usable providers. Editors with YAML support use "
            "it "
            "to complete\n"
            "and check a file whose first line is\n\n"
            "  # yaml-language-server: $schema=workflows.schema.json\n\n"
            "Only 'dstack validate' checks what needs more than the file itself.")
        .example("dstack schema > .dstack/workflows.schema.json", "for an editor")
        .example("dstack schema --variables", "the schema of the variables");
  }

  Result<int> run(Context& context) override {
    context.out.json(variables_ ? provider::variables_schema()
                                : provider::workflows_schema(
                                      provider::Registry::discover(context.search_path())));
    return exit_code::success;
  }

 private:
  bool variables_ = false;
};

}  // namespace

std::unique_ptr<Action> make_schema() {
  return std::make_unique<Schema>();
}

}  // namespace dstack::cli
