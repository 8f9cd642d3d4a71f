#include "dstack/secrets/crypto.hpp"

#include <algorithm>
#include <cstring>

#include <sodium.h>

namespace dstack::secrets {

static_assert(KeyBytes::size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(KeyBytes::size == crypto_kdf_KEYBYTES);

namespace {

constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void wipe(std::string& text) {
  ::sodium_memzero(text.data(), text.size());
  text.clear();
}

KeyBytes::~KeyBytes() {
  ::sodium_memzero(bytes_.data(), bytes_.size());
}

Result<void> start_crypto() {
  if (::sodium_init() < 0)
    return fail(ErrorCode::unavailable, "this machine provides no random numbers for encryption");
  return {};
}

KeyBytes random_key() {
  KeyBytes key;
  ::randombytes_buf(key.data(), KeyBytes::size);
  return key;
}

KeyBytes derive_key(const KeyBytes& key, std::string_view purpose) {
  std::array<char, crypto_kdf_CONTEXTBYTES> context{};
  std::memcpy(context.data(), purpose.data(), std::min(purpose.size(), context.size()));
  KeyBytes derived;
  ::crypto_kdf_derive_from_key(derived.data(), KeyBytes::size, 1, context.data(), key.data());
  return derived;
}

std::string seal(std::string_view text, std::string_view bound, const KeyBytes& key) {
  std::string sealed(nonce_size + text.size() + tag_size, '\0');
  ::randombytes_buf(sealed.data(), nonce_size);
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(sealed) + nonce_size,
                                               nullptr,
                                               bytes_of(text),
                                               text.size(),
                                               bytes_of(bound),
                                               bound.size(),
                                               nullptr,
                                               bytes_of(sealed),
                                               key.data());
  return sealed;
}

std::optional<std::string> open(std::string_view sealed,
                                std::string_view bound,
                                const KeyBytes& key) {
  if (sealed.size() < nonce_size + tag_size)
    return std::nullopt;
  std::string text(sealed.size() - nonce_size - tag_size, '\0');
  if (::crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(text),
                                                   nullptr,
                                                   nullptr,
                                                   bytes_of(sealed) + nonce_size,
                                                   sealed.size() - nonce_size,
                                                   bytes_of(bound),
                                                   bound.size(),
                                                   bytes_of(sealed),
                                                   key.data()) != 0)
    return std::nullopt;
  return text;
}

std::string sign(std::string_view text, const KeyBytes& key) {
  std::string hash(crypto_generichash_BYTES, '\0');
  ::crypto_generichash(
      bytes_of(hash), hash.size(), bytes_of(text), text.size(), key.data(), KeyBytes::size);
  return to_hex(hash);
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::string_view bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  ::sodium_bin2hex(text.data(), text.size(), bytes_of(bytes), bytes.size());
  text.pop_back();
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() % 2 != 0 || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  std::string bytes(text.size() / 2, '\0');
  if (::sodium_hex2bin(
          bytes_of(bytes), bytes.size(), text.data(), text.size(), nullptr, nullptr, nullptr) != 0)
    return std::nullopt;
  return bytes;
}

}  // namespace dstack::secrets
