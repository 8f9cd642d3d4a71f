// A server that misbehaves on demand (tests/support/download_server.py), and downloads from it.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"
#include "support/sandbox.hpp"

#include <optional>
#include <string>
#include <vector>

#include <signal.h>

namespace dstack::test {

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The server, for as long as the object lives.
class Server {
 public:
  explicit Server(std::vector<std::string> certificate_and_key = {}) {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    process::Command command;
    command.argv = {"python3", DSTACK_SOURCE_DIR "/tests/support/download_server.py"};
    command.argv.insert(command.argv.end(), certificate_and_key.begin(), certificate_and_key.end());
    command.descriptors = {{1, pipe->write_end.get()}, {2, 2}};
    command.group = process::Group::own_group;
    auto child = process::spawn(command);
    REQUIRE(child);
    child_.emplace(*std::move(child));
    pipe->write_end.reset();
    while (port_.empty() || port_.back() != '\n') {
      char letter = 0;
      const auto count = read_some(pipe->read_end.get(), &letter, 1);
      REQUIRE((count && *count == 1));
      port_ += letter;
    }
    port_.pop_back();
  }

  ~Server() {
    child_->signal(SIGKILL);
    child_->wait();
  }

  std::string host() const { return "127.0.0.1:" + port_; }

  std::string url(const std::string& path, const std::string& scheme = "http") const {
    return scheme + "://" + host() + path;
  }

  /// What it was asked for, a JSON object a line.
  std::string requests() const {
    process::Command command;
    command.argv = {"python3",
                    "-c",
                    "import sys, urllib.request as u; u.install_opener(u.build_opener("
                    "u.ProxyHandler({}))); print(u.urlopen(sys.argv[1]).read().decode())",
                    url("/requests")};
    const auto told = process::run(command);
    REQUIRE(told);
    REQUIRE(process::succeeded(told->status));
    return told->out;
  }

 private:
  std::optional<process::Child> child_;
  std::string port_;
};

/// What the server sends for /small and whatever breaks: the same rule as there.
inline std::string content(std::size_t size) {
  std::string bytes;
  for (std::size_t number = 0; number < size; number += 32) {
    const Digest digest = sha256(std::to_string(number));
    bytes.append(digest.bytes.begin(), digest.bytes.end());
  }
  return bytes.substr(0, size);
}

inline const std::string small = content(100'000);
inline const std::string changed = content(100'001).substr(1);

struct Downloads : Sandbox {
  Server server;
  process::Output output;
  std::string name;

  /// Downloads into `file`; the job as JSON.
  Json get(const std::string& path, std::vector<std::string> options = {}) {
    return get_url(server.url(path), std::move(options));
  }

  Json get_url(const std::string& url, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"run", "curl", url, "-o", "data/file"});
    output = run(options);
    name = last_run();
    return json({"show", name, "--json"})["jobs"][0];
  }

  Json artifacts() const { return json({"artifacts", "list", name, "--json"}); }

  /// The file of the only artifact.
  std::string downloaded() const {
    const Path folder = root() / ("out-" + name);
    ok({"artifacts", "download", name, "-o", folder.string()});
    const auto bytes = read_file(folder / "data/file");
    REQUIRE(bytes);
    return *bytes;
  }

  /// What the server was asked for, in order.
  std::vector<Json> requests() const {
    std::vector<Json> all;
    const std::string told = server.requests();
    std::string_view rest = told;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (end > 0)
        all.push_back(*parse_json(rest.substr(0, end), "a request"));
      rest.remove_prefix(end + 1);
    }
    return all;
  }

  /// What there is of it by now.
  std::string log() const {
    const auto bytes = read_file(home() / "runs" / name / "0" / "log");
    return bytes ? *bytes : std::string();
  }
};

}  // namespace dstack::test
