// A Jupyter server as a job. Its own files (settings, history, sockets) are kept with the job, not
// in the user's home or the workspace, unless the workflow sets the variables for them.
#pragma once

#include "app.hpp"

namespace apps {

inline dstack::Job jupyter(const dstack::Workflow& workflow,
                           const std::string& package_name,
                           const std::string& command,
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
      "exec jupyter " + command +
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
