// The provider `code`: one job that serves VS Code, by code-server or openvscode-server, whichever
// the host found.
#include "../shared/app.hpp"

namespace {

constexpr const char* code_server = R"sh(
  if [ -n "${DSTACK_TOOL_CODE_SERVER:-}" ]; then
    exec "$DSTACK_TOOL_CODE_SERVER" --auth password --bind-addr ADDRESS:"$JOB_PORT_0" \
      --config "$DSTACK_JOB_DIR/code-server.yaml" --user-data-dir "$DSTACK_JOB_DIR/code" \
      --disable-telemetry --disable-update-check --disable-workspace-trust .
  fi)sh";

/// It reads its token from a file, not from the arguments.
constexpr const char* openvscode_server = R"sh(
  (umask 077 && printf %s "$PASSWORD" > "$DSTACK_JOB_DIR/token")
  unset PASSWORD
  exec "$DSTACK_TOOL_OPENVSCODE_SERVER" --host ADDRESS --port "$JOB_PORT_0" \
    --connection-token-file "$DSTACK_JOB_DIR/token" --server-data-dir "$DSTACK_JOB_DIR/code" \
    --telemetry-level off --accept-server-license-terms --default-folder "$PWD")sh";

std::string listening_at(std::string command, const std::string& address) {
  const std::string placeholder = "ADDRESS";
  return command.replace(command.find(placeholder), placeholder.size(), address);
}

class CodeProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job = apps::python_job(workflow, {});
    if (job.python->version.empty() && job.python->requirements.empty())
      job.python.reset();
    const std::string address = apps::address(workflow);
    job.commands = {listening_at(code_server, address), listening_at(openvscode_server, address)};
    job.tools = {apps::package(workflow, "code-server")};
    job.ports = 1;
    job.token = "PASSWORD";
    job.apps = {{.name = "VS Code", .health = "/healthz"}};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(CodeProvider)
