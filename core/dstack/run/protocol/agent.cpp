#include "dstack/run/protocol/agent.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t longest_report = 64 * 1024;

bool may_report(job::Status status) {
  return status == job::Status::preparing || status == job::Status::running;
}

bool may_report(job::Cause cause) {
  return cause == job::Cause::exit || cause == job::Cause::oom || cause == job::Cause::start;
}

}  // namespace

std::string_view agent_role(const job::JobSpec& spec) {
  if (spec.container)
    return "container";
  return spec.native.is_null() ? std::string_view() : "native";
}

template <class Fields, MaybeConst<AgentOrder> Self>
void fields(Fields& fields, Self& order) {
  fields.required("job", order.job);
  fields.member("workspace", order.workspace);
  fields.optional("cores", order.cores);
}

template <class Fields, MaybeConst<AgentReport> Self>
void fields(Fields& fields, Self& report) {
  fields.optional("status", report.status);
  fields.optional("cause", report.cause);
  fields.optional("message", report.message);
  fields.optional("warning", report.warning);
  fields.optional("usage", report.usage);
  fields.optional("killed_for_memory", report.killed_for_memory);
}

void to_json(Json& json, const AgentOrder& order) {
  write_fields(json, order);
}

void from_json(const Json& json, AgentOrder& order) {
  const Json* job = json_member(json, "job");
  if (job == nullptr || !job->is_string()) {
    read_fields(json, order, "order");
    return;
  }
  // What an older version wrote has the job's order as a text.
  auto text = parse_json(job->get_ref<const std::string&>(), "the job's order");
  if (!text)
    throw JsonProblem(text.error().message);
  Json whole = json;
  whole["job"] = *std::move(text);
  read_fields(whole, order, "order");
}

void to_json(Json& json, const AgentReport& report) {
  write_fields(json, report);
}

void from_json(const Json& json, AgentReport& report) {
  read_fields(json, report, "report");
  if ((report.status && !may_report(*report.status)) ||
      (report.cause && !may_report(*report.cause)))
    throw JsonProblem("an agent must not report this status or cause");
  if (!report.cause)
    report.message.clear();
}

std::string render_agent_order(const AgentOrder& order) {
  return render_json(order);
}

Result<AgentOrder> parse_agent_order(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "an agent's order"));
  return from_json_value<AgentOrder>(json, "an agent's order");
}

std::string render_agent_report(const AgentReport& report) {
  return render_json(report) + "\n";
}

std::optional<AgentReport> parse_agent_report(std::string_view line) {
  const auto json = parse_json(line, "a report");
  if (!json)
    return std::nullopt;
  auto report = from_json_value<AgentReport>(*json, "a report");
  return report ? std::optional(*std::move(report)) : std::nullopt;
}

AgentReporter::AgentReporter(int fd) : pipe_(fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void AgentReporter::status(job::Status status) const {
  AgentReport report;
  report.status = status;
  send(report);
}

void AgentReporter::end(job::Cause cause, std::string message) const {
  AgentReport report;
  report.cause = cause;
  report.message = std::move(message);
  send(report);
}

void AgentReporter::warning(std::string message) const {
  AgentReport report;
  report.warning = std::move(message);
  send(report);
}

void AgentReporter::usage(const job::Usage& usage) const {
  AgentReport report;
  report.usage = usage;
  send(report);
}

void AgentReporter::killed_for_memory() const {
  AgentReport report;
  report.killed_for_memory = true;
  send(report);
}

void AgentReporter::send(const AgentReport& report) const {
  (void)write_all(pipe_.get(), render_agent_report(report));
}

AgentReports::AgentReports(Fd pipe) : pipe_(std::move(pipe)) {
  ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
}

std::vector<AgentReport> AgentReports::take() {
  std::vector<AgentReport> reports;
  std::array<char, 4096> buffer;
  while (pipe_) {
    const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && errno == EAGAIN)
      break;
    if (count <= 0) {
      pipe_.reset();
      break;
    }
    rest_.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
      if (auto report = parse_agent_report(std::string_view(rest_).substr(0, end)))
        reports.push_back(*std::move(report));
      rest_.erase(0, end + 1);
    }
    if (rest_.size() > longest_report)
      rest_.clear();
  }
  return reports;
}

}  // namespace dstack::run
