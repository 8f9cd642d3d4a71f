// What answers at a container engine's socket, spoken to over HTTP. An input is the answers to one
// request after the other, behind lines `===`: each is either bytes that begin with HTTP/, or a
// body.
#include "dstack/backend/container_image.hpp"
#include "fuzz.hpp"

#include <thread>

#include <sys/socket.h>
#include <sys/un.h>

using namespace dstack;
using namespace dstack::fuzz;

namespace {

/// Gives each connection the next of the answers, and ends it.
class Answers {
 public:
  Answers() : path_((scratch() / "engine").string()) {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    require(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                ::listen(listener_.get(), 8) == 0,
            "a socket can be made");
  }

  const std::string& path() const { return path_; }

  /// Until stop() is called.
  void serve(const std::vector<Part>& parts) {
    for (std::size_t next = 0;; ++next) {
      const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      while (connection && request.find("\r\n\r\n") == std::string::npos) {
        char buffer[4096];
        const auto count = read_some(connection.get(), buffer, 1);
        if (!count || *count == 0)
          return;  // nobody asks: it is stop()
        request.append(buffer, *count);
      }
      send(connection.get(), next < parts.size() ? parts[next].text : std::string());
    }
  }

  void stop() const {
    const Fd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    require(::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
            "the socket can be reached");
  }

 private:
  static void send(int connection, const std::string& text) {
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n";
    const std::string answer = text.starts_with("HTTP/") ? text : head + text;
    std::string_view rest = answer;
    while (!rest.empty()) {
      const ssize_t count = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count <= 0)
        return;  // whoever asked has heard enough
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  std::string path_;
  Fd listener_;
};

void ask(const std::string& socket) {
  const auto engine = backend::Engine::open({"docker", socket, {}});
  if (!engine)
    return require(!engine.error().message.empty(), "a failure has its words");
  (void)engine->is_rootless();
  (void)backend::find_image(*engine, "image");
  (void)backend::pull_image(*engine, "image", "", {"me", "it"}, [](const std::string& sentence) {
    require(sentence.size() < 100, "how far a pull is, is said in a few words");
  });
  (void)engine->ask("GET", "/containers/json");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Answers answers;
  std::vector<Part> parts = parts_of(text_of(data, size));
  std::jthread server([&] { answers.serve(parts); });
  ask(answers.path());
  answers.stop();
  return 0;
}
