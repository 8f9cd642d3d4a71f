// Parts of URLs, by libcurl's parser.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <curl/curl.h>

namespace curl {

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

/// Empty where the URL has no such part.
std::string part_of(const UrlHandle& handle, CURLUPart part, unsigned flags = 0);

/// With small letters, for names in which case does not count.
std::string lower(std::string_view text);

}  // namespace curl
