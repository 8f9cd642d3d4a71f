#include "dstack/run/supervisor/run_clock.hpp"

#include "dstack/process/identity.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"
#include "dstack/store/records/records.hpp"

#include <optional>

namespace dstack::run {

job::Moment last_moment(const store::RunRecord& run, const std::vector<store::JobRecord>& jobs) {
  job::Moment last{run.submitted_at};
  const auto take = [&](const std::optional<job::Moment>& moment) {
    if (moment && moment->elapsed > last.elapsed)
      last = *moment;
  };
  for (const store::JobRecord& job : jobs) {
    take(job.started_at);
    take(job.finished_at);
  }
  return last;
}

Result<Clock> start_clock(store::Records& records, store::RunRecord& run) {
  if (run.clock.boot != process::boot_id()) {
    DSTACK_TRY(const auto jobs, records.jobs(run.id));
    const job::Moment last = last_moment(run, jobs);
    run.clock = job::continued(run.clock, process::read_clocks(), last);
    DSTACK_CHECK(records.set_clock(run.id, run.clock));
    log_decision("the run began in another boot: its clock goes on in this one");
  }
  return Clock([clock = run.clock, submitted = job::Moment{run.submitted_at}] {
    return job::moment_of(process::read_clocks(), clock, submitted);
  });
}

}  // namespace dstack::run
