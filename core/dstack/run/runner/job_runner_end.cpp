// How the job ended, what is found in what it leaves, and the record of both.
#include "dstack/backend/container.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/runner/job_runner.hpp"
#include "dstack/run/runner/secret_scan.hpp"
#include "dstack/run/runner/usage.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dstack::run {

void JobRunner::note_end() {
  const auto status = process_->status();
  if (!status) {
    record_.outcome = ExitRecord::Outcome::signaled;
    record_.number = SIGKILL;
  } else if (const auto* exited = std::get_if<process::Exited>(&*status)) {
    record_.number = exited->code;
  } else {
    record_.outcome = ExitRecord::Outcome::signaled;
    record_.number = std::get<process::Signaled>(*status).signal;
  }
  if (record_.stop == job::StopRequest::none && !record_.cause)
    if (const std::string sentence = apps_.unanswered(); !sentence.empty())
      record_.warnings.push_back(sentence);
  note_resources(record_, limiter_, process_->usage(), order_.spec, [this] { return log_tail(); });
  if (log_->dropped() > 0)
    record_.warnings.push_back("the disk was full: " + std::to_string(log_->dropped()) +
                               " bytes of output were lost");
}

std::string JobRunner::log_tail() const {
  return JobLog(home_.job(order_.run, order_.index)).read_end(end_of_log, log_begin_).value_or("");
}

bool JobRunner::saves_artifacts() const {
  return process_ && record_.outcome != ExitRecord::Outcome::not_started &&
         record_.stop != job::StopRequest::abort && !order_.spec.artifacts.empty();
}

void JobRunner::look_through_artifacts() {
  if (!saves_artifacts() || log_->hidden().empty())
    return;
  tell(job::Status::uploading);
  const std::vector<std::string> artifacts = edited_folder(order_, workspace_->folder()).artifacts;
  const SecretScan search{workspace_->folder(), artifacts, log_->hidden(), secret_names_};
  const auto found = scan_for_secrets(search, {events_.get(), [this] { return is_abort_asked(); }});
  if (!found) {
    record_.stop = job::StopRequest::abort;
    return;
  }
  record_.exposed = found->artifacts;
  record_.warnings.insert(record_.warnings.end(), found->warnings.begin(), found->warnings.end());
}

bool JobRunner::is_abort_asked() const {
  bool asked = false;
  signalfd_siginfo signal{};
  while (::read(events_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal))
    asked = asked || signal.ssi_signo == SIGUSR1;
  return asked;
}

void JobRunner::finish() {
  record_.finished_at = now();
  limiter_.remove();
  if (auto synced = log_->sync(); !synced)
    record_.warnings.push_back(render(synced.error()));
  // An agent that was killed, as an abort does, leaves its container behind, and the empty pipe.
  if (order_.spec.container)
    ::unlink((folder_ / file_names::secrets).c_str());
  if (const auto removed = backend::remove_container(folder_ / file_names::container); !removed)
    record_.warnings.push_back(
        "its container is still there, and can be removed with 'docker rm -f dstack-" + order_.id +
        "': " + render(removed.error()));
  if (process_ && record_.stop != job::StopRequest::abort && workspace_->is_private())
    record_.edited =
        source::is_touched(edited_folder(order_, workspace_->folder()), workspace_made_at_);
  look_through_artifacts();
  // Nothing is wanted of it any more; what is worth keeping the supervisor takes first.
  const bool nothing_to_keep = order_.spec.artifacts.empty() && !record_.edited;
  if (nothing_to_keep || record_.stop == job::StopRequest::abort)
    (void)workspace_->remove();
  if (!order_.spec.apps.empty())
    (void)remove_tree(folder_ / file_names::private_folder);
  record_.message = log_->masked(record_.message);
  for (std::string& warning : record_.warnings)
    warning = log_->masked(warning);
  // A name lost in a power cut counts the job as lost; a record that is there is whole.
  if (!write_file_atomically(
          folder_ / file_names::exit_record, render_exit_record(record_), Durable::content, 0600))
    return;
  // Without a supervisor nobody would ever read the record.
  (void)ensure_supervised(home_, order_.run);
}

}  // namespace dstack::run
