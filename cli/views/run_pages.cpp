#include "views/run_pages.hpp"

#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <utility>

namespace dstack::cli {

namespace {

constexpr std::size_t page_size = 128;

}  // namespace

RunPages::RunPages(store::Records& records, store::RunFilter filter)
    : records_(&records), filter_(std::move(filter)) {}

Result<RunPages> RunPages::open(store::Records& records, store::RunFilter filter) {
  RunPages pages(records, std::move(filter));
  DSTACK_CHECK(pages.read());
  return pages;
}

Result<bool> RunPages::next() {
  if (!has_more_)
    return false;
  DSTACK_CHECK(read());
  return !page_.empty();
}

Result<void> RunPages::read() {
  const bool is_limited = filter_.most != 0;
  store::RunFilter filter = filter_;
  filter.most = is_limited ? std::min(filter_.most, page_size) : page_size;
  DSTACK_TRY(page_, records_->find_runs(filter));
  has_more_ = page_.size() == filter.most && filter.most != filter_.most;
  if (!page_.empty())
    filter_.before = page_.back().id;
  if (is_limited)
    filter_.most -= page_.size();
  if (!filter_.workflow.empty())
    for (store::RunRecord& run : page_)
      std::erase_if(run.workflows, [&](const store::WorkflowRecord& workflow) {
        return sweep::workflow_of(workflow.name) != filter_.workflow;
      });
  return {};
}

}  // namespace dstack::cli
