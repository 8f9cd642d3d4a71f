// The source of libdstack_http.so: one function over libcurl's easy interface.
#include "dstack/http/module.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>

#include <curl/curl.h>

namespace {

/// What libcurl's callbacks get: the request, and whether it was the sender who ended it.
struct Transfer {
  const dstack_http_request& request;
  bool ended = false;
};

std::size_t pass_on(Transfer& transfer,
                    int (*function)(void*, const char*, std::size_t),
                    const char* bytes,
                    std::size_t size) {
  if (function == nullptr || function(transfer.request.context, bytes, size) == 0)
    return size;
  transfer.ended = true;
  return size == 0 ? 1 : 0;
}

std::size_t take_header(char* bytes, std::size_t unit, std::size_t count, void* transfer) {
  auto& known = *static_cast<Transfer*>(transfer);
  return pass_on(known, known.request.on_header, bytes, unit * count);
}

std::size_t take_body(char* bytes, std::size_t unit, std::size_t count, void* transfer) {
  auto& known = *static_cast<Transfer*>(transfer);
  return pass_on(known, known.request.on_body, bytes, unit * count);
}

dstack_http_outcome outcome_of(CURLcode code, const Transfer& transfer) {
  if (transfer.ended)
    return DSTACK_HTTP_ENDED_BY_SENDER;
  switch (code) {
    case CURLE_OK:
      return DSTACK_HTTP_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return DSTACK_HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
      return DSTACK_HTTP_TOO_LATE;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_OUT_OF_MEMORY:
      return DSTACK_HTTP_IMPOSSIBLE;
    default:
      return DSTACK_HTTP_BROKEN;
  }
}

/// A proxy of the environment is for other machines.
bool is_here(const dstack_http_request& request) {
  const std::string_view url = request.url;
  const std::size_t slashes = url.find("//");
  const std::string_view rest = slashes == std::string_view::npos ? url : url.substr(slashes + 2);
  return request.unix_socket != nullptr || rest.starts_with("127.") ||
         rest.starts_with("localhost") || rest.starts_with("[::1]");
}

void set_limits(CURL* curl, const dstack_http_request& request) {
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_time));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_time));
  if (request.idle_time > 0) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(
        curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>((request.idle_time + 999) / 1000));
  }
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request.most_redirects > 0 ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(request.most_redirects));
}

void set_method(CURL* curl, const dstack_http_request& request) {
  if (std::strcmp(request.method, "HEAD") == 0)
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (request.body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body_size));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body);
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method);
}

void send(CURL* curl, const dstack_http_request& request, dstack_http_answer& answer) {
  Transfer transfer{request};
  char details[CURL_ERROR_SIZE] = "";
  curl_slist* headers = nullptr;
  // No waiting for "100 Continue": an engine on this machine answers at once.
  headers = curl_slist_append(headers, "Expect:");
  for (std::size_t i = 0; i < request.header_count; ++i)
    headers = curl_slist_append(headers, request.headers[i]);
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owned(headers,
                                                                          &curl_slist_free_all);

  curl_easy_setopt(curl, CURLOPT_URL, request.url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // for threads, and signals are the program's own
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  if (request.unix_socket != nullptr)
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket);
  if (is_here(request))
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
  set_method(curl, request);
  set_limits(curl, request);

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  long os_error = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
  answer.outcome = outcome_of(code, transfer);
  answer.status = static_cast<std::int32_t>(status);
  answer.os_error = code == CURLE_COULDNT_CONNECT ? static_cast<std::int32_t>(os_error) : 0;
  const char* message = details[0] != '\0' ? details : curl_easy_strerror(code);
  std::snprintf(answer.message, sizeof answer.message, "%s", message);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void dstack_http_send(
    const dstack_http_request* request, dstack_http_answer* answer) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  *answer = {};
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (curl == nullptr) {
    answer->outcome = DSTACK_HTTP_IMPOSSIBLE;
    std::snprintf(answer->message, sizeof answer->message, "libcurl cannot be set up");
    return;
  }
  send(curl.get(), *request, *answer);
}
