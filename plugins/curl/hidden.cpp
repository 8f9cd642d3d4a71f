#include "hidden.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace curl {

namespace {

/// Shorter ones occur in any text by chance.
constexpr std::size_t shortest_hidden = 4;

std::string base64(std::string_view bytes) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view three = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8U | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= three.size() ? alphabet[bits >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

}  // namespace

void Hidden::add(const Address& address) {
  add_text(address.user);
  add_text(address.password);
  if (!address.password.empty())
    add_text(base64(address.user + ":" + address.password));
  for (const std::string& credential : address.credentials)
    add_text(credential);
}

void Hidden::add_header(const std::string& value) {
  add_text(value);
  for (std::size_t begin = 0; begin < value.size();) {
    const std::size_t end = std::min(value.find(' ', begin), value.size());
    if (const std::string word = value.substr(begin, end - begin); word.size() >= 8)
      add_text(word);
    begin = end + 1;
  }
}

std::string Hidden::masked(std::string text) const {
  for (const std::string& hidden : texts_)
    for (std::size_t at = text.find(hidden); at != std::string::npos;
         at = text.find(hidden, at + 3))
      text.replace(at, hidden.size(), "***");
  return text;
}

void Hidden::add_text(std::string text) {
  if (text.size() < shortest_hidden ||
      std::find(texts_.begin(), texts_.end(), text) != texts_.end())
    return;
  const auto place = std::find_if(texts_.begin(), texts_.end(), [&](const std::string& other) {
    return other.size() <= text.size();
  });
  texts_.insert(place, std::move(text));
}

}  // namespace curl
