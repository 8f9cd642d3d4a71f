// The provider-host child: the one process that runs a provider's code.
#include "dstack/base/fd.hpp"
#include "dstack/provider/host/calls.hpp"
#include "dstack/provider/host/child_protocol.hpp"
#include "dstack/provider/host/host_table.hpp"
#include "dstack/provider/host/library.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::provider {

namespace {

void append_problems(const dstack_report& report, std::string& reply) {
  Json problems = Json::array();
  for (const Problem& problem : report.problems)
    problems.push_back({{"message", problem.message.empty() ? "no reason given" : problem.message},
                        {"property", problem.property},
                        {"hint", problem.hint}});
  reply += fmt::format("{{\"problems\":{}}}", render_json(problems));
}

/// Plans one workflow and appends the reply.
Result<void> plan(const dstack_provider_v0& provider, const Json& workflow, std::string& reply) {
  const std::string doing = while_planning(json_string(workflow, "name"));
  dstack_output jobs;
  dstack_report report;
  jobs.kind = DSTACK_LIST;
  DSTACK_TRY(const dstack_status status, call_library(doing, [&] {
               return provider.plan(provider.instance, as_value(workflow), &jobs, &report);
             }));
  if (const std::string misuse = take_misuse(); !misuse.empty())
    return fault_of_library(fmt::format("{} {}", misuse, doing));
  const bool refused = status == DSTACK_INVALID || status == DSTACK_OK;
  if (refused && !report.problems.empty())
    append_problems(report, reply);
  else if (status != DSTACK_OK)
    return fault_of_library(describe_failure(status, report, doing));
  else
    reply += "{\"jobs\":", render_output(jobs, reply), reply += '}';
  return {};
}

Result<void> plan_all(const Path& library,
                      const Json& requests,
                      Progress& progress,
                      std::string& reply) {
  DSTACK_TRY(const dstack_provider_v0* const provider, enter_library(library));
  std::uint64_t step = 0;
  for (const Json& workflow : requests) {
    progress.step = ++step;
    progress.since_ns = steady_ns();
    if (step > 1)
      reply += ',';
    const std::size_t before = reply.size();
    if (auto planned = plan(*provider, workflow, reply); !planned) {
      reply.resize(before);
      reply += "{}";
      return planned;
    }
  }
  return {};
}

Result<Json> read_requests() {
  DSTACK_TRY(const std::string text, read_all(STDIN_FILENO));
  DSTACK_TRY(const Fd nothing, open_file("/dev/null", O_RDONLY));
  ::dup2(nothing.get(), STDIN_FILENO);
  return parse_json(text, "the request");
}

Result<void> write_reply(int fd, std::string_view reply) {
  std::size_t done = 0;
  while (done < reply.size()) {
    const ssize_t count = ::pwrite(
        fd, reply.data() + done, reply.size() - done, static_cast<off_t>(reply_offset + done));
    if (count < 0 && errno != EINTR)
      return fail_errno("cannot write the reply");
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return {};
}

Result<void> serve(const Path& library, int reply_fd) {
  ::fcntl(reply_fd, F_SETFD, FD_CLOEXEC);
  ::lseek(reply_fd, reply_offset, SEEK_SET);

  struct stat status {};

  const bool is_reply = ::fstat(reply_fd, &status) == 0 && S_ISREG(status.st_mode) &&
                        status.st_size == static_cast<off_t>(reply_offset);
  void* memory = MAP_FAILED;
  if (is_reply)
    memory = ::mmap(nullptr, reply_offset, PROT_READ | PROT_WRITE, MAP_SHARED, reply_fd, 0);
  if (is_reply && memory == MAP_FAILED)
    return fail_errno("cannot share memory with dstack");
  if (memory == MAP_FAILED)
    return fail(ErrorCode::usage, "'provider-host' is started by dstack itself, not by hand");
  auto& progress = *static_cast<Progress*>(memory);
  DSTACK_TRY(const Json requests, read_requests());
  progress.since_ns = steady_ns();
  std::string reply = "{\"replies\":[";
  const auto planned = plan_all(library, requests, progress, reply);
  reply += ']';
  if (!planned)
    reply += ",\"fault\":" +
             render_json({{"did", planned.error().message}, {"hint", planned.error().hint}});
  reply += '}';
  const auto written = write_reply(reply_fd, reply);
  progress.reply_size = written ? reply.size() : reply_failed;
  return written;
}

}  // namespace

int provider_host_main(const Path& library, int reply_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto served = serve(library, reply_fd);
  if (!served)
    std::fprintf(stderr, "error: %s\n", render(served.error()).c_str());
  std::fflush(nullptr);
  // Not through exit(): a library's destructors are not needed, and might do harm.
  ::_exit(served ? 0 : 2);
}

}  // namespace dstack::provider
