// Numbers as the files of this folder hold them: little-endian, and of variable length as protocol
// buffers have it (7 bits a byte, the lowest first). Inner header of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dstack::metrics {

void put_varint(std::string& bytes, std::uint64_t number);
/// Small numbers of either sign become short ones.
void put_signed(std::string& bytes, std::int64_t number);
void put_u32(std::string& bytes, std::uint32_t number);
void put_double(std::string& bytes, double number);
void put_text(std::string& bytes, std::string_view text);

/// Takes numbers from the front of a text. What is not there is 0, and is_whole() is false from
/// then on.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  std::uint64_t varint() {
    if (at_ != end_ && static_cast<signed char>(*at_) >= 0)
      return static_cast<unsigned char>(*at_++);
    return long_varint();
  }

  std::int64_t signed_varint() {
    const std::uint64_t number = varint();
    return static_cast<std::int64_t>((number >> 1) ^ (~(number & 1) + 1));
  }

  std::uint32_t u32();
  std::uint64_t u64();
  float single();
  double real();
  /// `size` bytes.
  std::string_view take(std::uint64_t size);

  /// A length, and as many bytes.
  std::string_view text() { return take(varint()); }

  bool at_end() const { return at_ == end_; }

  bool is_whole() const { return whole_; }

  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

 private:
  std::uint64_t long_varint();

  const char* at_;
  const char* end_;
  bool whole_ = true;
};

}  // namespace dstack::metrics
