// The provider `python`: one job that runs a script in the environment that the host makes for it.
#include <algorithm>

#include <dstack/provider.hpp>

namespace {

void check_version(const std::string& version) {
  const bool plain = std::all_of(
      version.begin(), version.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  if (!plain || version.front() == '.' || version.back() == '.')
    throw dstack::PropertyError(
        "version", "'" + version + "' is no version of Python", "write it as 3.10 or 3.10.4");
}

class PythonProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const std::string version = workflow.text("version");
    if (!version.empty())
      check_version(version);

    dstack::Job job;
    job.argv = {"python", dstack::path_from(workflow.text("working_dir"), workflow.text("file"))};
    for (std::string& argument : workflow.texts("args"))
      job.argv.push_back(std::move(argument));
    job.python = dstack::Python{version, workflow.texts("requirements"), {}};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(PythonProvider)
