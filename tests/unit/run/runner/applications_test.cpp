// Asking applications whether they answer, against sockets that behave as applications do.
#include "dstack/run/runner/applications.hpp"

#include "dstack/job/application.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "support/catch.hpp"

#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::run;
using job::ApplicationState;

namespace {

/// Listens at a port of 127.0.0.1 and gives each caller the next of its replies; the last one
/// stays.
class Server {
 public:
  explicit Server(std::vector<std::string> replies) : replies_(std::move(replies)) {
    socket_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_.get(), 8) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }

  ~Server() { ::shutdown(socket_.get(), SHUT_RDWR); }

  std::uint16_t port() const { return port_; }

  /// The first line that the last caller sent. Read it when the callers are through.
  const std::string& request() const { return request_; }

 private:
  void serve() {
    for (std::size_t next = 0;; ++next) {
      const Fd caller(::accept(socket_.get(), nullptr, nullptr));
      if (!caller)
        return;
      std::string buffer(4096, '\0');
      const ssize_t count = ::recv(caller.get(), buffer.data(), buffer.size(), 0);
      request_ = buffer.substr(
          0, std::min(buffer.find('\r'), static_cast<std::size_t>(std::max<ssize_t>(count, 0))));
      const std::string& reply = replies_[std::min(next, replies_.size() - 1)];
      if (::send(caller.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0)
        continue;
    }
  }

  std::vector<std::string> replies_;
  Fd socket_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::jthread thread_;
};

job::JobSpec spec_of(const std::string& health, const std::string& token_query = "") {
  job::JobSpec spec;
  spec.ports = 1;
  spec.apps = {
      {.name = "Lab", .port = 0, .path = "/lab", .health = health, .token_query = token_query}};
  return spec;
}

/// Polls as a runner does until nothing is left to find out, or the limit has passed.
std::vector<job::Application> all_news(Applications& apps) {
  std::vector<job::Application> news;
  while (!apps.settled() && !apps.overdue()) {
    for (job::Application& app : apps.step(Applications::Clock::now())) {
      news.push_back(app);
      if (app.state == ApplicationState::late)
        return news;
    }
    std::vector<pollfd> polled;
    apps.add_to(polled);
    const auto left = apps.next_step() ? std::chrono::ceil<std::chrono::milliseconds>(
                                             *apps.next_step() - Applications::Clock::now())
                                       : std::chrono::milliseconds(0);
    ::poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(0, left.count())));
  }
  return news;
}

constexpr std::chrono::minutes long_enough{5};

}  // namespace

TEST_CASE("a known application is ready with its first good answer at its own address") {
  const Server server(
      {"HTTP/1.1 503 Starting\r\n\r\n", "HTTP/1.1 404 No\r\n\r\n", "", "HTTP/1.1 200 OK\r\n\r\n"});
  Applications apps(spec_of("/health", "token"),
                    2,
                    {server.port()},
                    "abc",
                    long_enough,
                    Applications::Clock::now());

  const auto news = all_news(apps);

  REQUIRE(news.size() == 2);
  CHECK(news[0].state == ApplicationState::starting);
  CHECK(news[1].state == ApplicationState::ready);
  CHECK(news[1].job == 2);
  CHECK(news[1].ready_at);
  CHECK(news[1].url == "http://127.0.0.1:" + std::to_string(server.port()) + "/lab?token=abc");
  CHECK(news[1].password.empty());
  CHECK(server.request() == "GET /health?token=abc HTTP/1.1");
  CHECK(apps.unanswered().empty());
}

TEST_CASE(
    "a redirection is a good answer, and a secret that is typed in stays out of the address") {
  const Server server({"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n"});
  Applications apps(
      spec_of("/"), 0, {server.port()}, "abc", long_enough, Applications::Clock::now());

  const auto news = all_news(apps);

  REQUIRE_FALSE(news.empty());  // one that answers at once is never seen starting
  CHECK(news.back().password == "abc");
  CHECK(news.back().url.find("abc") == std::string::npos);
}

TEST_CASE("somebody else at the port is named, and is not asked") {
  // This process is none that its job has started.
  const Server server({"HTTP/1.1 200 OK\r\n\r\n"});
  JobOrder order;
  order.ports = {server.port()};
  const PortOwners owners = PortOwners::of(order);
  Applications apps(spec_of("/health", "token"),
                    0,
                    order.ports,
                    "abc",
                    long_enough,
                    Applications::Clock::now(),
                    {},
                    &owners);

  for (const auto& app : apps.step(Applications::Clock::now()))
    CHECK(app.state == ApplicationState::starting);

  REQUIRE(apps.stranger());
  CHECK(apps.stranger()->find(fmt::format("port {} is the job's, but user ", server.port())) == 0);
  CHECK(apps.stranger()->find(fmt::format("(process {}, '", ::getpid())) != std::string::npos);
  CHECK(owners.taken() == *apps.stranger());
  CHECK(server.request().empty());
}

TEST_CASE("nobody is asked at a port where nobody listens") {
  std::uint16_t port = 0;
  {
    const Server server({""});
    port = server.port();
  }
  JobOrder order;
  order.ports = {port};
  const PortOwners owners = PortOwners::of(order);
  const auto owner = owners.look(port);
  REQUIRE(owner);
  CHECK(owner->kind == PortOwner::Kind::nobody);
  CHECK(owners.taken().empty());
}

TEST_CASE("a port that is kept at ::1 is nobody else's there, and may be kept twice by nobody") {
  std::uint16_t port = 0;
  {
    const Server server({""});
    port = server.port();
  }
  const auto kept = keep_ipv6_port(port);
  REQUIRE(kept);
  if (!*kept)
    SKIP("no IPv6 here");
  CHECK_FALSE(keep_ipv6_port(port));
}

TEST_CASE("any byte is an answer of an unknown application, an open port is not") {
  const Server server({"", "", "-ERR unknown command\r\n"});
  Applications apps(spec_of(""), 0, {server.port()}, "", long_enough, Applications::Clock::now());

  CHECK(all_news(apps).back().state == ApplicationState::ready);
}

TEST_CASE("what an application says of where it serves is a scheme and a path, or nothing") {
  const auto parsed = [](std::string_view text) { return parse_application_address(text); };
  CHECK(parsed("http://127.0.0.1:8888/") == ApplicationAddress{});
  CHECK(parsed("http://127.0.0.1:8888") == ApplicationAddress{});
  CHECK(parsed("http://127.0.0.1:1/user/ada/\n") == ApplicationAddress{"http", "/user/ada"});
  CHECK(parsed("https://example.com/a%20b") == ApplicationAddress{"https", "/a%20b"});
  CHECK(parsed("http://h/mein b\u00fcro/") == ApplicationAddress{"http", "/mein%20b%C3%BCro"});
  for (const char* other : {"",
                            "/user/ada",
                            "ftp://h/x",
                            "http://h/a?b=c",
                            "http://h/a#b",
                            "http://h/\x1b[31m",
                            "http://h/\"x",
                            "http://h/a\nb"}) {
    CAPTURE(other);
    CHECK_FALSE(parsed(other));
  }
}

TEST_CASE("an application is asked where it says that it serves, and its address is that one") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  const Server server({"HTTP/1.1 200 OK\r\n\r\n"});
  REQUIRE(write_file_atomically(
      folder.path() / "address_0", "http://127.0.0.1:1/user/ada/\n", Durable::no));
  Applications apps(spec_of("/health", "token"),
                    0,
                    {server.port()},
                    "abc",
                    long_enough,
                    Applications::Clock::now(),
                    folder.path());

  const auto news = all_news(apps);

  REQUIRE_FALSE(news.empty());
  CHECK(news.back().state == ApplicationState::ready);
  CHECK(news.back().url ==
        "http://127.0.0.1:" + std::to_string(server.port()) + "/user/ada/lab?token=abc");
  CHECK(server.request() == "GET /user/ada/health?token=abc HTTP/1.1");
}

TEST_CASE("what an application says later of where it serves still counts, and nonsense does not") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  const Server server({"HTTP/1.1 404 Not here\r\n\r\n"});
  REQUIRE(make_folders(folder.path() / "address_1"));
  REQUIRE(write_file_atomically(folder.path() / "address_0", "somewhere", Durable::no));
  Applications apps(spec_of("/health"),
                    0,
                    {server.port()},
                    "",
                    std::chrono::seconds(1),
                    Applications::Clock::now(),
                    folder.path());
  const auto begin = apps.step(Applications::Clock::now());
  REQUIRE(begin.size() == 1);
  CHECK(begin[0].url == "http://127.0.0.1:" + std::to_string(server.port()) + "/lab");
  REQUIRE(write_file_atomically(folder.path() / "address_0", "http://h/base/", Durable::no));

  (void)all_news(apps);

  REQUIRE(apps.overdue());
  CHECK(*apps.overdue() == "Lab did not answer at http://127.0.0.1:" +
                               std::to_string(server.port()) + "/base/health within 1.0s");
}

TEST_CASE(
    "a known application that does not answer in time is overdue, with its address and without its "
    "secret") {
  const Server server({"HTTP/1.1 500 Broken\r\n\r\n"});
  Applications apps(spec_of("/health", "token"),
                    0,
                    {server.port()},
                    "abc",
                    std::chrono::seconds(1),
                    Applications::Clock::now());

  const auto news = all_news(apps);

  CHECK(news.size() == 1);
  REQUIRE(apps.overdue());
  CHECK(*apps.overdue() == "Lab did not answer at http://127.0.0.1:" +
                               std::to_string(server.port()) + "/health within 1.0s");
  CHECK(apps.unanswered() == "Lab ended before it answered at http://127.0.0.1:" +
                                 std::to_string(server.port()) + "/health");
}

TEST_CASE("an unknown application is late after the limit, and is still asked") {
  const Server server({""});
  Applications apps(spec_of(""),
                    0,
                    {server.port()},
                    "",
                    std::chrono::milliseconds(1),
                    Applications::Clock::now());

  CHECK(all_news(apps).back().state == ApplicationState::late);
  CHECK_FALSE(apps.overdue());
  CHECK(apps.next_step());
  apps.stop_asking();
  CHECK(apps.settled());
  CHECK_FALSE(apps.next_step());
}

TEST_CASE("an application is reported without the secret that its user is known by") {
  job::Application app;
  app.url = "http://127.0.0.1:1/abc?token=abc";
  CHECK(without_secret(app, "abc").url == "http://127.0.0.1:1/abc?token=***");
  CHECK(without_secret(app, "abc").password.empty());
  app.url = "http://127.0.0.1:1/";
  app.password = "abc";
  CHECK(without_secret(app, "abc").url == app.url);
  CHECK(without_secret(app, "abc").password == "***");
  CHECK(without_secret(app, "").url == app.url);
}

TEST_CASE("what a runner reports of an application is read back, and nothing else is") {
  job::Application app{3,
                       1,
                       "Lab \"x\"\n",
                       "http://127.0.0.1:1/",
                       "p",
                       ApplicationState::ready,
                       Timestamp(std::chrono::milliseconds(7))};
  CHECK(parse_app(render(app)) == app);
  CHECK(render(app).find('\n') == std::string::npos);
  app.ready_at.reset();
  CHECK(parse_app(render(app)) == app);
  for (const std::string text :
       {"", "app", "app {}", "app []", "app {\"state\":\"gone\"}", "3 running 17"})
    CHECK_FALSE(parse_app(text));
}
