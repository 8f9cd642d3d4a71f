// Downloads that break, are refused, are stopped: what is left of them, and what is said.
#include "downloads.hpp"
#include "dstack/process/identity.hpp"
#include "support/wait.hpp"

#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

TEST_CASE("curl: an interrupted download resumes") {
  Downloads box;
  const auto [path, validator, attempts] = GENERATE(table<const char*, const char*, std::size_t>({
      {"/breaks", "\"b\"", 4},
      {"/breaks-with-date", "Tue, 01 Jul 2025 10:00:00 GMT", 2},
  }));
  CAPTURE(path);
  CHECK(box.get(path, {"--sha256", sha256(small).render()})["status"] == "done");
  CHECK(box.downloaded() == small);
  const auto requests = box.requests();
  REQUIRE(requests.size() == attempts);
  CHECK_FALSE(requests[0]["headers"].contains("range"));
  CHECK(requests[1]["headers"]["range"] == (attempts == 4 ? "bytes=30000-" : "bytes=60000-"));
  CHECK(requests[1]["headers"]["if-range"] == validator);
  CHECK(holds(box.output.out, "retrying in "));
}

TEST_CASE(
    "curl: where a server cannot resume, or has another file by now, the download starts over") {
  Downloads box;
  const auto [path, is_changed] = GENERATE(table<const char*, bool>({
      {"/breaks-without-range", false},
      {"/breaks-without-name", false},
      {"/changes", true},
      {"/changes-without-a-word", true},
  }));
  CAPTURE(path);
  CHECK(box.get(path)["status"] == "done");
  CHECK(box.downloaded() == (is_changed ? changed : small));
}

TEST_CASE("curl: a download that makes no progress fails, and leaves nothing") {
  Downloads box;
  const Json job = box.get("/never-whole", {"-a", "data"});
  CHECK(job["status"] == "failed");
  CHECK(Sandbox::code(box.output) == 1);
  CHECK(holds(box.output.err, "makes no progress"));
  for (const Json& artifact : box.artifacts())
    CHECK(artifact["size"] == 0);
}

TEST_CASE("curl: a wrong digest fails the job, and the file is not kept") {
  Downloads box;
  const std::string other(64, 'a');
  const Json job = box.get("/small", {"--sha256", other, "-a", "data"});
  CHECK(job["status"] == "failed");
  CHECK(holds(box.output.err, sha256(small).render()));
  CHECK(holds(box.output.err, other));
  for (const Json& artifact : box.artifacts())
    CHECK(artifact["size"] == 0);
}

TEST_CASE("curl: an error answer fails the job at once, and is reported") {
  Downloads box;
  const auto [status, words] = GENERATE(table<int, const char*>({
      {404, "the server answered 404 Not Found for http://"},
      {403, "the server answered 403 Forbidden for http://"},
      {500, "the server answered 500 Internal Server Error for http://"},
      {204, "the server answered 204 No Content for http://"},
  }));
  CAPTURE(status);
  const Json job = box.get("/status/" + std::to_string(status));
  CHECK(job["cause"] == "exit");
  CHECK(Sandbox::code(box.output) == 1);
  CHECK(holds(box.output.err, words));
  CHECK_FALSE(holds(box.output.out, "words of the server"));
  CHECK(box.requests().size() == 1);
}

TEST_CASE("curl: a request to a busy server is retried") {
  Downloads box;
  CHECK(box.get("/busy")["status"] == "done");
  CHECK(box.downloaded() == small);
  CHECK(holds(box.output.out, "the server answered 503 Service Unavailable; retrying in 1.0s"));
}

TEST_CASE("curl: a refused connection fails the job at once") {
  Downloads box;
  const Json job = box.get_url("http://127.0.0.1:1/x");
  CHECK(job["status"] == "failed");
  CHECK(holds(box.output.err, "cannot download http://127.0.0.1:1/x"));
  CHECK_FALSE(holds(box.output.out, "retrying"));
}

TEST_CASE("curl: what cannot be used is refused before the run, at its place in the file") {
  const Sandbox box;
  const auto [line, message] = GENERATE(table<const char*, const char*>({
      {"url: file:///etc/passwd, output: x", "'file://' is not supported"},
      {"url: example.com/x, output: x", "has no scheme"},
      {"url: 'http://', output: x", "this is not a URL"},
      {"url: 'http://h:99999/', output: x", "this is not a URL"},
      {"url: 'http://h/', output: ../x", "leads out of the working directory"},
      {"url: 'http://h/', output: /x", "leads out of the working directory"},
      {"url: 'http://h/', output: x/", "is not a file name"},
      {"url: 'http://h/', output: x, sha256: abc", "is not a SHA-256 digest"},
      {"url: 'http://h/', output: x, headers: {a b: c}", "is not a valid header name"},
      {"url: 'http://h/', output: x, headers: {a: \"b\\nc\"}", "has more than one line"},
      {"url: 'http://h/', output: x, setup: ['true']", "runs no commands"},
  }));
  box.workflows("workflows:\n  - {name: w, provider: curl, " + std::string(line) + "}\n");
  const auto output = box.run({"validate"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 2);
  CHECK(holds(output.err, message));
  CHECK(holds(output.err, "workflows.yaml:2:"));
  CHECK(holds(output.err, "^"));
}

TEST_CASE("curl: an output that is a folder is refused with what to write") {
  Downloads box;
  box.file("data/file/x", "x");
  CHECK(box.get("/small")["status"] == "failed");
  CHECK(holds(box.output.err, "'data/file' is a folder; name a file in it"));
}

TEST_CASE("curl: a stopped download leaves no partial file") {
  Downloads box;
  box.name = box.start({"curl", box.server.url("/slow"), "-o", "data/file", "-a", "data"});
  wait_until([&] { return !box.requests().empty(); });
  box.ok({"stop", box.name, "-y"});
  CHECK(box.json({"show", box.name, "--json"})["status"] == "stopped");
  for (const Json& artifact : box.artifacts())
    CHECK(artifact["size"] == 0);
}

TEST_CASE("curl: a job that is killed in the middle leaves no partial file in its artifact") {
  Downloads box;
  box.name = box.start({"curl", box.server.url("/slow"), "-o", "data/file", "-a", "data"});
  wait_for_log(box, box.name, "100 kB");
  const std::string id = box.json({"show", box.name, "--json"})["jobs"][0]["job"];
  const auto processes = process::with_environment("JOB_ID", id);
  REQUIRE(processes.size() == 1);
  REQUIRE(::kill(processes.front(), SIGKILL) == 0);
  CHECK(box.wait(box.name)["jobs"][0]["cause"] == "signal");
  for (const Json& artifact : box.artifacts())
    CHECK(artifact["size"] == 0);
}

TEST_CASE("curl: a leftover part of an earlier download does not matter") {
  Downloads box;
  box.file("data/file.part", "old");
  CHECK(box.get("/small")["status"] == "done");
  CHECK(box.downloaded() == small);
}
