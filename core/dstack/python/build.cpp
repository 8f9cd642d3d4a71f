#include "dstack/python/build.hpp"

#include "dstack/base/text.hpp"
#include "dstack/python/compiled.hpp"
#include "dstack/python/conda.hpp"
#include "dstack/python/index_origin.hpp"
#include "dstack/python/installed.hpp"
#include "dstack/python/job_pip.hpp"
#include "dstack/python/pip.hpp"
#include "dstack/python/seal.hpp"
#include "dstack/python/settings.hpp"
#include "dstack/python/stage.hpp"
#include "dstack/python/version.hpp"
#include "dstack/secrets/masker.hpp"

#include <algorithm>

namespace dstack::python {

namespace {

/// The end of the output, for the message, and where all of it is.
std::string log_tail(const BuildOrder& order, const Transcript& transcript) {
  constexpr std::size_t most_lines = 10;
  constexpr std::size_t longest_line = 300;
  const auto& lines = transcript.last_lines;
  std::string text;
  for (std::size_t i = lines.size() - std::min(most_lines, lines.size()); i < lines.size(); ++i) {
    text += fmt::format("\n  {}", printable(std::string_view(lines[i]).substr(0, longest_line)));
    if (lines[i].size() > longest_line)
      text += "…";
  }
  return text + fmt::format("\n  the whole output: {}", log_of(order.folder).string());
}

bool contains_any(const Transcript& transcript, std::initializer_list<std::string_view> texts) {
  for (const std::string& line : transcript.last_lines)
    for (const std::string_view text : texts)
      if (line.find(text) != std::string::npos)
        return true;
  return false;
}

/// What to do about variables that the files use and nobody has set.
std::string hint_for_unset(const InstallContext& context) {
  return fmt::format(
      "{} not set: give it a value where the run is started, in the workflow's 'environment', or "
      "with 'dstack secrets add'",
      join(context.unset, ", ") + (context.unset.size() == 1 ? " is" : " are"));
}

/// What says which index is meant: " (from 'index' at .dstack/workflows.yaml:5:12)"; may be empty.
std::string origins_of_index(const InstallContext& context) {
  return context.indexes.empty() ? std::string()
                                 : fmt::format(" (from {})", join(context.indexes, ", "));
}

std::string hint_for_unreachable(const InstallContext& context) {
  const auto proxies = proxy_variables(context.environment);
  std::string hint =
      fmt::format("this machine cannot reach the package index{}", origins_of_index(context));
  if (!proxies.empty())
    hint += fmt::format(" through the proxy that {} names", join(proxies, ", "));
  if (!context.indexes.empty())
    return hint + ": correct that, or try again when it answers";
  return hint + (proxies.empty() ? "; 'index' in the workflow, or PIP_INDEX_URL, names one that it "
                                   "can reach, and HTTPS_PROXY a proxy"
                                 : ": correct that; 'index' in the workflow, or PIP_INDEX_URL, "
                                   "names another index");
}

std::string hint_for(const InstallContext& context, const Transcript& transcript) {
  if (!context.unset.empty())
    return hint_for_unset(context);
  if (contains_any(transcript, {"No space left", "Disk quota exceeded"}))
    return "free space on the disk of $DSTACK_HOME/environments, or set DSTACK_HOME to "
           "another folder";
  if (contains_any(transcript,
                   {"dns error",
                    "Name or service not known",
                    "name resolution",
                    "error sending request",
                    "Connection refused",
                    "Connection timed out",
                    "operation timed out",
                    "ConnectTimeoutError",
                    "No route to host",
                    "Cannot connect to proxy",
                    "Network is unreachable"}))
    return hint_for_unreachable(context);
  if (contains_any(transcript,
                   {"401 Unauthorized",
                    "401 Client Error",
                    "401 Error",
                    "403 Forbidden",
                    "403 Client Error"}))
    return fmt::format(
        "the package index{} wants other credentials: '${{{{ secrets.NAME }}}}' in the workflow's "
        "'index' is the value of a secret, as in https://USER:${{{{ secrets.NAME }}}}@HOST/simple",
        origins_of_index(context));
  if (!context.indexes.empty() && contains_any(transcript,
                                               {"not found in the package registry",
                                                "No matching distribution found",
                                                "Could not find a version",
                                                "404 Client Error",
                                                "404 Not Found"}))
    return fmt::format("it was looked for in the package index{}", origins_of_index(context));
  if (contains_any(
          transcript,
          {"ensurepip is not available", "No module named ensurepip", "No module named venv"}))
    return "install uv (https://docs.astral.sh/uv), or the system's package python3-venv";
  return "";
}

Failure installation_failure(const BuildOrder& order,
                             const InstallContext& context,
                             std::string_view program,
                             const Transcript& transcript) {
  std::string message = fmt::format("cannot install {} for Python {}: {} ended with {}",
                                    order.requirements.title,
                                    order.interpreter.version,
                                    program,
                                    process::render(transcript.status));
  return fail(ErrorCode::unavailable, "{}", message + log_tail(order, transcript))
      .with_hint("{}", hint_for(context, transcript));
}

Failure venv_failure(const BuildOrder& order,
                     const InstallContext& context,
                     const Transcript& transcript) {
  std::string message = fmt::format("cannot make a virtual environment of Python {} ('{}')",
                                    order.interpreter.version,
                                    order.interpreter.program.string());
  return fail(ErrorCode::unavailable, "{}", message + log_tail(order, transcript))
      .with_hint("{}", hint_for(context, transcript));
}

/// As a path to every installer: uv takes `pyproject.toml:dev.txt` for an address, and both take
/// `-dev.txt` for an option.
void add_files(std::vector<std::string>& argv, const BuildOrder& order) {
  for (const std::string& file : order.files) {
    argv.emplace_back("-r");
    const bool plain = !file.starts_with('-') && file.find(':') == std::string::npos;
    argv.push_back(plain ? file : "./" + file);
  }
}

std::string python_of(const BuildOrder& order) {
  return (order.folder / "bin/python").string();
}

bool is_set(const InstallContext& context, const std::string& name) {
  for (const std::string& entry : context.environment)
    if (entry.starts_with(name + "="))
      return is_switched_on(std::string_view(entry).substr(name.size() + 1));
  return false;
}

/// Records the packages that the installer lists, beside them.
Result<void> record_packages(const BuildOrder& order,
                             const InstallContext& context,
                             std::vector<std::string> argv) {
  process::Command command;
  command.argv = std::move(argv);
  command.environment = context.environment;
  command.working_dir = context.stage.string();
  DSTACK_TRY(const auto output, process::run(command));
  if (!process::succeeded(output.status))
    return fail(ErrorCode::unavailable,
                "cannot list the packages of '{}': {}",
                order.folder.string(),
                trim(output.err));
  const std::string list = without_stage(output.out, context.stage);
  const secrets::Needles hidden(context.hidden);
  return write_file_atomically(
      order.folder / packages_file, hidden.empty() ? list : hidden.masked(list), Durable::no);
}

/// What a uv.lock names. Default groups are not asked for: a job has what its workflow names.
Result<void> install_lock(const BuildOrder& order, InstallContext context) {
  const job::RequirementsSource& source = order.requirements.lock->source;
  std::vector<std::string> argv = {*order.uv,
                                   "sync",
                                   "--frozen",
                                   "--no-default-groups",
                                   "--no-editable",
                                   "--python",
                                   python_of(order),
                                   "--project",
                                   order.locked.string()};
  if (!source.project)
    argv.emplace_back("--no-install-project");
  if (!order.requirements.lock->is_package)
    argv.emplace_back("--all-packages");
  for (const std::string& extra : source.extras)
    argv.insert(argv.end(), {"--extra", extra});
  for (const std::string& group : source.groups)
    argv.insert(argv.end(), {"--group", group});
  context.environment.push_back("UV_PROJECT_ENVIRONMENT=" + order.folder.string());
  DSTACK_TRY(const Transcript transcript, run_installer(context, argv));
  if (!process::succeeded(transcript.status))
    return installation_failure(order, context, "uv", transcript);
  return {};
}

Result<void> install_with_uv(const BuildOrder& order, InstallContext context) {
  // What a local package takes from a workspace or as editable: its copy is gone after the build.
  context.environment.emplace_back("UV_NO_EDITABLE=1");
  if (order.requirements.lock)
    DSTACK_CHECK(install_lock(order, context));
  if (order.files.empty())
    return record_packages(
        order, context, {*order.uv, "pip", "freeze", "--python", python_of(order)});
  std::vector<std::string> argv = {*order.uv, "pip", "install", "--python", python_of(order)};
  if (is_set(context, "UV_NO_INDEX"))  // uv takes this setting only as an option
    argv.emplace_back("--no-index");
  add_files(argv, order);
  DSTACK_TRY(const Transcript transcript, run_installer(context, argv));
  if (!process::succeeded(transcript.status))
    return installation_failure(order, context, "uv", transcript);
  return record_packages(
      order, context, {*order.uv, "pip", "freeze", "--python", python_of(order)});
}

Result<void> install_files_with_pip(const BuildOrder& order, const InstallContext& context) {
  const Path python = order.conda ? Path(python_of(order)) : order.interpreter.program;
  DSTACK_TRY(const Transcript unpacked, unpack_pip(context, python));
  if (!process::succeeded(unpacked.status))
    return venv_failure(order, context, unpacked);
  const std::vector<std::string> pip = pip_command(context, python_of(order));
  std::vector<std::string> argv = pip;
  argv.insert(argv.end(), {"install", "--no-compile"});
  add_files(argv, order);
  DSTACK_TRY(const Transcript transcript, run_installer(context, argv));
  if (!process::succeeded(transcript.status))
    return installation_failure(order, context, "pip", transcript);
  argv = pip;
  argv.emplace_back("freeze");
  return record_packages(order, context, argv);
}

Result<void> install_with_pip(const BuildOrder& order, const InstallContext& context) {
  const std::string python = order.interpreter.program.string();
  DSTACK_TRY(
      const Transcript made,
      run_installer(context, {python, "-m", "venv", "--without-pip", order.folder.string()}));
  if (!process::succeeded(made.status))
    return venv_failure(order, context, made);
  return install_files_with_pip(order, context);
}

/// False when uv does not support this interpreter (a very old one): then venv and pip are tried.
Result<bool> make_with_uv(const BuildOrder& order, const InstallContext& context) {
  if (!order.uv)
    return false;
  DSTACK_TRY(const Transcript made,
             run_installer(context,
                           {*order.uv,
                            "venv",
                            "--quiet",
                            "--no-project",
                            "--python",
                            order.interpreter.program.string(),
                            order.folder.string()}));
  if (process::succeeded(made.status))
    return true;
  context.say(fmt::format("uv cannot make an environment of Python {}; trying venv and pip",
                          order.interpreter.version));
  DSTACK_CHECK(remove_tree(order.folder));
  return false;
}

Result<void> make_with_conda(const BuildOrder& order, InstallContext context) {
  const std::string& file = order.requirements.conda->name;
  // Files that are linked from its cache would become read-only there, too.
  context.environment.insert(context.environment.end(),
                             {"CONDA_ALWAYS_COPY=1", "MAMBA_ALWAYS_COPY=1"});
  DSTACK_TRY(const Transcript transcript,
             run_installer(context, conda_command(*order.conda, order.folder, file)));
  const std::string program = Path(*order.conda).filename().string();
  if (!process::succeeded(transcript.status))
    return fail(ErrorCode::unavailable,
                "cannot make the environment of '{}': {} ended with {}{}",
                file,
                program,
                process::render(transcript.status),
                log_tail(order, transcript))
        .with_hint("{}", hint_for(context, transcript));
  boost::system::error_code error;
  if (!fs::exists(python_of(order), error))
    return fail(ErrorCode::configuration, "the environment of '{}' has no Python", file)
        .with_hint("add 'python' to its dependencies");
  if (order.files.empty())
    return write_file_atomically(
        order.folder / packages_file, installed_packages(python_of(order)), Durable::no);
  return order.uv ? install_with_uv(order, context) : install_files_with_pip(order, context);
}

}  // namespace

Failure uv_is_missing(const job::RequirementsSource& lock) {
  return fail(ErrorCode::unavailable,
              "'{}' needs uv, which is neither in PATH nor in ~/.local/bin",
              lock.file)
      .with_hint(
          "install uv (https://docs.astral.sh/uv, or 'pip install uv'), or name the "
          "pyproject.toml beside it, or what 'uv export -o requirements.txt' writes");
}

Path log_of(const Path& folder) {
  return folder.string() + ".log";
}

Result<void> build_environment(const BuildOrder& order, const InstallContext& context) {
  if (order.conda) {
    DSTACK_CHECK(make_with_conda(order, context));
    DSTACK_CHECK(link_compiled(order.folder));
    return seal_content(order.folder);
  }
  if (order.interpreter.version.starts_with("2."))
    return fail(ErrorCode::configuration,
                "Python {} does not support virtual environments, which requirements need",
                order.interpreter.version)
        .with_hint("name a version of Python 3, or omit the requirements");
  if (order.requirements.lock && !order.uv)
    return uv_is_missing(order.requirements.lock->source);
  DSTACK_TRY(const bool with_uv, make_with_uv(order, context));
  if (order.requirements.lock && !with_uv)
    return fail(ErrorCode::unavailable,
                "'{}' cannot be installed: uv does not support Python {}",
                order.requirements.lock->source.file,
                order.interpreter.version)
        .with_hint("name a newer version of Python");
  DSTACK_CHECK(with_uv ? install_with_uv(order, context) : install_with_pip(order, context));
  DSTACK_CHECK(place_job_pip(order.folder, order.uv));
  DSTACK_CHECK(link_compiled(order.folder));
  return seal_content(order.folder);
}

}  // namespace dstack::python
