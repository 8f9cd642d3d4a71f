// Scalars of TensorBoard's files of events (`events.out.tfevents.…`): records of the length (8
// bytes), its masked CRC-32C, the data and its masked CRC-32C, each of the data an `Event` of
// tensorflow/core/util/event.proto.
#pragma once

#include "dstack/metrics/row.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dstack::metrics {

/// Whether a file begins as one of these.
bool is_event_file(std::string_view bytes);

struct EventReading {
  std::vector<Row> rows = {};
  std::size_t used = 0;     ///< bytes of whole records; what follows may become one
  bool is_damaged = false;  ///< what follows is none, and never will be
};

/// From the beginning of a record on.
EventReading read_events(std::string_view bytes);

}  // namespace dstack::metrics
