#include "dstack/http/client.hpp"

#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"

#include <array>

#include <poll.h>
#include <signal.h>

using namespace dstack;
using namespace std::chrono_literals;

namespace {

/// tests/unit/http/server.py, as long as the object lives.
class Server {
 public:
  explicit Server(const std::string& socket = {}) {
    auto output = make_pipe();
    REQUIRE(output);
    process::Command command;
    command.argv = {"python3", DSTACK_SOURCE_DIR "/tests/unit/http/server.py"};
    if (!socket.empty())
      command.argv.push_back(socket);
    command.descriptors = {{1, output->write_end.get()}};
    auto child = process::spawn(command);
    REQUIRE(child);
    child_.emplace(std::move(*child));
    output->write_end.reset();
    std::array<char, 256> line{};
    const auto size = read_some(output->read_end.get(), line.data(), 1);
    REQUIRE((size && *size == 1));
    std::size_t length = 1;
    while (line[length - 1] != '\n')
      length += *read_some(output->read_end.get(), line.data() + length, 1);
    address_ = std::string(line.data(), length - 1);
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  ~Server() {
    child_->signal(SIGKILL);
    child_->wait();
  }

  std::string url(const std::string& path) const { return "http://127.0.0.1:" + address_ + path; }

 private:
  std::optional<process::Child> child_;
  std::string address_;
};

http::Request get(std::string url) {
  http::Request request;
  request.url = std::move(url);
  return request;
}

/// Polls all of them as one loop until they are over; what they returned, in their order.
std::vector<Result<http::Response>> finish(std::vector<http::Transfer> transfers) {
  using Clock = http::Transfer::Clock;
  std::vector<std::optional<Result<http::Response>>> ends(transfers.size());
  for (;;) {
    std::vector<pollfd> polled;
    for (std::size_t i = 0; i < transfers.size(); ++i) {
      if (ends[i])
        continue;
      if (const auto at = transfers[i].next_step(); at && *at <= Clock::now())
        ends[i] = transfers[i].step(Clock::now());
      if (!ends[i])
        polled.push_back({transfers[i].fd(), POLLIN, 0});
    }
    if (polled.empty())
      break;
    ::poll(polled.data(), polled.size(), 10);
    for (std::size_t i = 0; i < transfers.size(); ++i)
      for (const pollfd& ready : polled)
        if (!ends[i] && ready.fd == transfers[i].fd() && ready.revents != 0)
          ends[i] = transfers[i].step(Clock::now());
  }
  std::vector<Result<http::Response>> results;
  for (auto& end : ends)
    results.push_back(*std::move(end));
  return results;
}

std::vector<Result<http::Response>> finish(const std::vector<http::Request>& requests) {
  std::vector<http::Transfer> transfers;
  for (const http::Request& request : requests) {
    auto transfer = http::Transfer::start(request);
    REQUIRE(transfer);
    transfers.push_back(*std::move(transfer));
  }
  return finish(std::move(transfers));
}

}  // namespace

TEST_CASE("an answer has its status, its headers and every byte of its body") {
  const Server server;
  const auto answer = http::send(get(server.url("/bytes")));
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->header("x-kind") == "all bytes");
  CHECK(answer->complete);
  REQUIRE(answer->body.size() == 256);
  CHECK(answer->body[0] == '\0');
  CHECK(answer->body[255] == '\xff');
}

TEST_CASE("an answer that reports a failure is an answer") {
  const Server server;
  const auto answer = http::send(get(server.url("/nothing")));
  REQUIRE(answer);
  CHECK(answer->status == 404);
  CHECK(answer->body == "nothing here");
}

TEST_CASE("a body is sent as it is, empty ones of POST included") {
  const Server server;
  http::Request request = get(server.url("/"));
  request.method = "POST";
  request.headers = {{"X-Sent", "yes"}};
  for (const std::string& body :
       {std::string(), std::string("a\0b", 3), std::string(300'000, 'y')}) {
    request.body = body;
    const auto answer = http::send(request);
    REQUIRE(answer);
    CHECK(answer->status == 201);
    CHECK(answer->header("x-got") == "yes");
    CHECK(answer->body == body);
  }
}

TEST_CASE("a redirect is followed only when that is asked for") {
  const Server server;
  http::Request request = get(server.url("/moved"));
  auto answer = http::send(request);
  REQUIRE(answer);
  CHECK(answer->status == 302);
  request.most_redirects = 3;
  std::vector<int> heads;
  request.on_head = [&](const http::Response& head) {
    heads.push_back(head.status);
    return true;
  };
  answer = http::send(request);
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->header("x-kind") == "all bytes");
  CHECK(answer->body.size() >= 256);
  CHECK(heads == std::vector<int>{200});
}

TEST_CASE("a body without an end is taken piece by piece until its reader has enough") {
  const Server server;
  http::Request request = get(server.url("/endless"));
  std::size_t seen = 0;
  request.on_body = [&](const http::Response& head, std::string_view bytes) {
    CHECK(head.status == 200);
    seen += bytes.size();
    return seen < 100'000;
  };
  const auto answer = http::send(request);
  REQUIRE(answer);
  CHECK_FALSE(answer->complete);
  CHECK(seen >= 100'000);
  CHECK(answer->body.empty());
}

TEST_CASE("a body that is kept is kept up to its limit, and refused with the limit beyond it") {
  const Server server;
  http::Request request = get(server.url("/bytes"));
  request.longest_body = 256;
  CHECK(http::send(request));
  request.longest_body = 255;
  auto answer = http::send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK(answer.error().message.find("/bytes' is rejected: it is longer than 255 B") !=
        std::string::npos);

  answer = http::send(get(server.url("/endless")));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("longer than 4.2 MB") != std::string::npos);
}

TEST_CASE("a head without an end is refused with the limit") {
  const Server server;
  const auto answer = http::send(get(server.url("/endless-head")));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK(answer.error().message.find("/endless-head' is rejected: its head is longer than") !=
        std::string::npos);
}

TEST_CASE("an answer that breaks off is an error, not a short answer") {
  const Server server;
  const auto answer = http::send(get(server.url("/short")));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK(answer.error().message.find("broke off") != std::string::npos);
}

TEST_CASE("a server that keeps silent is given up at the deadline") {
  const Server server;
  http::Request request = get(server.url("/silent?secret=1"));
  request.total = 200ms;
  const auto answer = http::send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("did not answer in time") != std::string::npos);
  CHECK(answer.error().message.find("secret") == std::string::npos);
}

TEST_CASE("a Unix socket is spoken to like a port, past any proxy") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path());
  REQUIRE(folder);
  const Path socket = folder->path() / "s";
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const Server server(socket.string());
  http::Request request = get("http://engine/bytes");
  request.unix_socket = socket.string();
  const auto answer = http::send(request);
  ::unsetenv("http_proxy");
  REQUIRE(answer);
  CHECK(answer->status == 200);
}

TEST_CASE("a place where nobody listens is named with the reason") {
  http::Request request = get("http://engine/x");
  request.unix_socket = "/nowhere/at/all.sock";
  const auto answer = http::send(request);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK(answer.error().message ==
        "'/nowhere/at/all.sock' cannot be reached: No such file or directory");
}

TEST_CASE("a poll loop carries several requests on beside each other") {
  const Server server;
  http::Request post = get(server.url("/"));
  post.method = "POST";
  post.body = std::string(300'000, 'y');
  http::Request silent = get(server.url("/silent"));
  silent.total = 300ms;
  http::Request head = get(server.url("/endless"));
  head.on_head = [](const http::Response&) { return false; };
  http::Request nobody = get("http://engine/x");
  nobody.unix_socket = "/nowhere/at/all.sock";

  const auto ends = finish({get(server.url("/bytes")), post, silent, head, nobody});

  REQUIRE((ends[0] && ends[1] && ends[3]));
  CHECK(ends[0]->body.size() == 256);
  CHECK(ends[1]->body == post.body);
  CHECK(ends[2].error().message.find("did not answer in time") != std::string::npos);
  CHECK(ends[3]->status == 200);
  CHECK_FALSE(ends[3]->complete);
  CHECK(ends[4].error().message ==
        "'/nowhere/at/all.sock' cannot be reached: No such file or directory");
}

TEST_CASE("a request of a poll loop may be given up, and leaves no descriptor open") {
  const Server server;
  const auto open_descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  REQUIRE(http::send(get(server.url("/bytes"))));  // the library keeps some of its own
  const auto before = open_descriptors();
  for (int i = 0; i < 3; ++i) {
    auto transfer = http::Transfer::start(get(server.url("/silent")));
    REQUIRE(transfer);
    CHECK_FALSE(transfer->step(http::Transfer::Clock::now()));
    CHECK_FALSE(transfer->step(http::Transfer::Clock::now()));
    CHECK(open_descriptors() > before);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("names are encoded for a path or a query") {
  CHECK(http::encode("a b/c:latest") == "a%20b%2Fc%3Alatest");
  CHECK(http::encode("plain-._~09") == "plain-._~09");
}
