#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/environment.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/plan/resources.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/source/git.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <vector>

namespace dstack::plan {

namespace {

constexpr std::size_t label_width = 13;
/// The text of a large plan is passed on in pieces of about this many bytes.
constexpr std::size_t piece_size = 32 * 1024;

/// One line `label   text`; of several lines only the first has the label.
void add_lines(std::string& out, std::string_view label, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const std::string_view shown = &line == &lines.front() ? label : std::string_view();
    out.append("   ").append(shown).append(label_width - shown.size(), ' ').append(line) += '\n';
  }
}

/// The only place that decides how a value is shown: a secret never is.
std::string shown_value(const EnvironmentVariable& variable) {
  if (variable.is_hidden())
    return "***";
  if (variable.value.empty() || variable.value == known_later)
    return variable.value;
  if (variable.origin.kind == VariableOrigin::Kind::dstack &&
      variable.value.starts_with(known_later))
    return printable(variable.value);
  return printable(shell_quote(variable.value));
}

std::vector<std::string> script_lines(const std::vector<std::string>& commands) {
  std::vector<std::string> lines;
  for (const std::string& command : commands)
    for (const std::string_view line : split(command, '\n'))
      if (!line.empty())
        lines.push_back(printable(line));
  return lines;
}

std::vector<std::string> command_lines(const job::JobSpec& job) {
  if (!job.native.is_null())
    return {fmt::format("a function of the provider, with {}", printable(render_json(job.native)))};
  if (job.container && job.argv.empty() && job.commands.empty())
    return {"the default of the image"};
  return job.argv.empty() ? script_lines(job.commands)
                          : std::vector{printable(shell_join(job.argv))};
}

std::vector<std::string> container_lines(const job::JobSpec& job) {
  if (!job.container)
    return {};
  const job::Container& container = *job.container;
  std::string line = printable(container.image);
  if (container.build)
    line = fmt::format("built from '{}' with {}{}",
                       printable(container.build->dockerfile),
                       container.build->context.empty()
                           ? std::string("all of the code")
                           : fmt::format("'{}'", printable(container.build->context)),
                       container.build->target.empty()
                           ? ""
                           : fmt::format(", stage '{}'", printable(container.build->target)));
  if (!container.platform.empty())
    line += fmt::format(", for {}", printable(container.platform));
  if (!container.entrypoint.empty())
    line += fmt::format(", entrypoint {}", printable(shell_join(container.entrypoint)));
  if (!container.username.empty())
    line += fmt::format(", as {} at its registry", printable(container.username));
  return {line};
}

/// The conditions under which the job runs: "1 port, ended after 1h30m, retried up to 2 times".
std::vector<std::string> condition_lines(const job::JobSpec& job) {
  std::vector<std::string> parts;
  if (job.ports != 0)
    parts.push_back(plural(job.ports, "port"));
  for (const job::ApplicationSpec& app : job.apps)
    parts.push_back(fmt::format("app '{}'", printable(app.name)));
  if (job.timeout.count() != 0)
    parts.push_back(fmt::format("ended after {}", render_duration(job.timeout)));
  if (job.retry != 0)
    parts.push_back(fmt::format("retried up to {}", plural(job.retry, "time")));
  if (!job.stop_signal.empty())
    parts.push_back(fmt::format("asked to stop by SIG{}", job.stop_signal));
  if (job.sandbox)
    parts.push_back(fmt::format("in a sandbox ({})", printable(job::describe(*job.sandbox))));
  if (job.metrics)
    parts.push_back(printable(job::describe(*job.metrics)));
  if (job.workspace == job::WorkspaceKind::project)
    parts.emplace_back("works in the project itself");
  if (parts.empty())
    return {};
  return {join(parts, ", ")};
}

std::vector<std::string> python_lines(const PlannedJob& job) {
  const auto& request = job.spec.python;
  if (!request)
    return {};
  std::string line = request->version.empty() ? std::string("no version named") : request->version;
  if (job.python && !job.python->program.empty())
    line = fmt::format("{} ({}, {}{})",
                       job.python->version,
                       printable(job.python->program.string()),
                       job.python->source,
                       job.python->named_by.empty()
                           ? std::string()
                           : fmt::format(", as '{}' says", printable(job.python->named_by)));
  else if (job.python && job.python->source == "conda")
    line = "the environment's own";
  else if (job.python && job.python->source == "uv")
    line = fmt::format("{} (uv downloads it)", job.python->version);
  std::vector<std::string> needs = request->requirements;
  needs.insert(needs.end(), request->packages.begin(), request->packages.end());
  if (!needs.empty())
    line += fmt::format(" with {}", printable(join(needs, ", ")));
  for (const std::string& address : request->index)
    line += fmt::format("{}{}",
                        &address == &request->index.front() ? " from " : ", ",
                        printable(source::without_credentials(address)));
  return {line};
}

/// Where the jobs of a workflow save, from the project's root.
std::vector<std::string> artifacts_of(const PlannedJob& job) {
  std::vector<std::string> paths;
  for (const std::string& artifact : job.spec.artifacts) {
    const std::string path = job::path_from_root(job.spec, artifact);
    paths.push_back(printable(path.empty() ? "." : path) +
                    (job::is_optional(job.spec, artifact) ? " (optional)" : ""));
  }
  return paths;
}

std::vector<std::string> input_file_lines(const PlannedWorkflow& workflow) {
  std::vector<std::string> lines;
  for (const job::InputFile& input : workflow.input_files)
    lines.push_back(printable(job::describe(input)));
  return lines;
}

std::vector<std::string> env_file_lines(const PlannedWorkflow& workflow) {
  std::vector<std::string> lines;
  for (const job::EnvFile& file : workflow.env_files)
    lines.push_back(printable(job::describe(file)));
  return lines;
}

/// What the run of a tag has saved.
std::vector<std::string> saved_of(const Input& input) {
  std::vector<std::string> paths;
  for (const job::Artifact& artifact : input.artifacts)
    paths.push_back(printable(artifact.path.empty() ? "." : artifact.path) +
                    (artifact.partial ? " (partial)" : ""));
  return paths;
}

std::string plain_list(const std::vector<std::string>& names) {
  return names.empty() ? "nothing" : join(names, ", ");
}

class Explanation {
 public:
  Explanation(const Plan& plan,
              const resources::EnforcementMethods* enforcement,
              const WriteText& write)
      : plan_(plan),
        enforcement_(enforcement),
        write_text_(write),
        artifacts_(plan.workflows.size()),
        combination_lines_(combination_lines(plan)) {
    for (const PlannedJob& job : plan.jobs)
      for (std::string& path : artifacts_of(job))
        artifacts_[job.workflow].push_back(std::move(path));
  }

  void write() {
    out_ = fmt::format("plan of '{}': {}{}\n",
                       printable(plan_.target),
                       plural(plan_.jobs.size(), "job"),
                       plan_.jobs.size() > 1 ? ", in this order" : "");
    if (!plan_.arguments.empty())
      out_ += fmt::format("arguments after '--': {}\n", printable(shell_join(plan_.arguments)));
    for (std::size_t job = 0; job < plan_.jobs.size(); ++job) {
      write_job(job);
      if (out_.size() >= piece_size)
        pass_on();
    }
    if (!plan_.notices.empty())
      out_ += "\n";
    for (const std::string& notice : plan_.notices)
      out_ += fmt::format("note: {}\n", printable(notice));
    pass_on();
  }

 private:
  void pass_on() {
    write_text_(out_);
    out_.clear();  // keeps its memory
  }

  void write_job(std::size_t index) {
    const PlannedJob& job = plan_.jobs[index];
    const PlannedWorkflow& workflow = plan_.workflows[job.workflow];
    out_ +=
        fmt::format("\n{}. {}{}\n", index + 1, printable(workflow.name), part_of_workflow(index));
    if (!workflow.combination.empty())
      add_lines(out_, "sweep", {combination_lines_[job.workflow]});
    add_lines(
        out_,
        "provider",
        {printable(trim(fmt::format("{} {}", workflow.provider, workflow.provider_version)))});
    add_lines(out_, "image", container_lines(job.spec));
    add_lines(out_, "setup", script_lines(job.spec.setup));
    add_lines(out_, job.spec.commands.empty() ? "command" : "commands", command_lines(job.spec));
    add_lines(out_, "conditions", condition_lines(job.spec));
    if (!job.spec.working_dir.empty())
      add_lines(out_, "in folder", {printable(job.spec.working_dir)});
    add_lines(out_, "python", python_lines(job));
    add_lines(out_, "inputs", input_lines(workflow));
    add_lines(out_, "input files", input_file_lines(workflow));
    add_lines(out_, "env_file", env_file_lines(workflow));
    add_lines(out_, "artifacts", {plain_list(artifacts_of(job))});
    add_lines(out_, "resources", resource_lines(job.spec));
    out_ += environment_text(index);
    for (const std::string& notice : job.notices)
      out_ += fmt::format("   note: {}\n", printable(notice));
  }

  std::vector<std::string> resource_lines(const job::JobSpec& job) const {
    const job::Resources& wanted = job.resources;
    std::vector<std::string> lines;
    if (const std::string text = describe_reserved(wanted); !text.empty())
      lines.push_back(fmt::format("{}, reserved before it starts", text));
    if (std::string text = describe_unreserved(wanted); !text.empty())
      lines.push_back(std::move(text));
    if (lines.empty())
      return {"none requested"};
    const bool has_limits =
        wanted.cpu > 0 || wanted.memory > 0 || wanted.shm_size > 0 || wanted.processes > 0;
    if (enforcement_ != nullptr && job.container && has_limits)
      lines.emplace_back("enforced by the container's engine");
    else if (enforcement_ != nullptr)
      for (std::string& line : resources::describe_limits(wanted, *enforcement_))
        lines.push_back(std::move(line));
    return lines;
  }

  /// "combination 3 of 12", for each workflow that is swept. Those of one are adjacent.
  static std::vector<std::string> combination_lines(const Plan& plan) {
    std::vector<std::string> lines(plan.workflows.size());
    for (std::size_t first = 0, end = 0; first < lines.size(); first = end) {
      const std::string_view name = sweep::workflow_of(plan.workflows[first].name);
      while (end < lines.size() && sweep::workflow_of(plan.workflows[end].name) == name)
        ++end;
      for (std::size_t i = first; i < end; ++i)
        lines[i] = fmt::format("combination {} of {}", i - first + 1, end - first);
    }
    return lines;
  }

  /// " (job 2 of 4)" where a workflow has several.
  std::string part_of_workflow(std::size_t index) const {
    const auto same = [&](const PlannedJob& job) {
      return job.workflow == plan_.jobs[index].workflow;
    };
    // Jobs are in the order of their workflows, so those of one workflow are adjacent.
    std::size_t first = index;
    while (first > 0 && same(plan_.jobs[first - 1]))
      --first;
    std::size_t end = index + 1;
    while (end < plan_.jobs.size() && same(plan_.jobs[end]))
      ++end;
    if (end - first == 1)
      return {};
    return fmt::format(" (job {} of {})", index - first + 1, end - first);
  }

  /// How many inputs from `first` on are of one workflow, each in a folder of its own.
  static std::size_t count_gathered(const std::vector<Input>& inputs, std::size_t first) {
    std::size_t end = first;
    while (end < inputs.size() && !inputs[end].folder.empty() &&
           inputs[end].workflow == inputs[first].workflow && inputs[end].tag == inputs[first].tag)
      ++end;
    return end - first;
  }

  std::vector<std::string> input_lines(const PlannedWorkflow& workflow) const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < workflow.inputs.size(); ++i) {
      const Input& input = workflow.inputs[i];
      if (const std::size_t gathered = count_gathered(workflow.inputs, i); gathered > 1) {
        lines.push_back(fmt::format("what {} of workflow '{}' save, each below '{}' and so on",
                                    plural(gathered, "combination"),
                                    printable(input.workflow),
                                    printable(input.folder)));
        i += gathered - 1;
        continue;
      }
      std::string line =
          (input.producer ? plain_list(artifacts_[*input.producer]) : plain_list(saved_of(input))) +
          " of workflow '" + printable(input.workflow) + "'";
      if (!input.producer)
        line += fmt::format(
            "{}, saved by run '{}'",
            input.tag.empty() ? std::string() : fmt::format(", tag '{}'", printable(input.tag)),
            printable(input.run));
      lines.push_back(std::move(line));
    }
    if (lines.empty())
      lines.emplace_back("none");
    return lines;
  }

  /// Most jobs have the environment of the one before, and it is most of the output.
  const std::string& environment_text(std::size_t index) {
    const PlannedJob& job = plan_.jobs[index];
    const bool is_like_last = index > 0 && job.environment == plan_.jobs[index - 1].environment;
    if (is_like_last && have_same_surroundings(job, plan_.jobs[index - 1]))
      return environment_text_;
    std::vector<EnvironmentVariable> reserved = reserved_environment(plan_, index);
    std::vector<EnvironmentVariable> base = base_of(plan_, job);
    if (!is_like_last || reserved != reserved_ || base != base_) {
      reserved_ = std::move(reserved);
      base_ = std::move(base);
      environment_text_.clear();
      add_lines(environment_text_, "environment", lines_of_environment(job.environment));
    }
    return environment_text_;
  }

  std::vector<std::string> lines_of_environment(
      const std::vector<EnvironmentVariable>& environment) const {
    static constexpr std::size_t widest_column = 48;
    EnvironmentLayers layers;
    layers.add(base_);
    layers.add(environment);
    layers.add(reserved_);
    std::vector<std::pair<std::string, std::string>> rows;
    std::size_t width = 0;
    for (const EnvironmentVariable& variable : std::move(layers).merge()) {
      std::string setting = printable(variable.name) + "=" + shown_value(variable);
      if (display_width(setting) <= widest_column)
        width = std::max(width, display_width(setting));
      rows.emplace_back(std::move(setting), printable(render(variable.origin)));
    }
    std::vector<std::string> lines;
    for (auto& [setting, origin] : rows) {
      const std::size_t own = display_width(setting);
      lines.push_back(fmt::format(
          "{}{}  {}", setting, std::string(own < width ? width - own : 0, ' '), origin));
    }
    return lines;
  }

  const Plan& plan_;
  const resources::EnforcementMethods* enforcement_;  ///< null: they are not shown
  const WriteText& write_text_;
  std::vector<std::vector<std::string>> artifacts_;  ///< by workflow
  std::vector<std::string> combination_lines_;       ///< by workflow
  std::vector<EnvironmentVariable> base_;            ///< of the job whose text is kept, as
  std::vector<EnvironmentVariable> reserved_;        ///< these, and the text:
  std::string environment_text_;
  std::string out_;
};

}  // namespace

std::vector<std::string> lines_run_by(const job::JobSpec& job) {
  std::vector<std::string> lines = container_lines(job);
  for (auto part : {script_lines(job.setup), command_lines(job)})
    lines.insert(lines.end(), part.begin(), part.end());
  return lines;
}

std::string explain(const Plan& plan) {
  std::string text;
  const WriteText append = [&](std::string_view piece) { text += piece; };
  Explanation(plan, nullptr, append).write();
  return text;
}

void explain(const Plan& plan,
             const resources::EnforcementMethods& enforcement,
             const WriteText& write) {
  Explanation(plan, &enforcement, write).write();
}

}  // namespace dstack::plan
