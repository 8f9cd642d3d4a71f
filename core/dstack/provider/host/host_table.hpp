// The host's side of the C interface: a table of functions over values to be read (JSON) and
// outputs to be written (a tree of ours). Lives in the provider-host child, on one thread. Wrong
// use of the table is reported by a status; the first one is remembered, because many libraries
// ignore statuses.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/provider.h"
#include "dstack/provider/host/calls.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// A piece of an answer. Outputs never move, so handles to them stay valid.
struct dstack_output {
  dstack_kind kind = DSTACK_NULL;
  std::uint32_t depth = 0;
  std::string key;  ///< of a member of a map
  std::string text;
  std::int64_t integer = 0;
  double number = 0;
  std::list<dstack_output> parts;  ///< elements or members
  /// Members by key, once there are many of them.
  std::unique_ptr<std::unordered_map<std::string_view, dstack_output*>> index;
};

struct dstack_report {
  std::vector<dstack::provider::Problem> problems;
};

namespace dstack::provider {

const dstack_host_v0& host_table();

inline const dstack_value* as_value(const Json& json) {
  return reinterpret_cast<const dstack_value*>(&json);
}

/// Appends an output to `text`, as JSON.
void render_output(const dstack_output& output, std::string& text);

/// What the provider did wrong with the table since the last call of this, or empty: "wrote a text
/// that is not UTF-8".
std::string take_misuse();

}  // namespace dstack::provider
