#include "dstack/job/job_spec.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <limits>

namespace dstack::job {

namespace {

Failure wrong(std::string message) {
  return fail(ErrorCode::internal, "{}", message);
}

std::string quote(std::string_view key) {
  std::string quoted = "'";
  quoted += printable(key);
  return quoted += "'";
}

constexpr std::uint32_t most_ports = 1000;

using Keys = std::vector<std::string>;

const Keys& job_keys() {
  static const Keys keys = {"argv",
                            "commands",
                            "container",
                            "native",
                            "setup",
                            "environment",
                            "working_dir",
                            "artifacts",
                            "resources",
                            "python",
                            "tools",
                            "ports",
                            "apps",
                            "token",
                            "master",
                            "workspace",
                            "timeout",
                            "retry"};
  return keys;
}

const Keys& container_keys() {
  static const Keys keys = {"image", "entrypoint", "username", "password"};
  return keys;
}

const Keys& app_keys() {
  static const Keys keys = {"name", "port", "path", "health", "token_query"};
  return keys;
}

const Keys& resource_keys() {
  static const Keys keys = {"cpu", "memory", "gpu", "shm_size", "interruptible", "local"};
  return keys;
}

const Keys& gpu_keys() {
  static const Keys keys = {"count", "name", "memory"};
  return keys;
}

const Keys& python_keys() {
  static const Keys keys = {"version", "requirements", "packages"};
  return keys;
}

Result<void> only(const Json& map, std::string_view subject, const Keys& keys) {
  if (!map.is_object())
    return wrong(quote(subject) + " must be a map");
  for (const auto& [key, value] : map.items()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end())
      continue;
    const std::string hint = did_you_mean(key, keys);
    return wrong(quote(subject) + " has the unknown member " + quote(key) +
                 (hint.empty() ? "" : ", " + hint));
  }
  return {};
}

Result<std::string> check_text(const Json& json, std::string_view subject) {
  if (!json.is_string())
    return wrong(quote(subject) + " must be a text");
  const auto& text = json.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos)
    return wrong(quote(subject) + " contains a NUL character");
  if (find_invalid_utf8(text))
    return wrong(quote(subject) + " is not UTF-8");
  return text;
}

Result<std::string> text(const Json& map, std::string_view key) {
  const Json* member = json_member(map, key);
  return member == nullptr || member->is_null() ? Result<std::string>(std::string())
                                                : check_text(*member, key);
}

Result<std::vector<std::string>> texts(const Json& map, std::string_view key) {
  std::vector<std::string> list;
  const Json* member = json_member(map, key);
  if (member == nullptr || member->is_null())
    return list;
  if (!member->is_array())
    return wrong(quote(key) + " must be a list of texts");
  list.reserve(member->size());
  for (const Json& element : *member) {
    DSTACK_TRY(std::string one, check_text(element, key));
    list.push_back(std::move(one));
  }
  return list;
}

Result<std::string> inside(const std::string& path, std::string_view subject) {
  const std::optional<std::string> normal = normal_relative_path(path);
  if (!normal)
    return wrong(quote(subject) + " leads out of the project: " + quote(path));
  return *normal;
}

/// Paths of things in the project: never the project itself.
Result<std::vector<std::string>> paths(const Json& map, std::string_view key) {
  DSTACK_TRY(std::vector<std::string> list, texts(map, key));
  for (std::string& path : list) {
    DSTACK_TRY(std::string normal, inside(path, key));
    if (normal.empty())
      return wrong(quote(key) + " has a path that names nothing: " + quote(path));
    path = std::move(normal);
  }
  return list;
}

template <typename Integer>
Result<Integer> count(const Json& map, std::string_view key) {
  const Json* member = json_member(map, key);
  if (member == nullptr || member->is_null())
    return Integer{0};
  if (!member->is_number_integer() ||
      (!member->is_number_unsigned() && member->get<std::int64_t>() < 0) ||
      member->get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<Integer>::max()))
    return wrong(quote(key) + " must be a whole number, 0 or more");
  return member->get<Integer>();
}

Result<bool> boolean(const Json& map, std::string_view key) {
  const Json* member = json_member(map, key);
  if (member == nullptr || member->is_null())
    return false;
  if (!member->is_boolean())
    return wrong(quote(key) + " must be true or false");
  return member->get<bool>();
}

Result<void> parse_gpu(const Json& gpu, Resources& resources) {
  DSTACK_CHECK(only(gpu, "gpu", gpu_keys()));
  DSTACK_TRY(resources.gpu, count<std::uint32_t>(gpu, "count"));
  DSTACK_TRY(resources.gpu_name, text(gpu, "name"));
  DSTACK_TRY(resources.gpu_memory, count<std::uint64_t>(gpu, "memory"));
  const bool describes_card = !resources.gpu_name.empty() || resources.gpu_memory != 0;
  if (describes_card && !gpu.contains("count"))
    resources.gpu = 1;
  return {};
}

Result<std::vector<std::pair<std::string, std::string>>> parse_environment(const Json& job) {
  std::vector<std::pair<std::string, std::string>> environment;
  const Json* map = json_member(job, "environment");
  if (map == nullptr || map->is_null())
    return environment;
  if (!map->is_object())
    return wrong("'environment' must be a map");
  for (const auto& [name, value] : map->items()) {
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos)
      return wrong("'environment' has a variable with the impossible name " + quote(name));
    DSTACK_TRY(std::string text, check_text(value, name));
    environment.emplace_back(name, std::move(text));
  }
  return environment;
}

Result<std::optional<PythonRequest>> parse_python(const Json& job) {
  const Json* map = json_member(job, "python");
  if (map == nullptr || map->is_null())
    return std::optional<PythonRequest>();
  DSTACK_CHECK(only(*map, "python", python_keys()));
  PythonRequest python;
  DSTACK_TRY(python.version, text(*map, "version"));
  DSTACK_TRY(python.requirements, paths(*map, "requirements"));
  DSTACK_TRY(python.packages, texts(*map, "packages"));
  return std::optional(std::move(python));
}

Result<std::optional<Container>> parse_container(const Json& job) {
  const Json* map = json_member(job, "container");
  if (map == nullptr || map->is_null())
    return std::optional<Container>();
  DSTACK_CHECK(only(*map, "container", container_keys()));
  Container container;
  DSTACK_TRY(container.image, text(*map, "image"));
  DSTACK_TRY(container.entrypoint, texts(*map, "entrypoint"));
  DSTACK_TRY(container.username, text(*map, "username"));
  DSTACK_TRY(container.password, text(*map, "password"));
  if (container.image.empty())
    return wrong("'container' has no 'image'");
  return std::optional(std::move(container));
}

Result<std::string> url_path(const Json& map, std::string_view key) {
  DSTACK_TRY(std::string path, text(map, key));
  if (!path.empty() && path.front() != '/')
    return wrong(quote(key) + " of an app must begin with '/', not be " + quote(path));
  return path;
}

Result<std::vector<ApplicationSpec>> parse_apps(const Json& job, const JobSpec& spec) {
  std::vector<ApplicationSpec> apps;
  const Json* list = json_member(job, "apps");
  if (list == nullptr || list->is_null())
    return apps;
  if (!list->is_array())
    return wrong("'apps' must be a list of maps");
  for (const Json& map : *list) {
    DSTACK_CHECK(only(map, "apps", app_keys()));
    ApplicationSpec app;
    DSTACK_TRY(app.name, text(map, "name"));
    DSTACK_TRY(app.port, count<std::uint32_t>(map, "port"));
    DSTACK_TRY(app.path, url_path(map, "path"));
    DSTACK_TRY(app.health, url_path(map, "health"));
    DSTACK_TRY(app.token_query, text(map, "token_query"));
    if (app.name.empty())
      return wrong("an app has no 'name'");
    if (app.port >= spec.ports)
      return wrong("app " + quote(app.name) + " is at port " + std::to_string(app.port) +
                   " of a job with " + std::to_string(spec.ports));
    if (!app.token_query.empty() && spec.token.empty())
      return wrong("app " + quote(app.name) + " has a 'token_query', but the job no 'token'");
    apps.push_back(std::move(app));
  }
  return apps;
}

Result<void> check_what_runs(const JobSpec& job) {
  if (!job.argv.empty() && !job.commands.empty())
    return wrong("has both 'argv' and 'commands'");
  const bool has_command = !job.argv.empty() || !job.commands.empty();
  if (!job.native.is_null() && (has_command || job.container || !job.setup.empty()))
    return wrong("has both 'native' and something else to run");
  if (!has_command && !job.container && job.native.is_null())
    return wrong("has no command: neither 'argv' nor 'commands'");
  if (!job.argv.empty() && job.argv.front().empty())
    return wrong("'argv' begins with an empty program name");
  return {};
}

/// What the host needs to know of a job beside what runs.
Result<void> parse_conditions(const Json& json, JobSpec& job) {
  DSTACK_TRY(job.tools, texts(json, "tools"));
  DSTACK_TRY(job.ports, count<std::uint32_t>(json, "ports"));
  if (job.ports > most_ports)
    return wrong("'ports' must be at most " + std::to_string(most_ports));
  DSTACK_TRY(job.token, text(json, "token"));
  DSTACK_TRY(job.apps, parse_apps(json, job));
  if (const Json* master = json_member(json, "master"); master != nullptr && !master->is_null()) {
    DSTACK_TRY(job.master, count<std::uint32_t>(json, "master"));
  }
  DSTACK_TRY(const std::string workspace, text(json, "workspace"));
  job.workspace = parse_workspace_kind(workspace);
  if (!workspace.empty() && !job.workspace)
    return wrong("'workspace' must be private, copy or project, not " + quote(workspace));
  DSTACK_TRY(const auto timeout, count<std::int64_t>(json, "timeout"));
  job.timeout = std::chrono::milliseconds(timeout);
  DSTACK_TRY(job.retry, count<std::uint32_t>(json, "retry"));
  return {};
}

Json render_container(const Container& container) {
  Json json = {{"image", container.image}};
  if (!container.entrypoint.empty())
    json["entrypoint"] = container.entrypoint;
  if (!container.username.empty())
    json["username"] = container.username;
  if (!container.password.empty())
    json["password"] = container.password;
  return json;
}

Json render_app(const ApplicationSpec& app) {
  Json json = {{"name", app.name}, {"port", app.port}};
  if (!app.path.empty())
    json["path"] = app.path;
  if (!app.health.empty())
    json["health"] = app.health;
  if (!app.token_query.empty())
    json["token_query"] = app.token_query;
  return json;
}

void render_conditions(const JobSpec& job, Json& json) {
  if (job.ports != 0)
    json["ports"] = job.ports;
  for (const ApplicationSpec& app : job.apps)
    json["apps"].push_back(render_app(app));
  if (!job.token.empty())
    json["token"] = job.token;
  if (job.master)
    json["master"] = *job.master;
  if (job.workspace)
    json["workspace"] = render(*job.workspace);
  if (job.timeout.count() != 0)
    json["timeout"] = job.timeout.count();
  if (job.retry != 0)
    json["retry"] = job.retry;
}

void set_texts(Json& json, const char* key, const std::vector<std::string>& texts) {
  if (!texts.empty())
    json[key] = texts;
}

}  // namespace

std::string_view render(WorkspaceKind kind) {
  switch (kind) {
    case WorkspaceKind::copy:
      return "copy";
    case WorkspaceKind::project:
      return "project";
    case WorkspaceKind::private_:
      break;
  }
  return "private";
}

std::optional<WorkspaceKind> parse_workspace_kind(std::string_view text) {
  for (const auto kind : {WorkspaceKind::private_, WorkspaceKind::copy, WorkspaceKind::project})
    if (text == render(kind))
      return kind;
  return std::nullopt;
}

std::string path_from_root(const JobSpec& job, const std::string& artifact) {
  if (job.working_dir.empty())
    return artifact;
  return artifact.empty() ? job.working_dir : job.working_dir + "/" + artifact;
}

Json render_resources(const Resources& resources) {
  Json json = Json::object();
  if (resources.cpu != 0)
    json["cpu"] = resources.cpu;
  if (resources.memory != 0)
    json["memory"] = resources.memory;
  if (resources.gpu != 0 || !resources.gpu_name.empty() || resources.gpu_memory != 0) {
    Json& gpu = json["gpu"];
    gpu["count"] = resources.gpu;
    if (!resources.gpu_name.empty())
      gpu["name"] = resources.gpu_name;
    if (resources.gpu_memory != 0)
      gpu["memory"] = resources.gpu_memory;
  }
  if (resources.shm_size != 0)
    json["shm_size"] = resources.shm_size;
  if (resources.interruptible)
    json["interruptible"] = true;
  if (resources.local)
    json["local"] = true;
  return json;
}

Result<Resources> parse_resources(const Json& json) {
  Resources resources;
  DSTACK_CHECK(only(json, "resources", resource_keys()));
  DSTACK_TRY(resources.cpu, count<std::uint32_t>(json, "cpu"));
  DSTACK_TRY(resources.memory, count<std::uint64_t>(json, "memory"));
  if (const Json* gpu = json_member(json, "gpu"); gpu != nullptr && gpu->is_number())
    DSTACK_CHECK(
        count<std::uint32_t>(json, "gpu").map([&](std::uint32_t cards) { resources.gpu = cards; }));
  else if (gpu != nullptr && !gpu->is_null())
    DSTACK_CHECK(parse_gpu(*gpu, resources));
  DSTACK_TRY(resources.shm_size, count<std::uint64_t>(json, "shm_size"));
  DSTACK_TRY(resources.interruptible, boolean(json, "interruptible"));
  DSTACK_TRY(resources.local, boolean(json, "local"));
  return resources;
}

Json render_job(const JobSpec& job) {
  Json json = Json::object();
  set_texts(json, "argv", job.argv);
  set_texts(json, "commands", job.commands);
  if (job.container)
    json["container"] = render_container(*job.container);
  if (!job.native.is_null())
    json["native"] = job.native;
  set_texts(json, "setup", job.setup);
  if (!job.environment.empty()) {
    Json& environment = json["environment"] = Json::object();
    for (const auto& [name, value] : job.environment)
      environment[name] = value;
  }
  if (!job.working_dir.empty())
    json["working_dir"] = job.working_dir;
  set_texts(json, "artifacts", job.artifacts);
  if (Json resources = render_resources(job.resources); !resources.empty())
    json["resources"] = std::move(resources);
  if (job.python) {
    Json& python = json["python"] = Json::object();
    if (!job.python->version.empty())
      python["version"] = job.python->version;
    set_texts(python, "requirements", job.python->requirements);
    set_texts(python, "packages", job.python->packages);
  }
  set_texts(json, "tools", job.tools);
  render_conditions(job, json);
  return json;
}

Result<JobSpec> parse_job(const Json& json) {
  JobSpec job;
  if (!json.is_object())
    return wrong("is no map");
  DSTACK_CHECK(only(json, "job", job_keys()));
  DSTACK_TRY(job.argv, texts(json, "argv"));
  DSTACK_TRY(job.commands, texts(json, "commands"));
  DSTACK_TRY(job.container, parse_container(json));
  if (const Json* native = json_member(json, "native"); native != nullptr && !native->is_null()) {
    if (!native->is_object())
      return wrong("'native' must be a map");
    job.native = *native;
  }
  DSTACK_TRY(job.setup, texts(json, "setup"));
  DSTACK_CHECK(check_what_runs(job));
  DSTACK_TRY(job.environment, parse_environment(json));
  DSTACK_TRY(const std::string working_dir, text(json, "working_dir"));
  DSTACK_TRY(job.working_dir, inside(working_dir, "working_dir"));
  DSTACK_TRY(job.artifacts, paths(json, "artifacts"));
  if (const Json* resources = json_member(json, "resources");
      resources != nullptr && !resources->is_null()) {
    DSTACK_TRY(job.resources, parse_resources(*resources));
  }
  DSTACK_TRY(job.python, parse_python(json));
  DSTACK_CHECK(parse_conditions(json, job));
  return job;
}

}  // namespace dstack::job
