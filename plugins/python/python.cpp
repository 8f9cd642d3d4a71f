// The provider `python`: one job that runs a script in the environment that the host makes for it.
#include <dstack/provider.hpp>

namespace {

/// The script's path for the interpreter, which is started in the working directory; never taken
/// for an option.
std::string script_of(const dstack::Workflow& workflow) {
  const std::string path = dstack::path_from(workflow.text("working_dir"), workflow.text("file"));
  return path.starts_with('-') ? "./" + path : path;
}

class PythonProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const std::string version = workflow.text("version");
    dstack::check_python_version("version", version);

    dstack::Job job;
    job.argv = {"python", script_of(workflow)};
    for (std::string& argument : workflow.texts("args"))
      job.argv.push_back(std::move(argument));
    job.python = dstack::Python{version, workflow.texts("requirements"), {}};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(PythonProvider)
