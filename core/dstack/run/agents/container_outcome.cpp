#include "dstack/run/agents/container_outcome.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/job/status.hpp"

#include <cerrno>
#include <cstring>

namespace dstack::run {

namespace {

/// The file is there, and is no program that this machine's kernel knows.
std::string why_not_executable(const std::string& program,
                               const std::string& image,
                               const Platforms& platforms) {
  if (backend::fits(platforms.image, platforms.engine))
    return fmt::format(
        "'{}' cannot be run in image '{}': exec format error: it is neither a program for the "
        "processor of this machine{}, nor a script that begins with '#!'",
        program,
        image,
        platforms.engine.empty() ? "" : fmt::format(", {}", platforms.engine));
  return fmt::format(
      "image '{}' is for the processor {}, and this machine, {}, cannot run its '{}' (exec format "
      "error): 'platform: {}' takes the image for this machine where there is one; emulation, as "
      "'docker run --privileged --rm tonistiigi/binfmt --install all' sets up, runs this one",
      image,
      platforms.image,
      platforms.engine,
      program,
      platforms.engine);
}

std::string why_not_started(int error,
                            const std::string& program,
                            const std::string& image,
                            const Platforms& platforms) {
  if (error == ENOEXEC)
    return why_not_executable(program, image, platforms);
  if (error == ENOENT)
    return fmt::format(
        "there is no program '{}' in image '{}'{}",
        program,
        image,
        program == "sh" ? "; an image without a shell needs 'entrypoint' instead of commands" : "");
  return fmt::format("'{}' cannot be run in image '{}': {}", program, image, std::strerror(error));
}

/// `limit`: bytes; 0: none.
void report_out_of_memory(AgentReport& report, int code, std::uint64_t limit) {
  report.killed_for_memory = true;
  const std::string of =
      limit == 0 ? "the machine's memory" : fmt::format("{} of memory", render_size(limit));
  if (code == 0) {
    report.warning = fmt::format("a process of the job was killed because {} was used up", of);
    return;
  }
  report.cause = job::Cause::oom;
  report.message =
      fmt::format("the container used up {}{}",
                  of,
                  limit == 0 ? "" : "; 'resources: {memory: …}' or --memory gives it more");
}

}  // namespace

ContainerOutcome container_outcome(const Result<backend::ContainerEnd>& end,
                                   const std::string& program,
                                   const job::JobSpec& spec,
                                   const Platforms& platforms) {
  ContainerOutcome outcome{agent_failed, {}};
  AgentReport& report = outcome.report;
  if (!end) {
    report.cause = job::Cause::exit;
    report.message = render(end.error());
    return outcome;
  }
  if (end->removed) {
    report.cause = job::Cause::exit;
    report.message = "its container was removed while it ran";
  }
  if (end->usage)
    report.usage = backend::figures_of(*end->usage);
  if (end->not_started) {
    report.cause = job::Cause::start;
    report.message = why_not_started(*end->not_started, program, spec.container->image, platforms);
    return outcome;
  }
  if (end->out_of_memory)
    report_out_of_memory(report, end->code, spec.resources.memory);
  outcome.exit = {end->code, end->signal.value_or(0)};
  return outcome;
}

}  // namespace dstack::run
