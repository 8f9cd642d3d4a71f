// The source of libdstack_http.so: requests that wait, over libcurl's easy interface, and requests
// that are carried on by a poll loop, over its multi interface.
#include "dstack/http/module.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

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

/// libcurl leaves its sockets open to the programs that we start.
int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  return ::fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/// One request with its handle of libcurl, which refers to it: it stays where it is.
class Exchange {
 public:
  explicit Exchange(const dstack_http_request& request)
      : transfer_{request}, curl_(curl_easy_init(), &curl_easy_cleanup) {
    if (curl_ != nullptr)
      prepare(curl_.get(), request);
  }

  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Null when libcurl has no memory.
  CURL* handle() const { return curl_.get(); }

  void fill(dstack_http_answer& answer, CURLcode code) const {
    long status = 0;
    long os_error = 0;
    curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle(), CURLINFO_OS_ERRNO, &os_error);
    answer.outcome = outcome_of(code, transfer_);
    answer.status = static_cast<std::int32_t>(status);
    answer.os_error = code == CURLE_COULDNT_CONNECT ? static_cast<std::int32_t>(os_error) : 0;
    const char* message = details_[0] != '\0' ? details_ : curl_easy_strerror(code);
    std::snprintf(answer.message, sizeof answer.message, "%s", message);
  }

 private:
  void prepare(CURL* curl, const dstack_http_request& request) {
    // No waiting for "100 Continue": an engine on this machine answers at once.
    headers_.reset(curl_slist_append(nullptr, "Expect:"));
    for (std::size_t i = 0; i < request.header_count; ++i)
      curl_slist_append(headers_.get(), request.headers[i]);
    curl_easy_setopt(curl, CURLOPT_URL, request.url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // for threads; signals are the program's own
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, &close_on_exec);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details_);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer_);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer_);
    curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, request.any_bytes != 0 ? 1L : 0L);
    if (request.unix_socket != nullptr)
      curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket);
    if (request.any_certificate != 0) {
      curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (is_here(request))
      curl_easy_setopt(curl, CURLOPT_PROXY, "");
    set_method(curl, request);
    set_limits(curl, request);
  }

  Transfer transfer_;
  char details_[CURL_ERROR_SIZE] = "";
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       &curl_slist_free_all};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;  ///< goes before what it refers to
};

void send(const dstack_http_request* request, dstack_http_answer* answer) {
  *answer = {};
  const Exchange exchange(*request);
  if (exchange.handle() != nullptr)
    return exchange.fill(*answer, curl_easy_perform(exchange.handle()));
  answer->outcome = DSTACK_HTTP_IMPOSSIBLE;
  std::snprintf(answer->message, sizeof answer->message, "libcurl cannot be set up");
}

}  // namespace

/// The sockets that libcurl wants to be polled lie in an epoll descriptor, which the sender polls.
struct dstack_http_transfer {
  explicit dstack_http_transfer(const dstack_http_request& request)
      : exchange(request),
        multi(curl_multi_init(), &curl_multi_cleanup),
        sockets(::epoll_create1(EPOLL_CLOEXEC)) {}

  dstack_http_transfer(const dstack_http_transfer&) = delete;
  dstack_http_transfer& operator=(const dstack_http_transfer&) = delete;

  ~dstack_http_transfer() {
    if (added)
      curl_multi_remove_handle(multi.get(), exchange.handle());
    multi.reset();
    if (sockets >= 0)
      ::close(sockets);
  }

  bool start() {
    if (exchange.handle() == nullptr || multi == nullptr || sockets < 0)
      return false;
    curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &watch);
    curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, this);
    added = curl_multi_add_handle(multi.get(), exchange.handle()) == CURLM_OK;
    return added;
  }

  static int watch(CURL*, curl_socket_t socket, int what, void* transfer, void*) {
    const int sockets = static_cast<dstack_http_transfer*>(transfer)->sockets;
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(sockets, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event{};
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    event.data.fd = socket;
    if (::epoll_ctl(sockets, EPOLL_CTL_MOD, socket, &event) != 0)
      ::epoll_ctl(sockets, EPOLL_CTL_ADD, socket, &event);
    return 0;
  }

  void go_on() const {
    int running = 0;
    epoll_event ready[8];
    const int count = ::epoll_wait(sockets, ready, 8, 0);
    for (int i = 0; i < count; ++i) {
      const std::uint32_t events = ready[i].events;
      const int mask = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi.get(), ready[i].data.fd, mask, &running);
    }
    curl_multi_socket_action(multi.get(), CURL_SOCKET_TIMEOUT, 0, &running);
  }

  Exchange exchange;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi;
  int sockets;
  bool added = false;
};

namespace {

dstack_http_transfer* start(const dstack_http_request* request) {
  std::unique_ptr<dstack_http_transfer> transfer(new (std::nothrow) dstack_http_transfer(*request));
  return transfer != nullptr && transfer->start() ? transfer.release() : nullptr;
}

int descriptor(const dstack_http_transfer* transfer) {
  return transfer->sockets;
}

int step(dstack_http_transfer* transfer, dstack_http_answer* answer, std::int64_t* wait) {
  transfer->go_on();
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(transfer->multi.get(), &left))
    if (message->msg == CURLMSG_DONE) {
      *answer = {};
      transfer->exchange.fill(*answer, message->data.result);
      return 1;
    }
  long milliseconds = -1;
  curl_multi_timeout(transfer->multi.get(), &milliseconds);
  *wait = milliseconds;
  return 0;
}

void stop(dstack_http_transfer* transfer) {
  delete transfer;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const dstack_http_functions* dstack_http() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  static constexpr dstack_http_functions functions{&send, &start, &descriptor, &step, &stop};
  return &functions;
}
