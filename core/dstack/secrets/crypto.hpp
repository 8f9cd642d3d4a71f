// What is wanted of libsodium, in our terms: sealing a text, signing one, overwriting memory.
// Internal to this folder, but for wipe().
#pragma once

#include "dstack/base/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::secrets {

/// Overwrites what was secret, and empties it.
void wipe(std::string& text);

/// 32 bytes that are overwritten on destruction.
class KeyBytes {
 public:
  static constexpr std::size_t size = 32;

  KeyBytes() = default;
  KeyBytes(const KeyBytes&) = default;
  KeyBytes& operator=(const KeyBytes&) = default;
  ~KeyBytes();

  unsigned char* data() { return bytes_.data(); }

  const unsigned char* data() const { return bytes_.data(); }

 private:
  std::array<unsigned char, size> bytes_{};
};

/// Must have succeeded before anything below is called; cheap from the second time on.
Result<void> start_crypto();
KeyBytes random_key();
/// A key for one purpose, made of another; `purpose` has at most 8 characters.
KeyBytes derive_key(const KeyBytes& key, std::string_view purpose);

/// Encrypts (XChaCha20-Poly1305) under a random nonce, which begins the result. `bound` is not part
/// of it, and must be the same again to open it.
std::string seal(std::string_view text, std::string_view bound, const KeyBytes& key);
/// Nothing when a bit of anything differs.
std::optional<std::string> open(std::string_view sealed,
                                std::string_view bound,
                                const KeyBytes& key);
/// 64 hexadecimal digits that only the holder of the key can make (BLAKE2b).
std::string sign(std::string_view text, const KeyBytes& key);
/// In constant time.
bool same(std::string_view a, std::string_view b);

std::string to_hex(std::string_view bytes);
/// Nothing when it is not hexadecimal in lower case.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace dstack::secrets
