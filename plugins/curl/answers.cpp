#include "answers.hpp"

#include "url.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace curl {

namespace {

constexpr std::size_t longest_words = 500;  // bytes

/// Bytes of the character of UTF-8 at the beginning of `text`; 0: there is none.
std::size_t size_of_character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xC2 ? 0
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 0;
  if (size > text.size())
    return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80)
      return 0;
  return size;
}

/// Also those that have two bytes in UTF-8.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  return first < 0x20 || first == 0x7F ||
         (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);
}

/// Words that libcurl has for a connection that broke while TLS began.
bool is_broken_connection(std::string_view problem) {
  static constexpr std::array<std::string_view, 4> words = {
      "reset by peer", "SSL_ERROR_SYSCALL", "unexpected eof", "Broken pipe"};
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return problem.find(word) != std::string_view::npos;
  });
}

}  // namespace

bool is_content(int status) {
  return status == 200 || status == 203 || status == 206;
}

bool is_passing(int status) {
  // The last two are a content network's words for a server that does not answer it.
  static constexpr std::array<int, 9> passing = {408, 425, 429, 500, 502, 503, 504, 522, 524};
  return std::find(passing.begin(), passing.end(), status) != passing.end();
}

bool is_final(CURLcode code, std::string_view problem) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
      return !is_broken_connection(problem);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_WEIRD_SERVER_REPLY:
      return true;
    default:
      return false;
  }
}

std::string hint_for(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return "check the URL, and whether this machine can reach that host (or needs a proxy: set "
             "https_proxy)";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "for a certificate of your own, set SSL_CERT_FILE in 'environment'";
    default:
      return {};
  }
}

std::string hint_for(int status, bool has_words) {
  switch (status) {
    case 401:
      return "the server requires authentication: set 'headers'";
    case 403:
      return has_words ? "" : "if the server requires authentication, set 'headers'";
    case 404:
    case 410:
      return "check the URL";
    default:
      return is_passing(status) ? "try again later, or set 'http_retries' to ask more often" : "";
  }
}

std::string render_answer(const Response& response) {
  return std::to_string(response.status) + (response.reason.empty() ? "" : " " + response.reason);
}

std::string words_of(std::string_view body) {
  std::string words;
  std::size_t characters = 0;
  std::size_t strange = 0;
  while (!body.empty() && words.size() <= longest_words) {
    const std::size_t size = size_of_character(body);
    const std::string_view character = body.substr(0, std::max<std::size_t>(size, 1));
    const bool is_blank = std::string_view(" \t\r\n\f").find(character) != std::string_view::npos;
    ++characters;
    if (size > 0 && !is_blank && !is_control(character)) {
      words += character;
    } else {
      strange += is_blank ? 0 : 1;
      if (!words.empty() && words.back() != ' ')
        words += ' ';
    }
    body.remove_prefix(character.size());
  }
  if (strange * 5 > characters)
    return {};
  while (words.size() > longest_words) {
    while ((static_cast<unsigned char>(words.back()) & 0xC0U) == 0x80)
      words.pop_back();
    words.pop_back();
    if (words.size() <= longest_words)
      return words + "…";
  }
  return words.substr(0, words.find_last_not_of(' ') + 1);
}

bool is_page(std::string_view content_type) {
  std::string type = lower(content_type.substr(0, content_type.find(';')));
  type.erase(std::remove(type.begin(), type.end(), ' '), type.end());
  return type == "text/html" || type == "application/xhtml+xml";
}

bool is_called_page(std::string_view path) {
  static constexpr std::array<std::string_view, 9> ends = {
      ".html", ".htm", ".xhtml", ".xht", ".shtml", ".php", ".asp", ".aspx", ".jsp"};
  const std::string name = lower(path.substr(0, path.find_first_of("?#")));
  return std::any_of(
      ends.begin(), ends.end(), [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace curl
