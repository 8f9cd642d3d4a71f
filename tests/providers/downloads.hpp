// Downloads from a server that misbehaves on demand.
#pragma once

#include "dstack/base/sha256.hpp"
#include "support/job_log.hpp"
#include "support/sandbox.hpp"
#include "support/server.hpp"

#include <string>
#include <vector>

namespace dstack::test {

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

  std::vector<Json> requests() const { return server.requests(); }

  /// What there is of it by now.
  std::string log() const { return job_log(*this, name); }
};

}  // namespace dstack::test
