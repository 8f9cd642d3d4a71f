// providers check: reports to a provider's author the errors that a workflow would meet.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/requirements_source.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/provider/host/calls.hpp"
#include "dstack/trust/belief.hpp"
#include "views/checks.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

using provider::Candidate;
using provider::Property;
using provider::PropertyType;

/// Plans an example of a manifest, `dstack run NAME …`, as if the project had every file that it
/// names and the machine everything that it requests: only the provider is tested.
class ExamplePlanner {
 public:
  explicit ExamplePlanner(const Candidate& candidate)
      : candidate_(candidate),
        registry_({candidate}),
        project_(config::undefined_project("/")),
        machine_{1'024, std::uint64_t{1} << 50, {}} {}

  /// What each of the jobs runs.
  Result<std::vector<std::string>> plan(const std::string& example) {
    DSTACK_TRY(const plan::Request request, parse(example));
    (void)plan::make_plan(request, context(Call::no));
    std::sort(code_.files.begin(), code_.files.end());
    DSTACK_TRY(const plan::Plan plan, plan::make_plan(request, context(Call::yes)));
    std::vector<std::string> commands;
    for (const plan::PlannedJob& job : plan.jobs)
      commands.push_back(what_runs(job.spec));
    return commands;
  }

 private:
  enum class Call { no, yes };

  static std::string what_runs(const job::JobSpec& job) {
    if (!job.native.is_null())
      return "a function of the library";
    const std::string command =
        job.commands.empty() ? shell_join(job.argv) : join(job.commands, "; ");
    if (!job.container)
      return command;
    return fmt::format(
        "container {}{}",
        job.container->build ? "of " + job.container->build->dockerfile : job.container->image,
        command.empty() ? "" : fmt::format(": {}", command));
  }

  Result<plan::Request> parse(const std::string& example) const {
    const auto arguments = shell_split(example);
    if (!arguments || arguments->size() < 3 || (*arguments)[0] != "dstack" ||
        (*arguments)[1] != "run" || (*arguments)[2] != candidate_.name)
      return fail(ErrorCode::configuration,
                  "it is not a command line 'dstack run {} …'",
                  candidate_.name)
          .with_hint("write each of 'examples' as a user would type it");
    plan::Request request;
    request.target = candidate_.name;
    const auto end = std::find(arguments->begin(), arguments->end(), "--");
    request.target_arguments.assign(arguments->begin() + 3, end);
    if (end != arguments->end())
      request.arguments.assign(end + 1, arguments->end());
    return request;
  }

  plan::PlanningContext context(Call call) {
    return plan::PlanningContext{
        project_,
        registry_,
        machine_,
        code_,
        [](const std::string&) { return std::optional<std::string>(); },
        [] { return std::vector<std::pair<std::string, std::string>>(); },
        [](const std::string&,
           const std::string&) -> Result<std::pair<std::string, std::vector<job::Artifact>>> {
          return fail(ErrorCode::not_found, "there are no tags");
        },
        [](const std::string&) { return std::vector<std::string>(); },
        [this, call](const Candidate& candidate, const std::vector<provider::PlanRequest>& requests)
            -> Result<std::vector<provider::PlanReply>> {
          if (call == Call::yes)
            return provider::plan_jobs(candidate, requests);
          for (const provider::PlanRequest& request : requests)
            provide_for(request.properties);
          return fail(ErrorCode::unavailable, "not yet");
        }};
  }

  /// Files and GPUs, before the real call.
  void provide_for(const Json& properties) {
    for (const Property& property : candidate_.manifest->properties)
      if (const Json* value = json_member(properties, property.name)) {
        if ((property.type == PropertyType::path || property.type == PropertyType::target) &&
            value->is_string())
          code_.files.push_back(value->get<std::string>());
        if (property.type == PropertyType::paths || property.type == PropertyType::requirements)
          for (const std::string& file : json_strings(properties, property.name))
            code_.files.push_back(job::parse_requirements_source(file).file);
        if (property.type == PropertyType::build)
          code_.files.push_back(json_string(*value, "dockerfile"));
        if (property.type == PropertyType::resources)
          provide_gpus(json_member(*value, "gpu"));
      }
  }

  /// Enough of them for jobs that start together.
  void provide_gpus(const Json* gpu) {
    if (gpu == nullptr)
      return;
    const auto memory = static_cast<std::uint64_t>(json_integer(*gpu, "memory"));
    machine_.gpus.clear();
    for (int number = 0; number < 1'024; ++number)
      machine_.gpus.push_back({json_string(*gpu, "name", "card"), memory, std::to_string(number)});
  }

  Candidate candidate_;
  provider::Registry registry_;
  config::Project project_;
  plan::Machine machine_;
  source::Snapshot code_;
};

class ProvidersCheck final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument(
            "FILE|PROVIDER", wanted_, Need::required, "the library, or the name of a provider")
        .flag("--json", json_, "as JSON: an array of {check, status, detail, hint}")
        .note(
            "Reads the manifest, loads the library in a process of its own, and plans the "
            "manifest's\n"
            "examples. Exit code 1 when something is wrong.")
        .example("dstack providers check build/hello.so", "report what is wrong with it");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(Candidate candidate, find(context));
    std::vector<Check> checks;
    check_file(candidate, checks);
    if (check_manifest(candidate, checks) && check_load(candidate, checks))
      check_examples(candidate, checks);
    if (json_)
      print_checks_as_json(context, checks);
    else
      print_checks(context, checks);
    return exit_code_of(checks);
  }

 private:
  Result<Candidate> find(const Context& context) const {
    Candidate candidate;
    candidate.path = fs::absolute(wanted_).lexically_normal();
    boost::system::error_code error;
    if (!fs::exists(candidate.path, error)) {
      const auto registry = provider::Registry::discover(context.search_path());
      const Candidate* known = registry.find(wanted_);
      if (known == nullptr)
        return fail(ErrorCode::not_found, "there is no file or provider '{}'", wanted_)
            .with_hint("'dstack providers list' shows the providers");
      candidate.path = known->path;
    }
    candidate.name = candidate.path.filename().string();
    return candidate;
  }

  static Check failed(const std::string& subject, const Error& error) {
    return {subject,
            Health::error,
            render(Error{error.code, error.number, error.message, error.where}),
            error.hint};
  }

  static void check_file(const Candidate& candidate, std::vector<Check>& checks) {
    if (const auto safe = trust::believe_library(candidate.path); !safe)
      checks.push_back({"file", Health::warning, safe.error().message, safe.error().hint});
    else
      checks.push_back({"file", Health::ok, candidate.path.string()});
  }

  static bool check_manifest(Candidate& candidate, std::vector<Check>& checks) {
    auto manifest = provider::read_manifest(candidate.path);
    if (!manifest) {
      checks.push_back(failed("manifest", manifest.error()));
      return false;
    }
    const std::string abi =
        std::to_string(manifest->abi_major) + "." + std::to_string(manifest->abi_minor);
    if (!provider::is_supported(*manifest)) {
      checks.push_back(
          {"manifest",
           Health::error,
           fmt::format(
               "it is built for version {} of the provider interface, this dstack supports {}",
               abi,
               provider::abi_version()),
           "rebuild it with the SDK of this dstack"});
      return false;
    }
    const auto own = std::count_if(manifest->properties.begin(),
                                   manifest->properties.end(),
                                   [](const Property& property) { return !property.common; });
    checks.push_back({"manifest",
                      Health::ok,
                      fmt::format("{} {}, interface {}, {} of its own",
                                  manifest->name,
                                  manifest->version,
                                  abi,
                                  own == 1 ? "1 property" : fmt::format("{} properties", own))});
    candidate.name = manifest->name;
    candidate.manifest = std::move(*manifest);
    return true;
  }

  static bool check_load(const Candidate& candidate, std::vector<Check>& checks) {
    const auto loaded = provider::try_provider(candidate);
    checks.push_back(loaded ? Check{"load", Health::ok, "it loads, and works with this dstack"}
                            : failed("load", loaded.error()));
    return loaded.has_value();
  }

  static void check_examples(const Candidate& candidate, std::vector<Check>& checks) {
    std::vector<std::string> examples = candidate.manifest->examples;
    const auto& properties = candidate.manifest->properties;
    const bool needs_something =
        !candidate.manifest->one_of.empty() ||
        std::any_of(properties.begin(), properties.end(), [](const Property& property) {
          return property.required;
        });
    if (examples.empty() && needs_something) {
      checks.push_back({"example",
                        Health::warning,
                        "the manifest has none, so no workflow was planned",
                        "add command lines to 'examples' of the manifest"});
      return;
    }
    if (examples.empty())
      examples.push_back(fmt::format("dstack run {}", candidate.name));
    for (const std::string& example : examples) {
      const auto commands = ExamplePlanner(candidate).plan(example);
      if (!commands) {
        Check check = failed("example", commands.error());
        check.detail = fmt::format("{}: {}", example, check.detail);
        checks.push_back(std::move(check));
      } else {
        checks.push_back(
            {"example", Health::ok, fmt::format("{}: {}", example, join(*commands, " | "))});
      }
    }
  }

  std::string wanted_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_providers_check() {
  return std::make_unique<ProvidersCheck>();
}

}  // namespace dstack::cli
