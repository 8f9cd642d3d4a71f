#include "dstack/metrics/encoding.hpp"

#include <bit>
#include <cstring>

namespace dstack::metrics {

static_assert(std::endian::native == std::endian::little);

void put_varint(std::string& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7)
    bytes.push_back(static_cast<char>(number | 0x80));
  bytes.push_back(static_cast<char>(number));
}

void put_signed(std::string& bytes, std::int64_t number) {
  put_varint(bytes,
             (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63));
}

void put_u32(std::string& bytes, std::uint32_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_double(std::string& bytes, double number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& bytes, std::string_view text) {
  put_varint(bytes, text.size());
  bytes.append(text);
}

std::uint64_t Decoder::long_varint() {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_)
      break;
    const auto byte = static_cast<unsigned char>(*at_++);
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80)
      return number;
  }
  whole_ = false;
  return 0;
}

std::string_view Decoder::take(std::uint64_t size) {
  if (size > static_cast<std::uint64_t>(end_ - at_)) {
    whole_ = false;
    at_ = end_;
    return {};
  }
  const std::string_view taken(at_, static_cast<std::size_t>(size));
  at_ += size;
  return taken;
}

namespace {

template <typename Number>
Number number_from(std::string_view bytes) {
  Number number{};
  if (bytes.size() == sizeof number)
    std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

std::uint32_t Decoder::u32() {
  return number_from<std::uint32_t>(take(sizeof(std::uint32_t)));
}

std::uint64_t Decoder::u64() {
  return number_from<std::uint64_t>(take(sizeof(std::uint64_t)));
}

float Decoder::single() {
  return number_from<float>(take(sizeof(float)));
}

double Decoder::real() {
  return number_from<double>(take(sizeof(double)));
}

}  // namespace dstack::metrics
