#include "dstack/run/runner/conclusion.hpp"

#include "dstack/backend/container.hpp"
#include "dstack/backend/image_build.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/python/installed.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/runner/job_sandbox.hpp"
#include "dstack/run/runner/job_variables.hpp"
#include "dstack/run/runner/overlay_trouble.hpp"
#include "dstack/run/runner/secret_scan.hpp"

#include <utility>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// How often something that failed for a passing reason is tried again, and when.
constexpr int most_tries = 50;
constexpr int between_tries_ms = 100;
constexpr int between_looks_at_disk_ms = 500;

/// As store::JobChange has it.
const char* form_of_workspace(const JobAttempt& attempt) {
  if (!attempt.workspace->is_private())
    return "project";
  if (!attempt.workspace->is_layered())
    return "copy";
  return attempt.in && attempt.in->access() == overlay::Access::user ? "overlay in a user namespace"
                                                                     : "overlay";
}

}  // namespace

Conclusion::Conclusion(JobAttempt& attempt,
                       const RunnerSignals& signals,
                       RunningJob* job,
                       ExitRecord& record)
    : attempt_(attempt), signals_(signals), job_(job), record_(record) {}

void Conclusion::run() {
  record_.job = attempt_.order.id;
  record_.finished_at = now();
  record_.finished_elapsed = job::elapsed_now(attempt_.order.clock);
  if (job_ != nullptr)
    record_.workspace = form_of_workspace(attempt_);
  if (job_ != nullptr) {
    job_->limiter.remove();
    job_->cores.release();
  }
  if (auto synced = attempt_.log.writer().sync(); !synced)
    record_.warnings.push_back(render(synced.error()));
  take_metrics();
  remove_container();
  explain_failure();
  record_edits();
  scan_artifacts();
  record_own_packages();
  remove_folders();
  write_record();
}

void Conclusion::take_metrics() {
  if (job_ == nullptr || record_.stop == job::StopRequest::abort)
    return;
  bool is_aborted = false;
  auto warnings = job_->metrics.finish(
      attempt_, [&] { return is_aborted = is_aborted || is_abort_requested(); });
  record_.warnings.insert(record_.warnings.end(), warnings.begin(), warnings.end());
  if (is_aborted)
    record_.stop = job::StopRequest::abort;
}

void Conclusion::remove_container() {
  // An agent that was killed, as an abort does, leaves its container behind, and the empty pipe.
  if (attempt_.order.spec.container)
    ::unlink((attempt_.folder / file_names::secrets).c_str());
  if (const auto gone =
          backend::wait_for_build(attempt_.folder / file_names::build, attempt_.order.stop_grace);
      !gone)
    record_.warnings.push_back(render(gone.error()));
  if (const auto removed = backend::remove_container(attempt_.folder / file_names::container);
      !removed)
    record_.warnings.push_back(fmt::format(
        "its container is still there, and can be removed with 'docker rm -f dstack-{}': {}",
        attempt_.order.id,
        render(removed.error())));
}

void Conclusion::explain_failure() {
  const bool has_failed = record_.outcome == ExitRecord::Outcome::exited && record_.number != 0;
  if (has_failed && !record_.cause && record_.message.empty() && attempt_.in &&
      attempt_.workspace->is_layered())
    record_.message = explain_overlay_trouble(attempt_.log.tail(), attempt_.in->access());
}

const source::EditedFolder& Conclusion::left() {
  if (!left_)
    left_ = edited_folder(attempt_.order, *attempt_.workspace);
  return *left_;
}

void Conclusion::record_edits() {
  if (job_ != nullptr && record_.stop != job::StopRequest::abort &&
      attempt_.workspace->is_private() && attempt_.order.keep_changes > 0)
    record_.edited = source::is_touched(left(), job_->workspace_made_at);
}

bool Conclusion::saves_artifacts() const {
  return job_ != nullptr && record_.outcome != ExitRecord::Outcome::not_started &&
         record_.stop != job::StopRequest::abort && !attempt_.order.spec.artifacts.empty();
}

std::vector<std::string> Conclusion::kept_changes() {
  std::vector<std::string> paths;
  if (!record_.edited)
    return paths;
  const auto found =
      source::find_edits(left(), store::ObjectStore(attempt_.home), attempt_.order.keep_changes);
  if (!found)
    record_.warnings.push_back(
        fmt::format("what it changed beside its artifacts was not scanned for secrets: {}",
                    render(found.error())));
  else
    for (const files::FoundFile& file : found->files)
      paths.push_back(file.path);
  return paths;
}

void Conclusion::scan_artifacts() {
  const secrets::Needles& hidden = attempt_.log.writer().hidden();
  if (hidden.empty() || (!saves_artifacts() && !record_.edited))
    return;
  attempt_.states.report(job::Status::uploading);
  const Path& workspace = attempt_.workspace->folder();
  std::vector<std::string> artifacts;
  if (saves_artifacts())
    artifacts = left().artifacts;
  const std::vector<std::string> changes = kept_changes();
  const SecretScan search{workspace, artifacts, changes, hidden, job_->secret_names};
  const auto found =
      scan_for_secrets(search, {signals_.fd(), [this] { return is_abort_requested(); }});
  if (!found) {
    record_.stop = job::StopRequest::abort;
    return;
  }
  record_.exposed = found->artifacts;
  record_.exposed_changes = found->changes;
  record_.warnings.insert(record_.warnings.end(), found->warnings.begin(), found->warnings.end());
}

bool Conclusion::is_abort_requested() const {
  bool requested = false;
  while (const auto signal = signals_.take())
    requested = requested || *signal == SIGUSR1;
  return requested;
}

void Conclusion::record_own_packages() {
  const Path own = attempt_.folder / file_names::own_packages;
  if (::access(own.c_str(), F_OK) != 0)
    return;
  const std::string installed = python::installed_packages(own / "bin/python");
  if (!installed.empty()) {
    const Path record = packages_record(attempt_);
    const auto all = python::merge_packages(read_file(record).value_or(""), installed);
    if (const auto written = write_file_atomically(record, all, Durable::no); !written)
      record_.warnings.push_back(render(written.error()));
  }
  (void)remove_tree(own);
}

bool Conclusion::leaves_nothing() const {
  const bool nothing_to_keep = attempt_.order.spec.artifacts.empty() && !record_.edited;
  return nothing_to_keep || record_.stop == job::StopRequest::abort;
}

void Conclusion::remove_folders() {
  if (leaves_nothing())
    (void)attempt_.workspace->remove();
  if (attempt_.order.spec.sandbox)
    (void)remove_tree(sandbox_folder(attempt_.folder));
  if (!attempt_.order.spec.apps.empty())
    (void)remove_tree(attempt_.folder / file_names::private_folder);
}

Result<void> Conclusion::write_patiently(Durable durable) {
  bool is_reported = false;
  for (int failures = 0;;) {
    auto written = attempt_.record.write(record_, durable);
    if (written)
      return written;
    const bool is_full = is_disk_full(written.error());
    if (!is_full && (!is_transient(written.error()) || ++failures > most_tries))
      return written;
    if (is_full && !std::exchange(is_reported, true))
      attempt_.states.report(TroubleMessage::Kind::waits, describe_full_disk(written.error()));
    pollfd signalled{signals_.fd(), POLLIN, 0};
    ::poll(&signalled, 1, is_full ? between_looks_at_disk_ms : between_tries_ms);
    if (is_abort_requested())
      return written;
  }
}

void Conclusion::write_record() {
  const LogWriter& log = attempt_.log.writer();
  record_.message = log.masked(record_.message);
  for (std::string& warning : record_.warnings)
    warning = log.masked(warning);
  // What a power cut takes of it counts the job as lost, as the loss of its name does. It only has
  // to last until the end is in the database: at once, or after what the job left is stored.
  if (const auto written = write_patiently(leaves_nothing() ? Durable::no : Durable::content);
      !written)
    return attempt_.states.report(TroubleMessage::Kind::gives_up,
                                  log.masked(render(written.error())));
  // Without a supervisor nobody would ever read the record. It does not belong in here.
  if (attempt_.in && attempt_.in->access() == overlay::Access::user)
    return;  // enter_namespace() has left somebody outside
  if (attempt_.in)
    attempt_.in->leave();
  (void)ensure_supervised(attempt_.home, attempt_.order.run, WithoutFolder::removed);
}

}  // namespace dstack::run
