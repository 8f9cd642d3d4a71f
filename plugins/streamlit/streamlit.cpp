// The provider `streamlit`: one job that serves a Streamlit script.
#include "../shared/app.hpp"
#include "../shared/launcher.hpp"
#include "door.hpp"

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
        begin(tls and (option("server.sslCertFile"), tls))
        serves(tls, option("server.baseUrlPath"))
config.on_config_parsed(configured, True)
runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
)py";

/// Streamlit asks nobody for a password, so it listens behind a door. Older versions have a server
/// that knows such sockets, the newer one is given its socket by a function of its own.
constexpr const char* behind_door = R"py(
import streamlit.web.server.server as server
opened = []
def begin(tls):
    if not opened:
        opened.append(tls)
        open_door(tls)
if hasattr(server, "start_listening_unix_socket"):
    sys.argv.insert(2, "--server.address=unix://" + place)
else:
    import streamlit.web.server.starlette.starlette_server as server
    server._bind_socket
    server._bind_socket = listen_inside
    sys.argv.insert(2, "--server.address=127.0.0.1")
)py";

constexpr const char* for_everybody = R"py(
print("everybody who reaches port %d of this machine can use this application: it has no password" % port, flush=True)
sys.argv.insert(2, "--server.address=0.0.0.0")
def begin(tls):
    pass
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
    const bool is_public = workflow.boolean("public");
    const std::string launcher =
        is_public ? std::string(for_everybody) : std::string(door::code) + behind_door;
    std::string command = apps::launch(launcher + streamlit_launcher) +
                          "run --server.headless=true --server.port=\"$JOB_PORT_0\" " +
                          dstack::shell_quote(target_of(workflow));
    if (const auto args = workflow.texts("args"); !args.empty())
      command += " -- " + dstack::shell_join(args);
    job.commands = {std::move(command)};
    job.ports = 1;
    dstack::App app{.name = "Streamlit", .health = "/_stcore/health"};
    if (!is_public) {
      job.token = "STREAMLIT_DOOR_TOKEN";
      app.token_query = "token";
    }
    job.apps = {std::move(app)};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(StreamlitProvider)
