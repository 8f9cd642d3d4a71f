// The resources of the machine that are granted, the requests that wait, and the rule by which they
// are granted. A plain value: no files, no processes, no clock.
//
// First come, first served, without starvation: a request is granted only when every earlier one
// could still be granted from what is free now. So a small request passes a large one only where
// it takes nothing from it.
#pragma once

#include "dstack/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::resources {

/// `count` GPUs among these; the preferred ones first.
struct GpuRequest {
  std::uint32_t count = 0;
  std::vector<std::string> among;  ///< ids (resources/machine.hpp)

  bool operator==(const GpuRequest&) const = default;
};

/// What a request asks for: all of it or nothing.
struct Demand {
  std::uint64_t cpu = 0;
  std::uint64_t memory = 0;      ///< bytes
  std::vector<GpuRequest> gpus;  ///< one for each job that asks for GPUs

  bool empty() const { return cpu == 0 && memory == 0 && gpus.empty(); }

  bool operator==(const Demand&) const = default;
};

/// What the machine has, beside its GPUs, as the requester sees it.
struct Capacity {
  std::uint64_t cpu = 0;
  std::uint64_t memory = 0;  ///< bytes
};

/// The ids granted to each GpuRequest.
using GrantedGpus = std::vector<std::vector<std::string>>;

struct Entry {
  std::uint64_t number = 0;  ///< ascending in the order of arrival
  std::string run;
  std::string workflow;
  std::size_t job = 0;  ///< its index; of a gang, the first one's
  Demand demand;
  std::optional<GrantedGpus> granted;  ///< nothing: it waits

  bool operator==(const Entry&) const = default;
};

/// In the order of arrival, without entries of dead holders.
struct Ledger {
  std::vector<Entry> entries;

  const Entry* find(std::uint64_t number) const;
};

/// What the waiting entry `number` would be granted now; nothing when it has to wait.
std::optional<GrantedGpus> find_grant(const Ledger& ledger,
                                      std::uint64_t number,
                                      Capacity capacity);

/// Why it has to wait: "needs 2 GPUs, 1 of 4 free", or which request is before it.
std::string explain_wait(const Ledger& ledger, std::uint64_t number, Capacity capacity);

void to_json(Json& json, const GpuRequest& request);
void from_json(const Json& json, GpuRequest& request);
void to_json(Json& json, const Demand& demand);
void from_json(const Json& json, Demand& demand);
void to_json(Json& json, const Entry& entry);
void from_json(const Json& json, Entry& entry);
void to_json(Json& json, const Ledger& ledger);
void from_json(const Json& json, Ledger& ledger);

}  // namespace dstack::resources
