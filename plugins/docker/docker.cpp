// The provider `docker`: one job in a container.
#include <dstack/provider.hpp>

namespace {

std::string member(const dstack::Workflow& workflow, const char* map, const char* key) {
  return workflow.property(map)[key].text().value_or("");
}

void check_registry_auth(const dstack::Workflow& workflow) {
  const dstack::Value auth = workflow.property("registry_auth");
  for (std::uint64_t i = 0; i < auth.size(); ++i)
    if (const std::string key = auth.key(i); key != "username" && key != "password")
      throw dstack::PropertyError("registry_auth",
                                  "'" + key + "' is not a part of 'registry_auth'",
                                  "it has a 'username' and a 'password'");
  if (!auth.is_null() && (member(workflow, "registry_auth", "username").empty() ||
                          member(workflow, "registry_auth", "password").empty()))
    throw dstack::PropertyError("registry_auth",
                                "'registry_auth' needs both a 'username' and a 'password'");
}

void check_platform(const std::string& platform) {
  const std::size_t slash = platform.find('/');
  const bool is_one = slash != 0 && slash != std::string::npos && slash + 1 < platform.size() &&
                      platform.find_first_not_of(
                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-.") ==
                          std::string::npos;
  if (!platform.empty() && !is_one)
    throw dstack::PropertyError("platform",
                                "'" + platform + "' is not a platform",
                                "write its system and its processor, such as linux/amd64");
}

void check_privileges(const std::vector<std::string>& privileges) {
  for (const std::string& name : privileges)
    if (name != "setuid" &&
        (name.empty() || name.rfind("CAP_", 0) == 0 ||
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != std::string::npos))
      throw dstack::PropertyError("privileges",
                                  "'" + name + "' is not a privilege",
                                  "write names of capabilities without CAP_, such as NET_RAW, or "
                                  "'setuid' for programs such as sudo");
}

std::optional<dstack::Build> build_of(const dstack::Workflow& workflow) {
  const dstack::Value value = workflow.property("build");
  if (value.is_null())
    return std::nullopt;
  dstack::Build build;
  build.context = value["context"].text().value_or("");
  build.dockerfile = value["dockerfile"].text().value_or("");
  build.arguments = dstack::Properties(value).environment("args");
  build.target = value["target"].text().value_or("");
  return build;
}

dstack::Container container_of(const dstack::Workflow& workflow) {
  check_registry_auth(workflow);
  dstack::Container container;
  container.image = workflow.text("image");
  container.build = build_of(workflow);
  container.platform = workflow.text("platform");
  check_platform(container.platform);
  container.entrypoint = workflow.texts("entrypoint");
  container.privileges = workflow.texts("privileges");
  check_privileges(container.privileges);
  container.username = member(workflow, "registry_auth", "username");
  container.password = member(workflow, "registry_auth", "password");
  if (container.image.find_first_of(" \t\n") != std::string::npos)
    throw dstack::PropertyError("image",
                                "'" + container.image + "' cannot be the name of an image",
                                "name only the image; put what it should run into 'commands'");
  // `-v /data IMAGE`: here the option has no value.
  if (!container.image.empty() &&
      std::string_view("/.~").find(container.image.front()) != std::string_view::npos)
    throw dstack::PropertyError(
        "image",
        "'" + container.image + "' is a path, and not the name of an image",
        "data comes by 'inputs' ('--input PATH'), and an image of a Dockerfile by 'build'");
  return container;
}

/// The image's entrypoint gets the arguments, as with 'docker run'; the workflow's commands, which
/// are for a shell, get them as "$@".
void set_command(const dstack::Workflow& workflow, dstack::Job& job) {
  const std::vector<std::string> arguments = workflow.texts("args");
  job.commands = workflow.texts("commands");
  if (arguments.empty())
    return;
  if (job.commands.empty())
    job.argv = arguments;
  else
    job.commands.insert(job.commands.begin(), "set -- " + dstack::shell_join(arguments));
}

void set_ports(const dstack::Workflow& workflow, dstack::Job& job) {
  job.ports = static_cast<std::uint32_t>(workflow.integer("ports"));
  for (std::uint32_t port = 0; port < job.ports; ++port) {
    dstack::App app;
    app.name = "port " + std::to_string(port);
    app.port = port;
    job.apps.push_back(std::move(app));
  }
}

class DockerProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.container = container_of(workflow);
    set_command(workflow, job);
    set_ports(workflow, job);
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(DockerProvider)
