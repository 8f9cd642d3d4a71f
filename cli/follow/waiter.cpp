#include "follow/waiter.hpp"

#include "dstack/job/status.hpp"
#include "dstack/store/records/run_record.hpp"

#include <algorithm>
#include <limits>

namespace dstack::cli {

void Waiter::changed(const store::RunState& state, const std::vector<std::size_t>&) {
  bool over = !part_.is_all();
  for (const store::JobRecord& job : state.jobs)
    over = over && (!part_.holds(job.workflow) || job::is_final(job.status));
  if (over)
    signals_.wake();
}

void Waiter::tick() {
  if (!deadline_ || Clock::now() < *deadline_)
    return;
  timed_out_ = true;
  signals_.wake();
}

int Waiter::next_tick() {
  if (!deadline_ || timed_out_)
    return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace dstack::cli
