#include "dstack/run/protocol/agent.hpp"

#include "dstack/base/text.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t longest_report = 64 * 1024;

bool may_tell(job::Status status) {
  return status == job::Status::preparing || status == job::Status::running;
}

bool may_tell(job::Cause cause) {
  return cause == job::Cause::exit || cause == job::Cause::oom || cause == job::Cause::start;
}

}  // namespace

std::string_view agent_role(const job::JobSpec& spec) {
  if (spec.container)
    return "container";
  return spec.native.is_null() ? std::string_view() : "native";
}

std::string render_agent_order(const AgentOrder& order) {
  return render_json(Json{{"job", render_job_order(order.job)}, {"workspace", order.workspace}});
}

Result<AgentOrder> parse_agent_order(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "an agent's order"));
  AgentOrder order;
  DSTACK_TRY(order.job, parse_job_order(json_string(json, "job")));
  order.workspace = json_string(json, "workspace");
  return order;
}

std::string render_agent_report(const AgentReport& report) {
  Json json = Json::object();
  if (report.status)
    json["status"] = job::render(*report.status);
  if (report.cause) {
    json["cause"] = job::render(*report.cause);
    json["message"] = report.message;
  }
  if (!report.warning.empty())
    json["warning"] = report.warning;
  if (report.usage)
    json["usage"] = job::usage_to_json(*report.usage);
  if (report.killed_for_memory)
    json["killed_for_memory"] = true;
  return render_json(json) + "\n";
}

std::optional<AgentReport> parse_agent_report(std::string_view line) {
  const auto json = parse_json(line, "a report");
  if (!json || !json->is_object())
    return std::nullopt;
  AgentReport report;
  if (json->contains("status")) {
    report.status = job::parse_status(json_string(*json, "status"));
    if (!report.status || !may_tell(*report.status))
      return std::nullopt;
  }
  if (json->contains("cause")) {
    report.cause = job::parse_cause(json_string(*json, "cause"));
    if (!report.cause || !may_tell(*report.cause))
      return std::nullopt;
    report.message = json_string(*json, "message");
  }
  report.warning = json_string(*json, "warning");
  if (const Json* usage = json_member(*json, "usage"))
    report.usage = job::usage_from_json(*usage);
  report.killed_for_memory = json_boolean(*json, "killed_for_memory");
  return report;
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
