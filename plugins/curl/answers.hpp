// What an answer or a failure of libcurl means for a download: whether another request may help,
// what to tell people about it, and what the server said. Functions of values, without effects.
#pragma once

#include "transfer.hpp"

#include <string>
#include <string_view>

namespace curl {

bool is_content(int status);
/// Answers that may be different later.
bool is_passing(int status);
/// Where a second request would end like the first. `problem`: libcurl's words.
bool is_final(CURLcode code, std::string_view problem);

std::string hint_for(CURLcode code);
/// `has_words`: the server said itself what is wrong.
std::string hint_for(int status, bool has_words);

/// "404 Not Found".
std::string render_answer(const Response& response);

/// The beginning of an answer's body for people: on one line, at most 500 bytes of text, without
/// control characters and what is not UTF-8. Empty when it is not a text.
std::string words_of(std::string_view body);

/// Whether a server means a page for a browser by this Content-Type.
bool is_page(std::string_view content_type);
/// Whether a file or a URL's path is called like such a page.
bool is_called_page(std::string_view path);

}  // namespace curl
