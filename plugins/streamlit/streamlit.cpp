// The provider `streamlit`: one job that serves a Streamlit script.
#include "../shared/app.hpp"
#include "../shared/launcher.hpp"

namespace {

/// What of the user's configuration counts: a base path, a certificate. It is known once Streamlit
/// has read all of it and the options of the command line, in its own thread.
constexpr const char* streamlit_launcher = R"py(
import streamlit.config as config
def option(name):
    try:
        return config.get_option(name) or ""
    except RuntimeError:
        return ""
def configured():
    if option("server.port") == port:
        tls = option("server.sslCertFile") and option("server.sslKeyFile")
        serves(tls, option("server.baseUrlPath"))
config.on_config_parsed(configured, True)
runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
)py";

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
    std::string command = apps::launch(streamlit_launcher) +
                          "run --server.headless=true --server.address=" + apps::address(workflow) +
                          " --server.port=\"$JOB_PORT_0\" " +
                          dstack::shell_quote(target_of(workflow));
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
