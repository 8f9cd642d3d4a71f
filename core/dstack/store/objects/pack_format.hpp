// The bytes of packs and of their index, whose grammar is in packs.hpp. Internal to store/.
#pragma once

#include "dstack/store/objects/packs.hpp"

#include <cstring>

namespace dstack::store::pack_format {

inline constexpr std::string_view header = "dstack-pack 1\n";
inline constexpr std::string_view index_header = "dstack-pack-index 1\n";
inline constexpr std::size_t number_size = sizeof(std::uint64_t);
inline constexpr std::size_t digest_size = sizeof(Digest::bytes);
inline constexpr std::size_t entry_size = digest_size + 2 * number_size;
inline constexpr std::size_t index_entry_size = entry_size + number_size;

inline void append(std::string& text, const Digest& digest) {
  text.append(reinterpret_cast<const char*>(digest.bytes.data()), digest_size);
}

inline void append(std::string& text, std::uint64_t number) {
  text.append(reinterpret_cast<const char*>(&number), number_size);
}

inline void append(std::string& text, const Packed& entry) {
  append(text, entry.digest);
  append(text, entry.place);
  append(text, entry.size);
}

inline Digest digest_at(const char* bytes) {
  Digest digest;
  std::memcpy(digest.bytes.data(), bytes, digest_size);
  return digest;
}

inline std::uint64_t number_at(const char* bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes, number_size);
  return number;
}

inline Packed entry_at(const char* bytes) {
  return {digest_at(bytes),
          number_at(bytes + digest_size),
          number_at(bytes + digest_size + number_size)};
}

}  // namespace dstack::store::pack_format
