// What the providers of applications share. Part of each of them; uses only the SDK.
#pragma once

#include <string>
#include <vector>

#include <dstack/provider.hpp>

namespace apps {

/// pip's requirement for an application, in the workflow's version if it names one.
inline std::string package(const dstack::Workflow& workflow, const std::string& name) {
  const std::string version = workflow.text("version");
  if (version.empty())
    return name;
  if (version.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.+*") != std::string::npos)
    throw dstack::PropertyError("version",
                                "'" + version + "' is not a version of " + name,
                                "write one such as 4.2.5, or 4.* for the newest of 4");
  return name + "==" + version;
}

/// A job in a Python environment with the application and the workflow's requirements.
inline dstack::Job python_job(const dstack::Workflow& workflow, std::vector<std::string> packages) {
  dstack::Job job;
  job.python = dstack::python_of(workflow, "python", std::move(packages));
  return job;
}

/// The address to listen at.
inline std::string address(const dstack::Workflow& workflow) {
  return workflow.boolean("public") ? "0.0.0.0" : "127.0.0.1";
}

}  // namespace apps
