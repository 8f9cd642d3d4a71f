// Who has which part of the machine, and who waits for what: a value, and the one rule by which it
// is given out. Pure: knows no file, no process, no clock.
//
// First come, first served, and nobody is starved: a request gets what it asks for only when
// everything that came before it would still find its share in what is free now. So a small one
// passes a large one where it takes nothing from it, and never otherwise.
#pragma once

#include "dstack/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::resources {

/// So many GPUs of these; the better liked first.
struct GpuRequest {
  std::uint32_t count = 0;
  std::vector<std::string> among;  ///< ids (resources/machine.hpp)

  bool operator==(const GpuRequest&) const = default;
};

/// What is asked for, all of it or nothing.
struct Demand {
  std::uint64_t cpu = 0;
  std::uint64_t memory = 0;       ///< bytes
  std::vector<GpuRequest> gpus;   ///< one for each job that asks for some

  bool empty() const { return cpu == 0 && memory == 0 && gpus.empty(); }

  bool operator==(const Demand&) const = default;
};

/// What the machine has, beside its GPUs, in the eyes of whoever asks.
struct Capacity {
  std::uint64_t cpu = 0;
  std::uint64_t memory = 0;  ///< bytes
};

/// The GPUs that each wish got.
using GrantedGpus = std::vector<std::vector<std::string>>;

struct Entry {
  std::uint64_t number = 0;  ///< in the order of arrival
  std::string run;
  std::string workflow;
  std::size_t job = 0;  ///< its index; of several that start together the first
  Demand demand;
  std::optional<GrantedGpus> granted;  ///< nothing: it waits

  bool operator==(const Entry&) const = default;
};

/// In the order of arrival. Whoever is dead has been struck out.
struct Ledger {
  std::vector<Entry> entries;

  const Entry* find(std::uint64_t number) const;
};

/// What the waiting entry `number` would get now; nothing when it has to wait on.
std::optional<GrantedGpus> find_grant(const Ledger& ledger,
                                      std::uint64_t number,
                                      Capacity capacity);

/// Why it has to: "needs 2 GPUs, 1 of 4 free", or who waits before it.
std::string explain_wait(const Ledger& ledger, std::uint64_t number, Capacity capacity);

Json render_ledger(const Ledger& ledger);
/// A ledger that nobody can read is one of nobody.
Ledger parse_ledger(const Json& json);

}  // namespace dstack::resources
