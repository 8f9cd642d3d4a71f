// A Jupyter server as a job. Its own files (settings, history, sockets) are kept with the job, not
// in the user's home or the workspace, unless the workflow sets the variables for them.
#pragma once

#include "app.hpp"
#include "launcher.hpp"

namespace apps {

/// What of the user's configuration must not count: the token is that of the run, and what is
/// served are the job's files, at the job's port. What may count is in the file that the server
/// writes about itself: a base path, a certificate. Kernels that the user has installed are
/// offered, but never in place of one that the environment has: its packages are what the workflow
/// asks for.
inline constexpr const char* jupyter_launcher = R"py(
import json
from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir
files = ["%s/%sserver-%d.json" % (jupyter_runtime_dir(), kind, os.getpid()) for kind in ("jp", "nb")]
def report():
    while True:
        time.sleep(0.05)
        for name in filter(os.path.exists, files):
            try:
                with open(name) as file:
                    info = json.load(file)
                if info["port"] == port:
                    return serves(info["secure"], info["base_url"])
            except (ValueError, KeyError):
                pass
def offer_kernels():
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    users = data + "/jupyter/kernels"
    own = jupyter_data_dir() + "/kernels"
    if not own.startswith(folder + "/") or not os.path.isdir(users):
        return
    there = sys.prefix + "/share/jupyter/kernels"
    taken = {"python3"} | set(os.listdir(there) if os.path.isdir(there) else [])
    os.makedirs(own, exist_ok=True)
    for name in os.listdir(users):
        if name.lower() not in taken:
            os.symlink(users + "/" + name, own + "/" + name)
def options():
    server, token = "NotebookApp", "NotebookApp"
    try:
        import jupyter_server
        server = "ServerApp"
        token = "IdentityProvider" if int(jupyter_server.__version__.split(".")[0]) >= 2 else server
    except ImportError:
        pass
    root = "notebook_dir" if server == "NotebookApp" else "root_dir"
    return ["--%s.token=%s" % (token, os.environ["JUPYTER_TOKEN"]),
            "--%s.local_hostnames=localhost" % server, "--%s.local_hostnames=%s" % (server, host),
            "--%s.%s=%s" % (server, root, os.getcwd()), "--%s.sock=" % server]
try:
    offer_kernels()
except OSError as error:
    print("kernels of the user are not offered:", error)
threading.Thread(target=report, daemon=True).start()
module = sys.argv[1]
sys.argv[1:] = sys.argv[2:] + options()
runpy.run_module(module, run_name="__main__", alter_sys=True)
)py";

inline dstack::Job jupyter(const dstack::Workflow& workflow,
                           const std::string& package_name,
                           const std::string& arguments,
                           dstack::App app) {
  dstack::Job job = python_job(workflow, {package(workflow, package_name)});
  for (const auto& [variable, folder] :
       {std::pair{"JUPYTER_CONFIG_DIR", "jupyter/config"},
        {"JUPYTER_DATA_DIR", "jupyter/data"},
        {"JUPYTER_RUNTIME_DIR", "jupyter/runtime"},
        {"JUPYTERLAB_SETTINGS_DIR", "jupyter/settings"},
        {"JUPYTERLAB_WORKSPACES_DIR", "jupyter/workspaces"},
        {"IPYTHONDIR", "ipython"},
        // It looks for language servers with npm, which leaves a log.
        {"npm_config_cache", "npm"}})
    job.commands.push_back(std::string("export ") + variable + "=\"${" + variable +
                           ":-$DSTACK_JOB_DIR/" + folder + "}\"");
  job.commands.push_back(
      launch(jupyter_launcher) + package_name + arguments +
      " --no-browser --allow-root --port-retries=0 --port=\"$JOB_PORT_0\" --ip=" +
      address(workflow));
  job.ports = 1;
  job.token = "JUPYTER_TOKEN";
  app.health = "/api/status";
  app.token_query = "token";
  job.apps = {std::move(app)};
  return job;
}

}  // namespace apps
