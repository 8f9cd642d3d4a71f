#include "bench.hpp"

#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/defaults.hpp"
#include "support/catch.hpp"
#include "support/variables.hpp"

namespace dstack::plan_test {

namespace {

using provider::Property;
using provider::PropertyType;

Property property(std::string name, PropertyType type) {
  Property made;
  made.name = std::move(name);
  made.type = type;
  return made;
}

void add_common(provider::Manifest& manifest) {
  for (Property common : provider::common_properties()) {
    common.common = true;
    manifest.properties.push_back(std::move(common));
  }
}

provider::Manifest python_manifest() {
  provider::Manifest manifest;
  manifest.name = "python";
  manifest.version = "1.2.0";
  manifest.help = "Runs a Python script";
  manifest.examples = {"dstack run python train.py"};
  Property file = property("file", PropertyType::path);
  file.aliases = {"script"};
  file.required = true;
  file.positional = true;
  file.help = "the script";
  Property args = property("args", PropertyType::arguments);
  args.positional = true;
  Property requirements = property("requirements", PropertyType::path);
  requirements.flag = provider::Flag{"--requirements", "-r", "FILE", false};
  Property version = property("version", PropertyType::text);
  version.default_value = "3.10";
  Property quiet = property("quiet", PropertyType::boolean);
  quiet.flag = provider::Flag{"--silent", "", "", false};
  manifest.properties = {file, args, requirements, version, quiet};
  add_common(manifest);
  return manifest;
}

provider::Manifest bash_manifest() {
  provider::Manifest manifest;
  manifest.name = "bash";
  manifest.version = "1.0.0";
  Property commands = property("commands", PropertyType::texts);
  commands.required = true;
  commands.flag = provider::Flag{"--command", "-c", "CMD", true};
  manifest.properties = {commands};
  add_common(manifest);
  return manifest;
}

/// A provider that answers what a test tells it to.
provider::Manifest odd_manifest() {
  provider::Manifest manifest;
  manifest.name = "odd";
  manifest.version = "0.1.0";
  manifest.properties = {property("url", PropertyType::text),
                         property("headers", PropertyType::map)};
  manifest.properties.back().secret = true;
  return manifest;
}

provider::Candidate candidate(provider::Manifest manifest) {
  provider::Candidate made;
  made.name = manifest.name;
  made.path = "/plugins/" + manifest.name + ".so";
  made.source = "built in";
  made.manifest = std::move(manifest);
  return made;
}

provider::Candidate refused(std::string name, std::string reason) {
  provider::Candidate made;
  made.name = std::move(name);
  made.path = "/plugins/" + made.name + ".so";
  made.status = provider::CandidateStatus::refused;
  made.reason = std::move(reason);
  return made;
}

provider::PlanReply answer_python(const Json& properties) {
  job::JobSpec job;
  job.argv = {"python", json_string(properties, "file")};
  for (std::string& argument : json_strings(properties, "args"))
    job.argv.push_back(std::move(argument));
  job.environment = {{"PYTHONHASHSEED", "0"}};
  job.python = job::PythonRequest{json_string(properties, "version"), {}, {}};
  const std::string requirements = json_string(properties, "requirements");
  if (!requirements.empty())
    job.python->requirements = {requirements};
  return {{std::move(job)}, {}};
}

provider::PlanReply answer_bash(const Json& properties) {
  job::JobSpec job;
  job.commands = json_strings(properties, "commands");
  return {{std::move(job)}, {}};
}

TemporaryFolder make_folder() {
  auto folder = TemporaryFolder::make(fs::temp_directory_path(), "plan-");
  REQUIRE(folder.has_value());
  return std::move(*folder);
}

void write(const Path& path, const std::string& text) {
  REQUIRE(make_folders(path.parent_path()).has_value());
  REQUIRE(write_file_atomically(path, text, Durable::no).has_value());
}

}  // namespace

Bench::Bench()
    : machine{4, 16'000'000'000, {}},
      environment{{"PATH", "/usr/bin"}, {"HOME", "/home/me"}, {"EDITOR", "vi"}},
      folder_(make_folder()),
      project_(config::undefined_project(folder_.path())),
      providers_({candidate(python_manifest()),
                  candidate(bash_manifest()),
                  candidate(odd_manifest()),
                  refused("broken", "it is not a shared library")}) {
  files({"train.py", "download.py", "requirements.txt"});
}

Bench& Bench::workflows(const std::string& yaml) {
  write(folder_.path() / ".dstack/workflows.yaml", yaml);
  load();
  return *this;
}

Bench& Bench::variables(const std::string& yaml) {
  write(folder_.path() / ".dstack/variables.yaml", yaml);
  load();
  return *this;
}

Bench& Bench::files(const std::set<std::string>& paths) {
  code_.files.assign(paths.begin(), paths.end());
  return *this;
}

Bench& Bench::undefined() {
  project_ = config::undefined_project(folder_.path());
  return *this;
}

void Bench::load() {
  if (!fs::exists(folder_.path() / ".dstack/workflows.yaml"))
    return;
  auto project = config::load_project(folder_.path());
  if (!project)
    FAIL(render(project.error()));
  project_ = std::move(*project);
  apply_defaults(project_, providers_);
}

PlanningContext Bench::context() const {
  return PlanningContext{
      project_,
      providers_,
      machine,
      code_,
      test::lookup_in(environment),
      [this] {
        return std::vector<std::pair<std::string, std::string>>(environment.begin(),
                                                                environment.end());
      },
      [this](const std::string& workflow,
             const std::string& tag) -> Result<std::pair<std::string, std::vector<job::Artifact>>> {
        const auto found = tags.find(workflow + ":" + tag);
        if (found == tags.end())
          return fail(ErrorCode::not_found, "no such tag");
        std::vector<job::Artifact> artifacts;
        for (const std::string& path : found->second)
          artifacts.push_back({workflow, path, {sha256(path), sha256("times"), 1, 2}, false});
        return std::pair{std::string("quiet-otter-1"), std::move(artifacts)};
      },
      [this](const std::string& workflow) {
        std::vector<std::string> names;
        for (const auto& [name, paths] : tags)
          if (name.starts_with(workflow + ":"))
            names.push_back(name.substr(workflow.size() + 1));
        return names;
      },
      [this](const provider::Candidate& asked, const std::vector<provider::PlanRequest>& requests)
          -> Result<std::vector<provider::PlanReply>> {
        calls.push_back(asked.name + " " + std::to_string(requests.size()));
        std::vector<provider::PlanReply> replies;
        for (const provider::PlanRequest& request : requests)
          replies.push_back(asked.name == "python" ? answer_python(request.properties)
                            : asked.name == "bash" ? answer_bash(request.properties)
                                                   : odd_reply);
        return replies;
      },
      secrets,
      choose_python};
}

Result<Plan> Bench::make(const std::string& target,
                         const std::vector<std::string>& target_arguments,
                         const std::vector<std::string>& arguments) {
  return make_plan({target, target_arguments, arguments, run_name, place, leading}, context());
}

Plan Bench::plan(const std::string& target,
                 const std::vector<std::string>& target_arguments,
                 const std::vector<std::string>& arguments) {
  auto made = make(target, target_arguments, arguments);
  if (!made) {
    std::string text;
    for (const Error& error : flatten(made.error()))
      text += describe(error) + "\n";
    FAIL(text);
  }
  return std::move(*made);
}

std::vector<std::string> Bench::errors(const std::string& target,
                                       const std::vector<std::string>& target_arguments,
                                       const std::vector<std::string>& arguments) {
  std::vector<std::string> texts;
  const auto made = make(target, target_arguments, arguments);
  if (!made)
    for (const Error& error : flatten(made.error()))
      texts.push_back(describe(error));
  return texts;
}

std::vector<std::string> Bench::validation_errors() {
  std::vector<std::string> texts;
  const auto result = validate(context());
  if (!result)
    for (const Error& error : flatten(result.error()))
      texts.push_back(describe(error));
  return texts;
}

std::vector<std::string> Bench::validation_warnings() {
  auto result = validate(context());
  if (!result)
    FAIL(render(result.error()));
  return std::move(*result);
}

Bench& Bench::file(const std::string& path, const std::string& text) {
  write(folder_.path() / path, text);
  return *this;
}

std::string describe(const Error& error) {
  std::string text = error.message;
  if (error.where)
    text += " @ " + error.where->render() + "+" + std::to_string(error.where->length);
  if (!error.hint.empty())
    text += " | " + error.hint;
  return text;
}

std::string variable(const PlannedJob& job, const std::string& name) {
  for (const EnvironmentVariable& variable : job.environment)
    if (variable.name == name)
      return variable.name + "=" + variable.value + " (" + render(variable.origin) + ")";
  return {};
}

}  // namespace dstack::plan_test
