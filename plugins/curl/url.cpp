#include "url.hpp"

#include <algorithm>
#include <cctype>

namespace curl {

std::string part_of(const UrlHandle& handle, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(handle.get(), part, &text, flags) != CURLUE_OK)
    return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string lower(std::string_view text) {
  std::string all(text);
  std::transform(all.begin(), all.end(), all.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return all;
}

}  // namespace curl
