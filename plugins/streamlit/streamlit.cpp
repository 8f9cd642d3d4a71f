// The provider `streamlit`: one job that serves a Streamlit script.
#include "../shared/app.hpp"

namespace {

/// The target's path for Streamlit, which is started in the working directory; never taken for an
/// option.
std::string target_of(const dstack::Workflow& workflow) {
  const std::string target = workflow.text("target");
  if (target.find("://") != std::string::npos)
    return target;
  const std::string path = dstack::path_from(workflow.text("working_dir"), target);
  return path.starts_with('-') ? "./" + path : path;
}

class StreamlitProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job = apps::python_job(workflow, {apps::package(workflow, "streamlit")});
    job.environment = {{"STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false"}};
    std::string command =
        "exec streamlit run --server.headless=true --server.address=" + apps::address(workflow) +
        " --server.port=\"$JOB_PORT_0\" " + dstack::shell_quote(target_of(workflow));
    if (const auto args = workflow.texts("args"); !args.empty())
      command += " -- " + dstack::shell_join(args);
    job.commands = {std::move(command)};
    job.ports = 1;
    job.apps = {{.name = "Streamlit", .health = "/_stcore/health"}};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(StreamlitProvider)
