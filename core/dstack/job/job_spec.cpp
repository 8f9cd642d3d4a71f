#include "dstack/job/job_spec.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/stop_signal.hpp"

#include <algorithm>

namespace dstack::job {

using json_fields::quote;

namespace {

constexpr std::uint32_t most_ports = 1000;

// --- Parts whose JSON is not that of their type ---

/// The variables of a job as a map.
template <class Pairs>
struct AsMap {
  Pairs& pairs;

  bool empty() const { return pairs.empty(); }
};

template <class Pairs>
AsMap(Pairs&) -> AsMap<Pairs>;

/// The GPUs among the resources, as a map of their own.
template <class Self>
struct Gpus {
  Self& resources;

  bool empty() const {
    return resources.gpu == 0 && resources.gpu_name.empty() && resources.gpu_memory == 0;
  }
};

template <class Self>
Gpus(Self&) -> Gpus<Self>;

template <class Pairs>
void to_json(Json& json, const AsMap<Pairs>& map) {
  json = Json::object();
  for (const auto& [name, value] : map.pairs)
    json[name] = value;
}

template <class Pairs>
void from_json(const Json& json, AsMap<Pairs>& map) {
  json_fields::expect_map(json, "environment");
  for (const auto& [name, value] : json.items()) {
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos)
      throw JsonProblem(
          fmt::format("'environment' has a variable with the invalid name {}", quote(name)));
    json_fields::read_text(
        value, name, JsonOrigin::foreign, map.pairs.emplace_back(name, "").second);
  }
}

template <class Fields, class Self>
void fields(Fields& fields, const Gpus<Self>& gpus) {
  fields.member("count", gpus.resources.gpu);
  fields.optional("name", gpus.resources.gpu_name);
  fields.optional("memory", gpus.resources.gpu_memory);
}

template <class Self>
void to_json(Json& json, const Gpus<Self>& gpus) {
  write_fields(json, gpus);
}

/// A number alone is accepted, too. A description of a GPU without a count asks for one.
template <class Self>
void from_json(const Json& json, Gpus<Self>& gpus) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  if (json.is_number()) {
    gpus.resources.gpu = static_cast<std::uint32_t>(json_fields::read_unsigned(json, "gpu", most));
    return;
  }
  read_fields(json, gpus, "gpu", JsonOrigin::foreign);
  if (!gpus.empty() && !json.contains("count"))
    gpus.resources.gpu = 1;
}

}  // namespace

// --- The members of each type ---

template <class Fields, MaybeConst<Resources> Self>
void fields(Fields& fields, Self& resources) {
  fields.optional("cpu", resources.cpu);
  fields.optional("memory", resources.memory);
  fields.optional("gpu", Gpus{resources});
  fields.optional("shm_size", resources.shm_size);
  fields.optional("processes", resources.processes);
  fields.optional("disk", resources.disk);
  fields.optional("interruptible", resources.interruptible);
  fields.optional("local", resources.local);
}

template <class Fields, MaybeConst<PythonRequest> Self>
void fields(Fields& fields, Self& python) {
  fields.optional("version", python.version);
  fields.optional("requirements", python.requirements);
  fields.optional("packages", python.packages);
  fields.optional("index", python.index);
  fields.optional("index_where", python.index_where);
}

template <class Fields, MaybeConst<ImageBuild> Self>
void fields(Fields& fields, Self& build) {
  fields.optional("context", build.context);
  fields.member("dockerfile", build.dockerfile);
  fields.optional("args", AsMap{build.arguments});
  fields.optional("target", build.target);
}

template <class Fields, MaybeConst<Container> Self>
void fields(Fields& fields, Self& container) {
  fields.optional("image", container.image);
  fields.optional("entrypoint", container.entrypoint);
  fields.optional("username", container.username);
  fields.optional("password", container.password);
  fields.optional("platform", container.platform);
  fields.optional("build", container.build);
  fields.optional("privileges", container.privileges);
}

template <class Fields, MaybeConst<ApplicationSpec> Self>
void fields(Fields& fields, Self& app) {
  fields.member("name", app.name);
  fields.member("port", app.port);
  fields.optional("path", app.path);
  fields.optional("health", app.health);
  fields.optional("token_query", app.token_query);
}

template <class Fields, MaybeConst<JobSpec> Self>
void fields(Fields& fields, Self& job) {
  fields.optional("argv", job.argv);
  fields.optional("commands", job.commands);
  fields.optional("container", job.container);
  fields.optional("native", job.native);
  fields.optional("setup", job.setup);
  fields.optional("environment", AsMap{job.environment});
  fields.optional("working_dir", job.working_dir);
  fields.optional("artifacts", job.artifacts);
  fields.optional("optional_artifacts", job.optional_artifacts);
  fields.optional("resources", job.resources);
  fields.optional("python", job.python);
  fields.optional("tools", job.tools);
  fields.optional("ports", job.ports);
  fields.optional("apps", job.apps);
  fields.optional("token", job.token);
  fields.optional("master", job.master);
  fields.optional("workspace", job.workspace);
  fields.optional("timeout", job.timeout);
  fields.optional("retry", job.retry);
  fields.optional("stop_signal", job.stop_signal);
  fields.optional("sandbox", job.sandbox);
  fields.optional("metrics", job.metrics);
}

namespace {

// --- What the types alone do not say ---

void make_normal(std::string& path, std::string_view key) {
  std::optional<std::string> normal = normal_relative_path(path);
  if (!normal)
    throw JsonProblem(fmt::format("{} leads out of the project: {}", quote(key), quote(path)));
  path = *std::move(normal);
}

/// Paths of things in the project: never the project itself.
void make_normal(std::vector<std::string>& paths, std::string_view key) {
  for (std::string& path : paths) {
    const std::string given = path;
    make_normal(path, key);
    if (path.empty())
      throw JsonProblem(fmt::format("{} has an empty path: {}", quote(key), quote(given)));
  }
}

void check_url_path(const std::string& path, std::string_view key) {
  if (!path.empty() && path.front() != '/')
    throw JsonProblem(
        fmt::format("{} of an app must begin with '/', not be {}", quote(key), quote(path)));
}

void check_app(const ApplicationSpec& app, const JobSpec& job) {
  if (app.port >= job.ports)
    throw JsonProblem(fmt::format(
        "app {} uses port {}, but 'ports' is {}", quote(app.name), app.port, job.ports));
  if (!app.token_query.empty() && job.token.empty())
    throw JsonProblem(
        fmt::format("app {} has a 'token_query', but the job has no 'token'", quote(app.name)));
}

void check_what_runs(const JobSpec& job) {
  if (!job.native.is_null() && !job.native.is_object())
    throw JsonProblem("'native' must be a map");
  if (!job.argv.empty() && !job.commands.empty())
    throw JsonProblem("has both 'argv' and 'commands'");
  const bool has_command = !job.argv.empty() || !job.commands.empty();
  if (!job.native.is_null() && (has_command || job.container || !job.setup.empty()))
    throw JsonProblem("has both 'native' and something else to run");
  if (!has_command && !job.container && job.native.is_null())
    throw JsonProblem("has no command: neither 'argv' nor 'commands'");
  if (!job.argv.empty() && job.argv.front().empty())
    throw JsonProblem("'argv' begins with an empty program name");
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

namespace {

std::string below(const std::string& folder, const std::string& path) {
  if (folder.empty() || path.empty())
    return folder.empty() ? path : folder;
  return folder + "/" + path;
}

}  // namespace

std::string path_from_root(const JobSpec& job, const std::string& artifact) {
  return below(job.working_dir, artifact);
}

std::vector<std::string> artifact_places(const std::string& working_dir,
                                         const std::string& base,
                                         const std::string& artifact) {
  std::vector<std::string> places = {below(working_dir, artifact)};
  // A whole folder is there in any case.
  if (!artifact.empty())
    for (std::string place : {below(base, artifact), artifact})
      if (std::find(places.begin(), places.end(), place) == places.end())
        places.push_back(std::move(place));
  return places;
}

bool is_optional(const JobSpec& job, const std::string& artifact) {
  const auto& optional = job.optional_artifacts;
  return std::find(optional.begin(), optional.end(), artifact) != optional.end();
}

void to_json(Json& json, WorkspaceKind kind) {
  json = render(kind);
}

void from_json(const Json& json, WorkspaceKind& kind) {
  std::string text;
  json_fields::read_text(json, "workspace", JsonOrigin::foreign, text);
  read_word(json, kind, parse_workspace_kind, "'workspace' must be private, copy or project, not");
}

void to_json(Json& json, const Resources& resources) {
  write_fields(json, resources);
}

void from_json(const Json& json, Resources& resources) {
  read_fields(json, resources, "resources", JsonOrigin::foreign);
}

void to_json(Json& json, const PythonRequest& python) {
  write_fields(json, python);
}

void from_json(const Json& json, PythonRequest& python) {
  read_fields(json, python, "python", JsonOrigin::foreign);
  make_normal(python.requirements, "requirements");
}

void to_json(Json& json, const ImageBuild& build) {
  write_fields(json, build);
}

void from_json(const Json& json, ImageBuild& build) {
  read_fields(json, build, "build", JsonOrigin::foreign);
  make_normal(build.context, "context");
  make_normal(build.dockerfile, "dockerfile");
  if (build.dockerfile.empty())
    throw JsonProblem("'build' has no 'dockerfile'");
}

void to_json(Json& json, const Container& container) {
  write_fields(json, container);
}

void from_json(const Json& json, Container& container) {
  read_fields(json, container, "container", JsonOrigin::foreign);
  if (container.image.empty() && !container.build)
    throw JsonProblem("'container' has neither an 'image' nor a 'build'");
  if (!container.image.empty() && container.build)
    throw JsonProblem("'container' has both an 'image' and a 'build'");
}

void to_json(Json& json, const ApplicationSpec& app) {
  write_fields(json, app);
}

void from_json(const Json& json, ApplicationSpec& app) {
  read_fields(json, app, "apps", JsonOrigin::foreign);
  check_url_path(app.path, "path");
  check_url_path(app.health, "health");
  if (app.name.empty())
    throw JsonProblem("an app has no 'name'");
}

void to_json(Json& json, const JobSpec& job) {
  write_fields(json, job);
}

void from_json(const Json& json, JobSpec& job) {
  if (!json.is_object())
    throw JsonProblem("is not a map");
  read_fields(json, job, "job", JsonOrigin::foreign);
  check_what_runs(job);
  make_normal(job.working_dir, "working_dir");
  make_normal(job.artifacts, "artifacts");
  make_normal(job.optional_artifacts, "optional_artifacts");
  if (job.ports > most_ports)
    throw JsonProblem(fmt::format("'ports' must be at most {}", most_ports));
  for (const ApplicationSpec& app : job.apps)
    check_app(app, job);
  if (!job.stop_signal.empty() && !stop_signal_number(job.stop_signal))
    throw JsonProblem(fmt::format("'stop_signal' must be one of {}, not {}",
                                  join(stop_signals(), ", "),
                                  quote(job.stop_signal)));
}

Result<Resources> parse_resources(const Json& json) {
  return from_json_value<Resources>(json, {});
}

Result<JobSpec> parse_job(const Json& json) {
  return from_json_value<JobSpec>(json, {});
}

}  // namespace dstack::job
