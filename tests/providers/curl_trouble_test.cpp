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

TEST_CASE("curl: an error answer fails the job at once, and is reported in the server's words") {
  Downloads box;
  const auto [status, words] = GENERATE(table<int, const char*>({
      {404, "the server answered 404 Not Found for http://"},
      {403, "the server answered 403 Forbidden for http://"},
      {501, "the server answered 501 Not Implemented for http://"},
      {204, "the server answered 204 No Content for http://"},
  }));
  CAPTURE(status);
  const Json job = box.get("/status/" + std::to_string(status));
  CHECK(job["cause"] == "exit");
  CHECK(Sandbox::code(box.output) == 1);
  CHECK(holds(box.output.err, words));
  CHECK(holds(box.output.err, ", and says: words of the server") == (status != 204));
  CHECK(box.requests().size() == 1);
}

TEST_CASE("curl: of an error's body people get the first 500 bytes of text, on one line") {
  Downloads box;
  const std::string shown = box.get("/words/2000")["reason"];
  const std::size_t begin = shown.find("says: ") + 6;
  const std::size_t end = shown.find("…");
  REQUIRE(end != std::string::npos);
  CHECK(shown.substr(begin, 14) == "[31m oh no www");
  CHECK(end - begin == 500);
  CHECK(shown.find('\x1b') == std::string::npos);

  const std::string part = box.get("/half-an-error")["reason"];
  CHECK(holds(part, "404 Not Found"));
  CHECK(holds(part, "says: gone since May"));
}

TEST_CASE("curl: credentials that a server repeats are not shown") {
  Downloads box;
  const std::string url =
      "http://me-1234:hush-1%20x@" + box.server.host() + "/repeats?token=hush%2D2&name=seen";
  const std::string said =
      box.get_url(url, {"--header", "X-Key=hush-3"})["reason"].get<std::string>();
  const std::string shown = said + box.output.out + box.output.err + box.log();
  CHECK(holds(said, "no access to /repeats?token=***&name=seen with Basic *** by ***"));
  CHECK_FALSE(holds(shown, "hush"));
  const std::string bearer =
      box.get("/repeats", {"--header", "Authorization=Bearer hush-hush-4"})["reason"];
  CHECK(holds(bearer, " with *** by None"));
}

TEST_CASE("curl: a request to a busy server is retried") {
  Downloads box;
  CHECK(box.get("/busy")["status"] == "done");
  CHECK(box.downloaded() == small);
  CHECK(holds(box.output.out, "the server answered 503 Service Unavailable; retrying in 1.0s"));
  CHECK(holds(box.output.out, "the server says: not now\n"));
}

TEST_CASE("curl: what may pass is asked again, as often as the property says") {
  Downloads box;
  const auto status = GENERATE(as<std::string>(), "429", "500", "502", "503", "504");
  CAPTURE(status);
  CHECK(box.get("/unwell/" + status)["status"] == "done");
  CHECK(box.downloaded() == small);
  CHECK(box.requests().size() == 2);

  CHECK(box.get("/status/" + status, {"--http-retries", "1"})["status"] == "failed");
  CHECK(box.requests().size() == 4);
  CHECK(holds(box.output.err, ", 2 times, and says: words of the server"));
  CHECK(box.get("/status/" + status, {"--http-retries", "0"})["status"] == "failed");
  CHECK(box.requests().size() == 5);
}

TEST_CASE("curl: a broken connection is asked again as often as the property says") {
  Downloads box;
  CHECK(box.get("/never-whole", {"--http-retries", "1"})["status"] == "failed");
  CHECK(box.requests().size() == 2);
}

TEST_CASE("curl: a server's Retry-After is heeded, in seconds and as a date") {
  Downloads box;
  const auto [wait, least] = GENERATE(table<const char*, int>({{"2", 2}, {"date", 1}}));
  CAPTURE(wait);
  CHECK(box.get(std::string("/wait/") + wait)["status"] == "done");
  CHECK(box.downloaded() == small);
  const std::string log = box.log();
  const std::size_t said = log.find("retrying in ");
  REQUIRE(said != std::string::npos);
  CHECK(std::stod(log.substr(said + 12)) >= least);
}

TEST_CASE("curl: a server that wants to be left alone for long ends the download at once") {
  Downloads box;
  CHECK(box.get("/wait/7200")["status"] == "failed");
  CHECK(holds(box.output.err, "429 Too Many Requests"));
  CHECK(holds(box.output.err, "wants to be asked again only in 2h00m, and says: one at a time"));
  CHECK(holds(box.output.err, "waits at most 10m00s"));
  CHECK(box.requests().size() == 1);
}

TEST_CASE("curl: a download that waits is stopped at once") {
  Downloads box;
  box.name = box.start({"curl", box.server.url("/wait/300"), "-o", "data/file", "-a", "data"});
  wait_for_log(box, box.name, "retrying in 5m00s");
  box.ok({"stop", box.name, "-y"});
  CHECK(box.json({"show", box.name, "--json"})["status"] == "stopped");
}

TEST_CASE("curl: a server that sends the file in pieces is asked for the rest") {
  Downloads box;
  CHECK(box.get("/pieces", {"--sha256", sha256(small).render()})["status"] == "done");
  CHECK(box.downloaded() == small);
  const auto requests = box.requests();
  std::vector<std::string> ranges;
  for (const Json& request : requests)
    ranges.push_back(request["headers"].value("range", "all"));
  // The fourth was refused, and is repeated as it was.
  CHECK(ranges ==
        std::vector<std::string>{
            "all", "bytes=30000-", "bytes=50000-", "bytes=70000-", "bytes=70000-", "bytes=90000-"});
  CHECK(requests[4]["headers"]["if-range"] == "\"p\"");

  CHECK(box.get("/pieces-unasked")["status"] == "done");
  CHECK(box.downloaded() == small);
}

TEST_CASE("curl: pieces without a byte end the download, and leave nothing") {
  Downloads box;
  CHECK(box.get("/no-more-pieces", {"--http-retries", "2"})["status"] == "failed");
  CHECK(holds(box.output.err, "makes no progress: the server sent nothing of what is missing"));
}

TEST_CASE("curl: a file of unknown size that breaks off at its end is complete") {
  Downloads box;
  CHECK(box.get("/unknown-end")["status"] == "done");
  CHECK(box.downloaded() == small);
}

TEST_CASE("curl: a page where a file was expected is a warning with its type") {
  Downloads box;
  const auto [output, type, warned] = GENERATE(table<const char*, const char*, bool>({
      {"data.zip", "text/html;charset=utf-8", true},
      {"data", "TEXT/HTML", true},
      {"data.zip", "application/xhtml+xml", true},
      {"data.html", "text/html", false},
      {"page.PHP", "text/html", false},
      {"data.zip", "application/zip", false},
      {"data.txt", "text/plain", false},
  }));
  CAPTURE(output, type);
  const auto ran =
      box.run({"run", "curl", box.server.url(std::string("/typed?") + type), "-o", output});
  CHECK(Sandbox::code(ran) == 0);
  const std::string warning = std::string("'") + output + "' is an HTML page (" + type + ")";
  CHECK(holds(ran.err, warning) == warned);
  CHECK(holds(ran.err, "HTML") == warned);
  const Json job = box.json({"show", box.last_run(), "--json"})["jobs"][0];
  CHECK(job["warnings"].size() == (warned ? 1 : 0));
}

TEST_CASE("curl: a page that was asked for by its name, or that has the digest, is no surprise") {
  Downloads box;
  CHECK(box.get("/typed/index.html?text/html")["status"] == "done");
  CHECK_FALSE(holds(box.output.err, "HTML"));
  // A redirect to a page to sign in at was not asked for.
  CHECK(box.get("/redirect?/typed/login.html%3Ftext/html")["status"] == "done");
  CHECK(holds(box.output.err, "'data/file' is an HTML page (text/html)"));
  const std::string digest = sha256("<!DOCTYPE html><title>Sign in</title>").render();
  CHECK(box.get("/typed?text/html", {"--sha256", digest})["status"] == "done");
  CHECK_FALSE(holds(box.output.err, "HTML"));
  CHECK(box.get("/typed?text/html", {"--sha256", std::string(64, 'a')})["status"] == "failed");
  CHECK(holds(box.output.err, "the server sent an HTML page (text/html)"));
}

TEST_CASE("curl: a proxy that does not work is named with its variable, without its password") {
  Downloads box;
  const auto [variable, proxy, words] = GENERATE(table<const char*, const char*, const char*>({
      {"http_proxy",
       "http://me:hush@127.0.0.1:1",
       "the proxy http://127.0.0.1:1 (from http_proxy)"},
      {"ALL_PROXY", "127.0.0.1:1", "the proxy http://127.0.0.1:1 (from ALL_PROXY)"},
      {"http_proxy",
       "nowhere.invalid:3128",
       "the proxy http://nowhere.invalid:3128 (from http_proxy)"},
  }));
  CAPTURE(variable, proxy);
  const std::string setting = std::string(variable) + "=" + proxy;
  const Json job = box.get_url("http://192.0.2.1/x", {"-e", setting, "-e", "no_proxy="});
  CHECK(job["status"] == "failed");
  CHECK(holds(box.output.err, words));
  CHECK(holds(box.output.err, std::string("correct or unset ") + variable));
  CHECK_FALSE(holds(box.output.err, "hush"));
  // Where no_proxy names the host, it is not the proxy's fault.
  const auto port = box.server.url("/small");
  CHECK(box.get_url(port, {"-e", setting, "-e", "no_proxy=127.0.0.1"})["status"] == "done");
  box.get_url("http://127.0.0.1:2/x", {"-e", setting, "-e", "no_proxy=127.0.0.1"});
  CHECK_FALSE(holds(box.output.err, "the proxy "));
}

TEST_CASE("curl: a proxy that refuses is named, also on the way to https") {
  Downloads box;
  const std::string proxy = "http://" + box.server.host();
  const Json plain = box.get_url("http://nowhere.invalid/status/407",
                                 {"-e", "http_proxy=" + proxy, "-e", "no_proxy="});
  CHECK(plain["status"] == "failed");
  CHECK(holds(box.output.err, "the proxy " + proxy + " (from http_proxy) answered 407"));
  CHECK(holds(box.output.err, "user and password into http_proxy"));
  const Json tunnel =
      box.get_url("https://nowhere.invalid/x", {"-e", "HTTPS_PROXY=" + proxy, "-e", "no_proxy="});
  CHECK(tunnel["status"] == "failed");
  CHECK(holds(box.output.err, "the proxy " + proxy + " (from HTTPS_PROXY) answered 501"));
}

TEST_CASE("curl: an error of a server behind a plain proxy, or of the proxy itself, names it") {
  Downloads box;
  const std::string proxy = box.server.host();
  const int status = GENERATE(502, 403);
  const std::string path = "/status/" + std::to_string(status);
  box.get_url(
      "http://nowhere.invalid" + path,
      {"-e", "http_proxy=http://me:hush@" + proxy, "-e", "no_proxy=", "--http-retries", "0"});
  INFO(box.output.err);
  CHECK(holds(box.output.err, "the server answered " + std::to_string(status)));
  CHECK(holds(box.output.err, "through the proxy http://" + proxy + " (from http_proxy) for http"));
  CHECK(holds(box.output.err,
              "if this is the proxy's own answer: correct or unset http_proxy, or name the host in "
              "no_proxy"));
  CHECK_FALSE(holds(box.output.err, "hush"));
  // The same variable, with a host that it is not for.
  box.get_url(
      box.server.url(path),
      {"-e", "http_proxy=http://127.0.0.1:1", "-e", "no_proxy=127.0.0.1", "--http-retries", "0"});
  CHECK_FALSE(holds(box.output.err, "proxy"));
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
      {"url: 'http://h/', output: x, http_retries: 2000", "is too often"},
      {"url: 'http://h/', output: x, http_retries: -1", "http_retries"},
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
