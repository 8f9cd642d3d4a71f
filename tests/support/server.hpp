// A server of HTTP that misbehaves on demand: tests/support/download_server.py.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/json.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/text.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <signal.h>

namespace dstack::test {

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
  std::string log() const {
    process::Command command;
    command.argv = {"python3",
                    "-c",
                    "import sys, urllib.request as u; u.install_opener(u.build_opener("
                    "u.ProxyHandler({}))); print(u.urlopen(sys.argv[1]).read().decode())",
                    url("/requests")};
    const auto asked = process::run(command);
    REQUIRE(asked);
    REQUIRE(process::succeeded(asked->status));
    return asked->out;
  }

  /// The same, in order.
  std::vector<Json> requests() const {
    const std::string text = log();
    std::vector<Json> all;
    for (const std::string_view line : split(text, '\n'))
      if (!line.empty())
        all.push_back(*parse_json(line, "a request"));
    return all;
  }

 private:
  std::optional<process::Child> child_;
  std::string port_;
};

}  // namespace dstack::test
