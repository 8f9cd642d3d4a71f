#include "dstack/base/progress.hpp"

#include "dstack/base/thread.hpp"

#include <utility>

#include <poll.h>

namespace dstack {

namespace {

// Less is done before anybody has read a line about it.
constexpr std::uint64_t many_files = 5'000;
constexpr std::uint64_t many_bytes = 100'000'000;

thread_local ProgressReporter* current = nullptr;

}  // namespace

void ProgressReporter::Count::add(const WorkAmount& more) {
  files.fetch_add(more.files, std::memory_order_relaxed);
  bytes.fetch_add(more.bytes, std::memory_order_relaxed);
}

ProgressReporter::~ProgressReporter() {
  if (!thread_.joinable())
    return;
  over_.set();
  thread_.join();
}

void ProgressReporter::expect(const WorkAmount& more) {
  all_.add(more);
  const WorkAmount all = all_.amount();
  if (all.files >= many_files || all.bytes >= many_bytes)
    std::call_once(begun_, [this] { begin(); });
}

void ProgressReporter::count(const WorkAmount& more) {
  done_.add(more);
}

WorkState ProgressReporter::state() const {
  return {done_.amount(), all_.amount()};
}

/// Without event or thread there is nothing to be seen of the work, which goes on.
void ProgressReporter::begin() {
  over_ = Event::make().value_or(Event());
  if (!over_)
    return;
  if (auto thread = start_thread([this] { run(); }))
    thread_ = *std::move(thread);
}

void ProgressReporter::run() {
  pollfd polled{over_.fd(), POLLIN, 0};
  while (::poll(&polled, 1, static_cast<int>(between_.count())) == 0)
    show_(state());
}

ReportedWork::ReportedWork(ProgressReporter* reporter)
    : before_(std::exchange(current, reporter)) {}

ReportedWork::~ReportedWork() {
  current = before_;
}

ProgressReporter* progress_reporter() {
  return current;
}

void expect_work(const WorkAmount& more) {
  if (current != nullptr)
    current->expect(more);
}

void count_work(const WorkAmount& more) {
  if (current != nullptr)
    current->count(more);
}

}  // namespace dstack
