#include "dstack/run/client/run_before.hpp"

#include "dstack/run/protocol/run_order.hpp"
#include "dstack/store/records/run_record.hpp"

namespace dstack::run {

Result<bool> has_run_before(store::Records& records, const Path& project) {
  DSTACK_TRY(const auto last, records.last_run(project.string()));
  if (!last)
    return false;
  DSTACK_TRY(const std::string text, records.plan(last->id));
  return project_of_run_order(text) == project.string();
}

}  // namespace dstack::run
