#include "dstack/environment/build.hpp"

#include "dstack/base/text.hpp"
#include "dstack/environment/seal.hpp"
#include "dstack/environment/stage.hpp"
#include "dstack/environment/version.hpp"

namespace dstack::environment {

namespace {

std::string last_words(const Transcript& transcript) {
  std::string text;
  for (const std::string& line : transcript.last_lines)
    text += "\n  " + printable(line);
  return text;
}

bool says(const Transcript& transcript, std::initializer_list<std::string_view> words) {
  for (const std::string& line : transcript.last_lines)
    for (const std::string_view word : words)
      if (line.find(word) != std::string::npos)
        return true;
  return false;
}

std::string hint_for(const Transcript& transcript) {
  if (says(transcript, {"No space left", "Disk quota exceeded"}))
    return "make room on the disk that holds $DSTACK_HOME/environments, or set DSTACK_HOME to "
           "another place";
  if (says(transcript,
           {"dns error",
            "Name or service not known",
            "name resolution",
            "error sending request",
            "Connection refused",
            "Network is unreachable"}))
    return "this machine cannot reach the package index; set PIP_INDEX_URL to one that it can "
           "reach, or HTTPS_PROXY";
  if (says(transcript,
           {"ensurepip is not available", "No module named ensurepip", "No module named venv"}))
    return "install uv (https://docs.astral.sh/uv), or the system's package python3-venv";
  return "";
}

Failure installation_failure(const BuildOrder& order,
                             std::string_view program,
                             const Transcript& transcript) {
  std::string message = "cannot install " + order.requirements.title + " for Python " +
                        order.interpreter.version + ": " + std::string(program) + " ended with " +
                        process::render(transcript.status);
  return fail(ErrorCode::unavailable, message + last_words(transcript), hint_for(transcript));
}

Failure venv_failure(const BuildOrder& order, const Transcript& transcript) {
  std::string message = "cannot make a virtual environment of Python " + order.interpreter.version +
                        " ('" + order.interpreter.program.string() + "')";
  return fail(ErrorCode::unavailable, message + last_words(transcript), hint_for(transcript));
}

void add_files(std::vector<std::string>& argv, const BuildOrder& order) {
  for (const std::string& file : order.files) {
    argv.emplace_back("-r");
    argv.push_back(file);
  }
}

std::string python_of(const BuildOrder& order) {
  return (order.folder / "bin/python").string();
}

/// What the installer lists, kept beside the packages.
Result<void> record_packages(const BuildOrder& order,
                             const Workshop& workshop,
                             std::vector<std::string> argv) {
  process::Command command;
  command.argv = std::move(argv);
  command.environment = workshop.environment;
  command.working_dir = workshop.stage.string();
  DSTACK_TRY(const auto output, process::run(command));
  if (!process::succeeded(output.status))
    return fail(ErrorCode::unavailable,
                "cannot list the packages of '" + order.folder.string() +
                    "': " + std::string(trim(output.err)));
  return write_file_atomically(
      order.folder / "packages.txt", without_stage(output.out, workshop.stage), Durable::no);
}

Result<void> install_with_uv(const BuildOrder& order, const Workshop& workshop) {
  std::vector<std::string> argv = {
      *order.uv, "pip", "install", "--compile-bytecode", "--python", python_of(order)};
  add_files(argv, order);
  DSTACK_TRY(const Transcript transcript, run_installer(workshop, argv));
  if (!process::succeeded(transcript.status))
    return installation_failure(order, "uv", transcript);
  return record_packages(
      order, workshop, {*order.uv, "pip", "freeze", "--python", python_of(order)});
}

Result<void> install_with_pip(const BuildOrder& order, const Workshop& workshop) {
  DSTACK_TRY(
      const Transcript made,
      run_installer(workshop,
                    {order.interpreter.program.string(), "-m", "venv", order.folder.string()}));
  if (!process::succeeded(made.status))
    return venv_failure(order, made);
  std::vector<std::string> argv = {python_of(order), "-m", "pip", "install", "--compile"};
  add_files(argv, order);
  DSTACK_TRY(const Transcript transcript, run_installer(workshop, argv));
  if (!process::succeeded(transcript.status))
    return installation_failure(order, "pip", transcript);
  DSTACK_CHECK(record_packages(order, workshop, {python_of(order), "-m", "pip", "freeze"}));
  if (names_package(order.requirements, "pip") || needs_pip(order.folder))
    return {};
  DSTACK_TRY(
      const Transcript removed,
      run_installer(workshop,
                    {python_of(order), "-m", "pip", "uninstall", "--yes", "--quiet", "pip"}));
  if (!process::succeeded(removed.status))
    return installation_failure(order, "pip uninstall", removed);
  return {};
}

/// False when uv cannot work with this interpreter (a very old one): then venv and pip are tried.
Result<bool> make_with_uv(const BuildOrder& order, const Workshop& workshop) {
  if (!order.uv)
    return false;
  DSTACK_TRY(const Transcript made,
             run_installer(workshop,
                           {*order.uv,
                            "venv",
                            "--quiet",
                            "--no-project",
                            "--python",
                            order.interpreter.program.string(),
                            order.folder.string()}));
  if (process::succeeded(made.status))
    return true;
  workshop.say("uv cannot make an environment of Python " + order.interpreter.version +
               "; trying venv and pip");
  DSTACK_CHECK(remove_tree(order.folder));
  return false;
}

}  // namespace

Result<void> build_environment(const BuildOrder& order, const Workshop& workshop) {
  if (order.interpreter.version.starts_with("2."))
    return fail(ErrorCode::configuration,
                "Python " + order.interpreter.version +
                    " knows no virtual environments, which requirements need",
                "name a version of Python 3, or leave the requirements out");
  DSTACK_TRY(const bool with_uv, make_with_uv(order, workshop));
  DSTACK_CHECK(with_uv ? install_with_uv(order, workshop) : install_with_pip(order, workshop));
  DSTACK_CHECK(place_pip_notice(order.folder));
  return seal_content(order.folder);
}

}  // namespace dstack::environment
