#include "dstack/run/supervisor/reservations.hpp"

#include "dstack/files/home.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/supervisor/orphan_cleanup.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>

namespace dstack::run {

namespace {

/// No other job has anything, and still there is not enough: the run would wait for ever.
Error nothing_to_wait_for(const std::string& reason) {
  return make_error(ErrorCode::unavailable, "it {}, and no other job holds any", reason)
      .with_hint("'dstack doctor' shows what this machine has");
}

}  // namespace

Reservations::Reservations(const files::Home& home, const RunOrder& order, const Gangs& gangs)
    : home_(home),
      folder_(resources::leases_folder(home.root)),
      order_(order),
      gangs_(gangs),
      demands_(1) {
  if (!order.machine)
    return;
  capacity_ = {order.machine->cpu, order.machine->memory};
  shapes_.resize(order.plan.jobs.size());
  for (std::size_t job = 0; job < shapes_.size(); ++job) {
    if (gangs.leader(job) != job)
      continue;
    std::vector<job::Resources> wanted;
    for (const std::size_t member : gangs.members(job))
      wanted.push_back(order.plan.jobs[member].spec.resources);
    shapes_[job] = shape_of(resources::demand_of(wanted, *order.machine));
  }
}

std::size_t Reservations::shape_of(const resources::Demand& demand) {
  auto found = std::find(demands_.begin(), demands_.end(), demand);
  if (found == demands_.end())
    found = demands_.insert(found, demand);
  return static_cast<std::size_t>(found - demands_.begin());
}

bool Reservations::may_start(std::size_t job) {
  const std::size_t leader = gangs_.leader(job);
  const std::size_t shape = shapes_.empty() ? 0 : shapes_[leader];
  if (shape == 0)
    return true;
  return waiting_.count(shape) > 0 ? ask_again(leader, shape) : ask(leader, shape);
}

bool Reservations::ask(std::size_t leader, std::size_t shape) {
  resources::Entry entry;
  entry.run = order_.plan.run_name;
  entry.workflow = order_.plan.workflows[order_.plan.jobs[leader].workflow].name;
  entry.job = leader;
  entry.demand = demands_[shape];
  errors_.erase(leader);
  end_orphaned_jobs();
  auto lease = resources::Lease::make(folder_, std::move(entry), capacity_);
  if (!lease) {
    refuse(leader, std::move(lease).error());
    return true;
  }
  if (!lease->granted() && lease->events().empty()) {
    refuse(leader, nothing_to_wait_for(lease->reason()));
    return true;
  }
  if (!lease->granted()) {
    log_decision(fmt::format("lease for the gang of job {} {}", leader, lease->reason()));
    waiting_.emplace(shape, Waiting{leader, *std::move(lease)});
    return false;
  }
  hold(leader, *std::move(lease));
  return true;
}

bool Reservations::ask_again(std::size_t leader, std::size_t shape) {
  const auto found = waiting_.find(shape);
  Waiting& waiting = found->second;
  if (waiting.leader != leader || !waiting.woken)
    return false;
  waiting.woken = false;
  end_orphaned_jobs();
  if (auto looked = waiting.lease.retry(); !looked)
    refuse(leader, std::move(looked).error());
  else if (!waiting.lease.granted() && waiting.lease.events().empty())
    refuse(leader, nothing_to_wait_for(waiting.lease.reason()));
  else if (!waiting.lease.granted())
    return false;
  else
    hold(leader, std::move(waiting.lease));
  waiting_.erase(found);
  return true;
}

void Reservations::end_orphaned_jobs() const {
  for (const resources::Entry& entry : resources::orphaned_leases(folder_))
    if (entry.run != order_.plan.run_name)
      end_orphaned_gang(home_, entry.run, entry.job);
}

void Reservations::refuse(std::size_t leader, Error error) {
  log_decision(fmt::format("lease refused to the gang of job {}: {}", leader, error.message));
  errors_[leader] = std::move(error);
}

void Reservations::hold(std::size_t leader, resources::Lease lease) {
  log_decision(fmt::format("lease granted to the gang of job {}", leader));
  held_.insert_or_assign(leader, Held{std::move(lease), gangs_.members(leader).size()});
  for (const std::size_t member : gangs_.members(leader))
    reported_.erase(member);
}

Result<std::vector<std::string>> Reservations::gpus_of(std::size_t job) const {
  const std::size_t leader = gangs_.leader(job);
  if (shapes_.empty() || shapes_[leader] == 0)
    return std::vector<std::string>();
  if (const auto error = errors_.find(leader); error != errors_.end())
    return Failure(error->second);
  const auto held = held_.find(leader);
  if (held == held_.end())
    return fail(ErrorCode::internal, "its reservation no longer exists");
  // What was granted is in the order of the gang's members that ask for GPUs.
  std::size_t index = 0;
  for (const std::size_t member : gangs_.members(job)) {
    const bool wants_gpus = order_.plan.jobs[member].spec.resources.gpu > 0;
    if (member == job)
      return wants_gpus ? held->second.lease.granted()->at(index) : std::vector<std::string>();
    index += wants_gpus ? 1u : 0u;
  }
  return std::vector<std::string>();
}

int Reservations::lease_of(std::size_t job) const {
  const auto held = held_.find(gangs_.leader(job));
  return held == held_.end() ? -1 : held->second.lease.descriptor();
}

std::optional<std::string> Reservations::new_reason(std::size_t job) {
  const std::size_t leader = gangs_.leader(job);
  const auto waiting = waiting_.find(shapes_[leader]);
  if (waiting == waiting_.end())
    return std::nullopt;
  const std::string& reason = waiting->second.lease.reason();
  const auto [reported, is_new] = reported_.try_emplace(job, reason);
  // The numbers change all the time: only the one whose turn is next reports each of them.
  if (!is_new && (reported->second == reason || waiting->second.leader != leader))
    return std::nullopt;
  reported->second = reason;
  return reason;
}

Result<void> Reservations::adopt(std::size_t job, std::size_t unfinished) {
  const std::size_t leader = gangs_.leader(job);
  if (shapes_.empty() || shapes_[leader] == 0 || held_.count(leader) > 0)
    return {};
  DSTACK_TRY(auto lease, resources::Lease::join(folder_, order_.plan.run_name, leader));
  if (!lease)
    return {};
  log_decision(fmt::format("lease of the gang of job {} adopted", leader));
  held_.emplace(leader, Held{*std::move(lease), unfinished});
  return {};
}

void Reservations::ended(std::size_t job) {
  const auto held = held_.find(gangs_.leader(job));
  if (held == held_.end() || --held->second.unfinished > 0)
    return;
  log_decision(fmt::format("lease of the gang of job {} given back", held->first));
  (void)held->second.lease.release();  // if that fails, its destructor does it
  held_.erase(held);
}

void Reservations::withdraw_unless(const std::function<bool(std::size_t job)>& could_start) {
  std::erase_if(waiting_, [&](const auto& each) { return !could_start(each.second.leader); });
}

void Reservations::add_events(std::vector<pollfd>& polled) const {
  for (const auto& [shape, waiting] : waiting_)
    for (const int fd : waiting.lease.events())
      polled.push_back({fd, 0, 0});
}

void Reservations::note_events(std::span<const pollfd> polled) {
  if (std::any_of(polled.begin(), polled.end(), [](const pollfd& p) { return p.revents != 0; }))
    for (auto& [shape, waiting] : waiting_)
      waiting.woken = true;
}

}  // namespace dstack::run
