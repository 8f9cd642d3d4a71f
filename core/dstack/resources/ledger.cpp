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

/// What nobody has been given.
struct Free {
  Capacity rest;
  std::set<std::string> taken;

  Free(const Ledger& ledger, Capacity capacity) : rest(capacity) {
    for (const Entry& entry : ledger.entries) {
      if (!entry.granted)
        continue;
      rest.cpu = minus(rest.cpu, entry.demand.cpu);
      rest.memory = minus(rest.memory, entry.demand.memory);
      for (const auto& cards : *entry.granted)
        taken.insert(cards.begin(), cards.end());
    }
  }
};

/// Free cards and those who want them, matched so that as many as possible are served: one that was
/// served stays so, if need be with another card. Whoever comes later and is served by it has taken
/// nothing that an earlier one could have used.
class Matching {
 public:
  explicit Matching(const std::set<std::string>& taken) : taken_(taken) {}

  /// How many of the wish's cards could be found.
  std::uint32_t add(const GpuRequest& wish) {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < wish.count; ++i) {
      seekers_.push_back(&wish);
      std::set<std::string> tried;
      if (!serve(seekers_.size() - 1, tried))
        break;  // the others want the same
      ++found;
    }
    return found;
  }

  std::vector<std::string> cards_of(const GpuRequest& wish) const {
    std::vector<std::string> cards;
    for (const std::string& card : wish.among)
      if (const auto owner = owners_.find(card);
          owner != owners_.end() && seekers_[owner->second] == &wish)
        cards.push_back(card);
    return cards;
  }

 private:
  bool serve(std::size_t seeker, std::set<std::string>& tried) {
    for (const std::string& card : seekers_[seeker]->among) {
      if (taken_.count(card) > 0 || !tried.insert(card).second)
        continue;
      const auto owner = owners_.find(card);
      if (owner == owners_.end() || serve(owner->second, tried)) {
        owners_[card] = seeker;
        return true;
      }
    }
    return false;
  }

  const std::set<std::string>& taken_;
  std::vector<const GpuRequest*> seekers_;
  std::map<std::string, std::size_t> owners_;  ///< by card: index of the seeker
};

/// The waiting entries before one.
std::vector<const Entry*> waiting_before(const Ledger& ledger, std::uint64_t number) {
  std::vector<const Entry*> before;
  for (const Entry& entry : ledger.entries)
    if (entry.number < number && !entry.granted)
      before.push_back(&entry);
  return before;
}

std::string describe_cards(const Demand& demand, const Free& free) {
  std::set<std::string> fitting;
  std::uint32_t wanted = 0;
  for (const GpuRequest& wish : demand.cards) {
    wanted += wish.count;
    fitting.insert(wish.among.begin(), wish.among.end());
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

std::optional<Cards> find_share(const Ledger& ledger, std::uint64_t number, Capacity capacity) {
  const Entry* own = ledger.find(number);
  if (own == nullptr)
    return std::nullopt;
  const Free free(ledger, capacity);
  Capacity rest = free.rest;
  Matching matching(free.taken);
  for (const Entry* entry : waiting_before(ledger, number)) {
    rest.cpu = minus(rest.cpu, entry->demand.cpu);
    rest.memory = minus(rest.memory, entry->demand.memory);
    for (const GpuRequest& wish : entry->demand.cards)
      matching.add(wish);
  }
  if (own->demand.cpu > rest.cpu || own->demand.memory > rest.memory)
    return std::nullopt;
  for (const GpuRequest& wish : own->demand.cards)
    if (matching.add(wish) < wish.count)
      return std::nullopt;
  Cards cards;
  for (const GpuRequest& wish : own->demand.cards)
    cards.push_back(matching.cards_of(wish));
  return cards;
}

std::string explain_wait(const Ledger& ledger, std::uint64_t number, Capacity capacity) {
  const Entry* own = ledger.find(number);
  if (own == nullptr)
    return {};
  const Free free(ledger, capacity);
  std::vector<std::string> parts;
  if (std::string cards = describe_cards(own->demand, free); !cards.empty())
    parts.push_back(std::move(cards));
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
  fields.required("cards", demand.cards);
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
