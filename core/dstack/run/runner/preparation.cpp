#include "dstack/run/runner/preparation.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/files/users_folder.hpp"
#include "dstack/job/application_host.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/python/compiled.hpp"
#include "dstack/python/installed.hpp"
#include "dstack/python/job_pip.hpp"
#include "dstack/python/project_files.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/search.hpp"
#include "dstack/python/tool.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_progress.hpp"
#include "dstack/run/runner/job_command.hpp"
#include "dstack/run/runner/job_metrics.hpp"
#include "dstack/run/runner/job_sandbox.hpp"
#include "dstack/run/runner/job_secrets.hpp"
#include "dstack/run/runner/job_variables.hpp"
#include "dstack/run/runner/layered_workspace.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

extern char** environ;

namespace dstack::run {

namespace {

/// The folder in which the job begins, made where it is missing. In a copy of the code a link must
/// not lead out: the job would change files that are not its own. Nor for a provider's function,
/// which writes without a command of the user's.
Result<Path> make_working_dir(const Workspace& workspace, const job::JobSpec& spec) {
  const std::string& path = spec.working_dir;
  const bool stays_inside = workspace.is_private() || !spec.native.is_null();
  if (path.empty())
    return workspace.folder();
  Path folder = workspace.folder() / path;
  boost::system::error_code problem;
  const Path root = fs::canonical(workspace.folder(), problem);
  const Path real = fs::weakly_canonical(folder, problem);
  if (stays_inside && !problem && !is_below(real.string(), root.string()))
    return fail(ErrorCode::configuration,
                "the working directory '{}' leads out of the workspace through a link, to '{}'",
                path,
                real.string())
        .with_hint("copy the files there instead of linking to them");
  if (!workspace.is_private() && !problem &&
      !git_part(real.string().substr(std::min(root.size(), real.size()))).empty())
    return fail(files::in_git_repository(real.string()));
  DSTACK_CHECK(make_folders(folder));
  return folder;
}

/// The job's environment is for the container; the engine, the accounts of registries and what a
/// credential helper needs are found by the caller's. The job's id is kept: processes that have it
/// are found and killed when this runner is killed.
Variables environment_of_container_agent(const JobOrder& order) {
  Variables environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = std::min(text.size(), text.find('='));
    const std::string name(text.substr(0, equals));
    if (name != "JOB_ID" && !job::is_proxy_variable(name) && equals < text.size())
      environment.emplace_back(name, text.substr(equals + 1));
  }
  environment.emplace_back("JOB_ID", order.id);
  return environment;
}

/// Two lists of folders, as PYTHONPATH has them: an empty entry would be the working directory.
std::string joined_paths(const std::string& first, const std::string& then) {
  return first + (first.empty() || then.empty() ? "" : ":") + then;
}

}  // namespace

Preparation::Preparation(JobAttempt& attempt, std::vector<std::string>& warnings)
    : attempt_(attempt), order_(attempt.order), warnings_(warnings) {}

Result<PreparedJob> Preparation::run() {
  DSTACK_CHECK(resolve_secrets());
  if (!order_.inputs.empty() || !order_.input_files.empty())
    attempt_.states.report(job::Status::downloading);
  DSTACK_CHECK(make_workspace());
  protect_links();
  DSTACK_TRY(const Path working_dir, make_working_dir(*attempt_.workspace, order_.spec));
  if (order_.python && order_.spec.python)
    DSTACK_CHECK(prepare_python());
  for (const std::string& tool : order_.spec.tools)
    DSTACK_CHECK(prepare_tool(tool));
  if (!order_.spec.apps.empty())
    DSTACK_CHECK(prepare_applications());
  DSTACK_CHECK(prepare_metrics());
  DSTACK_CHECK(complete_launch(working_dir));
  DSTACK_CHECK(confine(attempt_, job_));
  return std::move(job_);
}

Result<void> Preparation::make_workspace() {
  const ReportedJobWork reported(attempt_.home.job(order_.run, order_.index),
                                 "laying out the workspace");
  DSTACK_CHECK(mount_workspace(attempt_));
  return attempt_.workspace->make(order_, warnings_);
}

void Preparation::protect_links() {
  if (order_.spec.container)
    return;
  for (const auto& [at, target] : order_.links) {
    const std::string real = real_path(target).string();
    // Not where the job itself has to write.
    const bool holds_job = is_below(real_path(attempt_.home.root).string(), real) ||
                           is_below(real_path(attempt_.workspace->folder()).string(), real);
    if (!holds_job)
      job_.shared_folders.push_back(real);
  }
}

Result<void> Preparation::resolve_secrets() {
  if (!has_secrets(order_) && order_.env_files.empty())
    return {};
  process::deny_inspection();
  DSTACK_TRY(auto secrets, run::resolve_secrets(order_, warnings_));
  attempt_.log.writer().hide(std::move(secrets.needles));
  job_.secret_names = std::move(secrets.names);
  secret_values_ = std::move(secrets.values);
  return {};
}

Result<void> Preparation::prepare_python() {
  const job::PythonRequest& request = *order_.spec.python;
  if (!request.requirements.empty() || !request.packages.empty())
    attempt_.states.report(job::Status::preparing);
  DSTACK_TRY(const Fd output, attempt_.log.writer().append_descriptor());
  DSTACK_TRY(const auto python,
             python::provide_environment(request,
                                         *order_.python,
                                         attempt_.workspace->folder(),
                                         attempt_.home,
                                         environment_variable,
                                         output.get(),
                                         {order_.environment, {}, secret_values_}));
  DSTACK_CHECK(attempt_.log.writer().continue_at_end());
  set_variable(
      order_.environment, "PATH", python.bin.string() + ":" + variable(order_.environment, "PATH"));
  for (const Path& folder : python::import_folders(request, attempt_.workspace->folder()))
    set_variable(order_.environment,
                 "PYTHONPATH",
                 joined_paths(folder.string(), variable(order_.environment, "PYTHONPATH")));
  if (!python.folder.empty()) {
    set_variable(order_.environment, "VIRTUAL_ENV", python.folder.string());
    job_.shared_folders.push_back(python.folder.string());
    boost::system::error_code error;
    if (const Path layer = python::compiled_folder(python.folder); fs::exists(layer, error))
      job_.shared_folders.push_back(layer.string());
    else
      python::compile_in_background(python.folder);
    DSTACK_CHECK(offer_own_packages(python.folder));
    return record_packages(python.packages);
  }
  if (order_.python->source == python::source_active)
    return write_file_atomically(
        packages_record(attempt_), python::installed_packages(order_.python->program), Durable::no);
  return {};
}

Result<void> Preparation::offer_own_packages(const Path& environment) {
  const Path own = attempt_.folder / file_names::own_packages;
  DSTACK_TRY(const auto folders, python::make_job_packages(environment, own));
  set_variable(order_.environment, python::job_packages_variable, own.string());
  set_variable(order_.environment,
               "PATH",
               (own / "bin").string() + ":" + variable(order_.environment, "PATH"));
  // The user's own code comes first.
  for (const Path& folder : folders)
    set_variable(order_.environment,
                 "PYTHONPATH",
                 joined_paths(variable(order_.environment, "PYTHONPATH"), folder.string()));
  return {};
}

Result<void> Preparation::record_packages(const Path& list) const {
  const Path record = packages_record(attempt_);
  ::unlink(record.c_str());  // that of an earlier attempt
  if (::link(list.c_str(), record.c_str()) == 0 || errno == ENOENT)
    return {};
  return fail_errno("cannot record the packages of the job in '{}'", record.string());
}

Result<void> Preparation::prepare_tool(const std::string& wanted) {
  DSTACK_TRY(const config::Settings settings, config::load_settings(attempt_.home.config()));
  DSTACK_TRY(const Fd output, attempt_.log.writer().append_descriptor());
  const auto about_to_fetch = [this] { attempt_.states.report(job::Status::preparing); };
  std::optional<python::Release> configured;
  if (const auto& release = settings.code_server)
    configured = python::Release{release->version, release->url, release->sha256};
  DSTACK_TRY(
      const auto tool,
      python::provide_tool(
          wanted, configured, attempt_.home, environment_variable, output.get(), about_to_fetch));
  DSTACK_CHECK(attempt_.log.writer().continue_at_end());
  set_variable(order_.environment, tool.variable, tool.program.string());
  job_.tools.push_back(tool.program.string());
  for (job::ApplicationSpec& app : order_.spec.apps) {
    if (!tool.health.empty())
      app.health = tool.health;
    if (!tool.token_query.empty())
      app.token_query = tool.token_query;
  }
  return {};
}

Result<void> Preparation::prepare_applications() {
  const std::string& token = order_.spec.token;
  if (!token.empty() && variable(order_.environment, token).empty())
    set_variable(order_.environment, token, random_hex(16));
  if (order_.spec.container)
    return {};
  const Path folder = attempt_.folder / file_names::private_folder;
  DSTACK_CHECK(remove_tree(folder));  // of an earlier attempt
  set_variable(order_.environment, std::string(job::job_folder_variable), folder.string());
  DSTACK_CHECK(make_folders(folder));
  for (std::size_t i = 0; i < order_.spec.apps.size(); ++i) {
    const job::ApplicationSpec& app = order_.spec.apps[i];
    DSTACK_CHECK(
        write_file_atomically(folder / fmt::format("host_{}", app.port),
                              job::browser_host(order_.run, order_.index, i, app.name) + "\n",
                              Durable::no));
  }
  return {};
}

/// A container does not see the file.
Result<void> Preparation::prepare_metrics() {
  if (order_.spec.container)
    return {};
  const Path file = reported_metrics(attempt_);
  set_variable(order_.environment, std::string(job::metrics_variable), file.string());
  if (order_.spec.sandbox)  // which opens only what is there
    DSTACK_CHECK(write_file_atomically(file, "", Durable::no, 0600));
  return {};
}

Result<void> Preparation::complete_launch(const Path& working_dir) {
  backend::Launch& launch = job_.launch;
  launch.working_dir = working_dir.string();
  launch.environment =
      order_.spec.container ? environment_of_container_agent(order_) : order_.environment;
  if (const std::string role(agent_role(order_.spec)); !role.empty()) {
    launch.program = process::own_program;
    launch.argv = {"dstack", role, order_.run + "/" + std::to_string(order_.index)};
    return {};
  }
  const Path script_file = attempt_.folder / "script.sh";
  JobCommand command = job_command(order_.spec, script_file);
  launch.argv = std::move(command.arguments);
  if (command.script.empty())
    return {};
  return write_file_atomically(script_file, command.script, Durable::no, 0600);
}

}  // namespace dstack::run
