// SHA-256 (FIPS 180-4): the name of a blob, a tree, an environment. The only user of libcrypto.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dstack {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  /// 64 lower-case hexadecimal digits.
  std::string render() const;
  static std::optional<Digest> parse(std::string_view hex);
  auto operator<=>(const Digest&) const = default;
};

/// Hashes a stream. Not for use by two threads at once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// The digest of all bytes so far; the hasher is then reset.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);

}  // namespace dstack

template <>
struct std::hash<dstack::Digest> {
  std::size_t operator()(const dstack::Digest& digest) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
      value = value << 8 | digest.bytes[i];
    return value;
  }
};
