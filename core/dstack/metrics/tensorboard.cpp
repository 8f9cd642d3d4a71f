#include "dstack/metrics/tensorboard.hpp"

#include "dstack/metrics/crc32c.hpp"
#include "dstack/metrics/encoding.hpp"

#include <bit>
#include <cmath>

namespace dstack::metrics {

namespace {

constexpr std::size_t head_size = sizeof(std::uint64_t) + sizeof(std::uint32_t);
constexpr std::size_t tail_size = sizeof(std::uint32_t);
constexpr std::uint64_t longest_record = 1ULL << 30;  // pictures and graphs are in there, too

/// As tensorflow/core/lib/hash/crc32c.h has it.
std::uint32_t masked(std::uint32_t crc) {
  return std::rotr(crc, 15) + 0xa282ead8;
}

/// A field of a message of protocol buffers.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t scalar = 0;     ///< of a varint, or the bits of a fixed one
  std::string_view bytes = {};  ///< of a text or a message
};

std::optional<Field> next_field(Decoder& message) {
  if (message.at_end() || !message.is_whole())
    return std::nullopt;
  const std::uint64_t key = message.varint();
  Field field{key >> 3};
  switch (key & 7) {
    case 0:
      field.scalar = message.varint();
      break;
    case 1:
      field.scalar = message.u64();
      break;
    case 2:
      field.bytes = message.text();
      break;
    case 5:
      field.scalar = message.u32();
      break;
    default:
      return std::nullopt;
  }
  return message.is_whole() ? std::optional(field) : std::nullopt;
}

float float_of(std::uint64_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
}

/// Of a `TensorProto` with one number.
std::optional<double> number_of_tensor(std::string_view bytes) {
  constexpr std::uint64_t type_float = 1;
  constexpr std::uint64_t type_double = 2;
  std::uint64_t type = 0;
  std::optional<double> number;
  std::string_view content;
  Decoder message(bytes);
  while (const auto field = next_field(message)) {
    Decoder packed(field->bytes);
    if (field->number == 1)
      type = field->scalar;
    else if (field->number == 4)
      content = field->bytes;
    else if (field->number == 5)  // float_val, packed or not
      number = field->bytes.empty() ? float_of(field->scalar) : packed.single();
    else if (field->number == 6)  // double_val
      number = field->bytes.empty() ? std::bit_cast<double>(field->scalar) : packed.real();
  }
  Decoder values(content);
  if (!number && type == type_float && content.size() == sizeof(float))
    number = values.single();
  if (!number && type == type_double && content.size() == sizeof(double))
    number = values.real();
  return type == type_float || type == type_double ? number : std::nullopt;
}

/// Of a `Summary.Value`.
std::optional<std::pair<std::string, double>> value_of(std::string_view bytes) {
  std::string tag;
  std::optional<double> number;
  Decoder message(bytes);
  while (const auto field = next_field(message)) {
    if (field->number == 1)
      tag = field->bytes;
    else if (field->number == 2)
      number = float_of(field->scalar);
    else if (field->number == 8)
      number = number_of_tensor(field->bytes);
  }
  if (tag.empty() || !number)
    return std::nullopt;
  return std::pair(tag, *number);
}

Row row_of_event(std::string_view bytes) {
  Row row;
  row.step = 0;
  Decoder message(bytes);
  while (const auto field = next_field(message)) {
    if (field->number == 1) {
      const double seconds = std::bit_cast<double>(field->scalar);
      if (std::abs(seconds) < 1e12)
        row.time = Timestamp(std::chrono::milliseconds(std::llround(seconds * 1000)));
    } else if (field->number == 2) {
      row.step = static_cast<std::int64_t>(field->scalar);
    } else if (field->number == 5) {
      Decoder summary(field->bytes);
      while (const auto value = next_field(summary))
        if (auto number = value->number == 1 ? value_of(value->bytes) : std::nullopt)
          row.values.push_back(*std::move(number));
    }
  }
  return row;
}

/// Of the record at the front: its length, where it is one.
std::optional<std::uint64_t> record_length(std::string_view bytes) {
  Decoder head(bytes);
  const std::uint64_t length = head.u64();
  const std::uint32_t crc = head.u32();
  if (!head.is_whole() || length > longest_record ||
      masked(crc32c(bytes.substr(0, sizeof length))) != crc)
    return std::nullopt;
  return length;
}

}  // namespace

bool is_event_file(std::string_view bytes) {
  return record_length(bytes).has_value();
}

EventReading read_events(std::string_view bytes) {
  EventReading reading;
  while (bytes.size() - reading.used >= head_size) {
    const std::string_view record = bytes.substr(reading.used);
    const auto length = record_length(record);
    if (!length) {
      reading.is_damaged = true;
      break;
    }
    if (record.size() < head_size + *length + tail_size)
      break;
    const std::string_view data = record.substr(head_size, *length);
    Decoder tail(record.substr(head_size + *length));
    if (tail.u32() != masked(crc32c(data))) {
      reading.is_damaged = true;
      break;
    }
    if (Row row = row_of_event(data); !row.values.empty())
      reading.rows.push_back(std::move(row));
    reading.used += head_size + *length + tail_size;
  }
  return reading;
}

}  // namespace dstack::metrics
