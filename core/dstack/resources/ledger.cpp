#include "dstack/resources/ledger.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dstack::resources {

namespace {

std::uint64_t minus(std::uint64_t all, std::uint64_t taken) {
  return all > taken ? all - taken : 0;
}

/// What is not granted.
struct Free {
  Capacity rest;
  std::set<std::string> taken;

  Free(const Ledger& ledger, Capacity capacity) : rest(capacity) {
    for (const Entry& entry : ledger.entries) {
      if (!entry.granted)
        continue;
      rest.cpu = minus(rest.cpu, entry.demand.cpu);
      rest.memory = minus(rest.memory, entry.demand.memory);
      for (const auto& gpus : *entry.granted)
        taken.insert(gpus.begin(), gpus.end());
    }
  }
};

/// Matches free GPUs to requests so that as many as possible are served: one that was served stays
/// so, if need be with another GPU. A later one that is served takes nothing that an earlier one
/// could have used.
class Matching {
 public:
  explicit Matching(const std::set<std::string>& taken) : taken_(taken) {}

  /// How many GPUs could be found for the request.
  std::uint32_t add(const GpuRequest& request) {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < request.count; ++i) {
      seekers_.push_back(&request);
      std::set<std::string> tried;
      if (!serve(seekers_.size() - 1, tried))
        break;  // the rest of the request would fail the same way
      ++found;
    }
    return found;
  }

  std::vector<std::string> gpus_of(const GpuRequest& request) const {
    std::vector<std::string> gpus;
    for (const std::string& gpu : request.among)
      if (const auto owner = owners_.find(gpu);
          owner != owners_.end() && seekers_[owner->second] == &request)
        gpus.push_back(gpu);
    return gpus;
  }

 private:
  bool serve(std::size_t seeker, std::set<std::string>& tried) {
    for (const std::string& gpu : seekers_[seeker]->among) {
      if (taken_.count(gpu) > 0 || !tried.insert(gpu).second)
        continue;
      const auto owner = owners_.find(gpu);
      if (owner == owners_.end() || serve(owner->second, tried)) {
        owners_[gpu] = seeker;
        return true;
      }
    }
    return false;
  }

  const std::set<std::string>& taken_;
  std::vector<const GpuRequest*> seekers_;
  std::map<std::string, std::size_t> owners_;  ///< by GPU: index of the seeker
};

/// The waiting entries before `number`.
std::vector<const Entry*> waiting_before(const Ledger& ledger, std::uint64_t number) {
  std::vector<const Entry*> before;
  for (const Entry& entry : ledger.entries)
    if (entry.number < number && !entry.granted)
      before.push_back(&entry);
  return before;
}

std::string describe_missing_gpus(const Demand& demand, const Free& free) {
  std::set<std::string> fitting;
  std::uint32_t wanted = 0;
  for (const GpuRequest& request : demand.gpus) {
    wanted += request.count;
    fitting.insert(request.among.begin(), request.among.end());
  }
  const auto left = static_cast<std::size_t>(std::count_if(
      fitting.begin(), fitting.end(), [&](const auto& id) { return free.taken.count(id) == 0; }));
  if (left >= wanted)
    return {};
  return fmt::format("{}, {} of {} free", plural(wanted, "GPU"), left, fitting.size());
}

}  // namespace

const Entry* Ledger::find(std::uint64_t number) const {
  const auto found = std::find_if(
      entries.begin(), entries.end(), [&](const Entry& entry) { return entry.number == number; });
  return found == entries.end() ? nullptr : &*found;
}

std::optional<GrantedGpus> find_grant(const Ledger& ledger,
                                      std::uint64_t number,
                                      Capacity capacity) {
  const Entry* own = ledger.find(number);
  if (own == nullptr)
    return std::nullopt;
  const Free free(ledger, capacity);
  Capacity rest = free.rest;
  Matching matching(free.taken);
  for (const Entry* entry : waiting_before(ledger, number)) {
    rest.cpu = minus(rest.cpu, entry->demand.cpu);
    rest.memory = minus(rest.memory, entry->demand.memory);
    for (const GpuRequest& request : entry->demand.gpus)
      matching.add(request);
  }
  if (own->demand.cpu > rest.cpu || own->demand.memory > rest.memory)
    return std::nullopt;
  for (const GpuRequest& request : own->demand.gpus)
    if (matching.add(request) < request.count)
      return std::nullopt;
  GrantedGpus gpus;
  for (const GpuRequest& request : own->demand.gpus)
    gpus.push_back(matching.gpus_of(request));
  return gpus;
}

std::string explain_wait(const Ledger& ledger, std::uint64_t number, Capacity capacity) {
  const Entry* own = ledger.find(number);
  if (own == nullptr)
    return {};
  const Free free(ledger, capacity);
  std::vector<std::string> parts;
  if (std::string gpus = describe_missing_gpus(own->demand, free); !gpus.empty())
    parts.push_back(std::move(gpus));
  if (own->demand.cpu > free.rest.cpu)
    parts.push_back(fmt::format(
        "{}, {} of {} free", plural(own->demand.cpu, "CPU"), free.rest.cpu, capacity.cpu));
  if (own->demand.memory > free.rest.memory)
    parts.push_back(fmt::format("{} of memory, {} of {} free",
                                render_size(own->demand.memory),
                                render_size(free.rest.memory),
                                render_size(capacity.memory)));
  if (!parts.empty())
    return fmt::format("needs {}", join(parts, "; "));
  const auto before = waiting_before(ledger, number);
  if (before.empty())
    return "waits for the resources of others";
  return fmt::format(
      "waits behind '{}' of run '{}'", before.front()->workflow, before.front()->run);
}

template <class Fields, MaybeConst<GpuRequest> Self>
void fields(Fields& fields, Self& request) {
  fields.required("count", request.count);
  fields.required("among", request.among);
}

template <class Fields, MaybeConst<Demand> Self>
void fields(Fields& fields, Self& demand) {
  fields.required("cpu", demand.cpu);
  fields.required("memory", demand.memory);
  fields.required("cards", demand.gpus);
}

template <class Fields, MaybeConst<Entry> Self>
void fields(Fields& fields, Self& entry) {
  fields.required("number", entry.number);
  fields.required("run", entry.run);
  fields.required("workflow", entry.workflow);
  fields.required("job", entry.job);
  fields.required("demand", entry.demand);
  fields.optional("granted", entry.granted);
}

template <class Fields, MaybeConst<Ledger> Self>
void fields(Fields& fields, Self& ledger) {
  fields.required("entries", ledger.entries);
}

void to_json(Json& json, const GpuRequest& request) {
  write_fields(json, request);
}

void from_json(const Json& json, GpuRequest& request) {
  read_fields(json, request, "request");
}

void to_json(Json& json, const Demand& demand) {
  write_fields(json, demand);
}

void from_json(const Json& json, Demand& demand) {
  read_fields(json, demand, "demand");
}

void to_json(Json& json, const Entry& entry) {
  write_fields(json, entry);
}

void from_json(const Json& json, Entry& entry) {
  read_fields(json, entry, "entry");
}

void to_json(Json& json, const Ledger& ledger) {
  write_fields(json, ledger);
}

void from_json(const Json& json, Ledger& ledger) {
  read_fields(json, ledger, "ledger");
}

}  // namespace dstack::resources
