// The provider `code`: one job that serves VS Code, by code-server or openvscode-server, whichever
// the host found.
#include "../shared/app.hpp"

namespace {

/// The folder where the editor keeps the user's extensions when it is started without dstack: what
/// is installed in one session is there in the next. One of the job's where that cannot be written.
constexpr const char* find_extensions = R"sh(
  extensions_in() {
    if mkdir -p "$1" 2>/dev/null && [ -w "$1" ]; then printf %s "$1"; else printf %s "$DSTACK_JOB_DIR/extensions"; fi
  })sh";

/// Host and port are there twice: PORT and CODE_SERVER_HOST would override --bind-addr.
constexpr const char* code_server = R"sh(
  if [ -n "${DSTACK_TOOL_CODE_SERVER:-}" ]; then
    unset HASHED_PASSWORD
    exec "$DSTACK_TOOL_CODE_SERVER" --auth password --bind-addr ADDRESS:"$JOB_PORT_0" \
      --host ADDRESS --port "$JOB_PORT_0" \
      --config "$DSTACK_JOB_DIR/code-server.yaml" --user-data-dir "$DSTACK_JOB_DIR/code" \
      --extensions-dir "$(extensions_in "${XDG_DATA_HOME:-${HOME:-$DSTACK_JOB_DIR}/.local/share}/code-server/extensions")" \
      --disable-telemetry --disable-update-check --disable-workspace-trust .
  fi)sh";

/// It reads its token from a file, not from the arguments.
constexpr const char* openvscode_server = R"sh(
  (umask 077 && printf %s "$PASSWORD" > "$DSTACK_JOB_DIR/token")
  unset PASSWORD
  exec "$DSTACK_TOOL_OPENVSCODE_SERVER" --host ADDRESS --port "$JOB_PORT_0" \
    --connection-token-file "$DSTACK_JOB_DIR/token" --server-data-dir "$DSTACK_JOB_DIR/code" \
    --extensions-dir "$(extensions_in "${HOME:-$DSTACK_JOB_DIR}/.openvscode-server/extensions")" \
    --telemetry-level off --accept-server-license-terms --default-folder "$PWD")sh";

std::string listening_at(std::string command, const std::string& address) {
  const std::string placeholder = "ADDRESS";
  for (std::size_t at = command.find(placeholder); at != std::string::npos;
       at = command.find(placeholder, at + address.size()))
    command.replace(at, placeholder.size(), address);
  return command;
}

class CodeProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job = apps::python_job(workflow, {});
    if (job.python->version.empty() && job.python->requirements.empty())
      job.python.reset();
    const std::string address = apps::address(workflow);
    job.commands = {find_extensions,
                    listening_at(code_server, address),
                    listening_at(openvscode_server, address)};
    job.tools = {apps::package(workflow, "code-server")};
    job.ports = 1;
    job.token = "PASSWORD";
    job.apps = {{.name = "VS Code", .health = "/healthz"}};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(CodeProvider)
