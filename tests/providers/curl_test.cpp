// Downloads from a real server that misbehaves on demand (tests/support/download_server.py).
#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/process/identity.hpp"
#include "support/sandbox.hpp"

#include <memory>

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

bool holds(const std::string& text, const std::string& part) {
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
    command.argv.insert(
        command.argv.end(), certificate_and_key.begin(), certificate_and_key.end());
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
std::string content(std::size_t size) {
  std::string bytes;
  for (std::size_t number = 0; number < size; number += 32) {
    const Digest digest = sha256(std::to_string(number));
    bytes.append(digest.bytes.begin(), digest.bytes.end());
  }
  return bytes.substr(0, size);
}

const std::string small = content(100'000);
const std::string changed = content(100'001).substr(1);

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
    name = json({"ps", "-a", "--json"})[0]["run"].get<std::string>();
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

}  // namespace

TEST_CASE("curl: a file is downloaded, is the artifact when none is declared, and the log shows it") {
  Downloads box;
  CHECK(box.get("/small")["status"] == "done");
  CHECK(box.downloaded() == small);
  REQUIRE(box.artifacts().size() == 1);
  CHECK(box.artifacts()[0]["artifact"] == "data/file");
  CHECK(holds(box.output.out, "downloading " + box.server.url("/small") + " to data/file\n"));
  CHECK(holds(box.output.out, "\r100%  100 kB in "));
  CHECK(box.output.out.back() == '\n');
}

TEST_CASE("curl: a declared artifact holds the file, which a workflow that depends on it finds") {
  Downloads box;
  box.workflows(R"(workflows:
  - name: get
    provider: curl
    url: )" + box.server.url("/small") +
                R"(
    output: file
    working-dir: data
    artifacts: [file]
  - name: use
    provider: bash
    depends-on: [get]
    commands: ["wc -c < data/file"]
)");
  const std::string out = box.ok({"run", "use"});
  CHECK(holds(out, "100000"));
}

namespace {

/// The blocks of a language in a page.
std::vector<std::string> blocks(const std::string& page, const std::string& language) {
  std::vector<std::string> all;
  const std::string fence = "```" + language + "\n";
  for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    all.push_back(page.substr(at, page.find("```\n", at) - at));
  }
  return all;
}

std::string source(const std::string& path) {
  const auto text = read_file(Path(DSTACK_SOURCE_DIR) / path);
  REQUIRE(text);
  return *text;
}

}  // namespace

TEST_CASE("curl: the example of the page works as it stands, and is that of the examples") {
  Downloads box;
  const auto files = blocks(source("docs/providers/curl.md"), "yaml");
  REQUIRE(files.size() == 3);
  CHECK(source("docs/examples/curl/.dstack/workflows.yaml") == files[0]);
  CHECK(source("docs/examples/curl/.dstack/variables.yaml") == files[1]);
  box.workflows(files[0]);
  box.file(".dstack/variables.yaml", files[1]);
  const auto ran = box.run({"run", "count", "--download.mirror", "http://" + box.server.host()});
  INFO(ran.err);
  CHECK(Sandbox::code(ran) == 0);
  CHECK(holds(ran.out, "50 Iris-virginica"));

  box.workflows(files[2]);
  box.file(".dstack/variables.yaml", "variables: {private: {data_token: hush-hush}}\n");
  const std::string plan = box.ok({"run", "private", "--dry-run"});
  CHECK_FALSE(holds(plan, "hush"));
}

TEST_CASE("curl: progress is drawn on one line, with the rate and the time that is left") {
  Downloads box;
  CHECK(box.get("/steady")["status"] == "done");
  const std::string log = box.log();
  CHECK(holds(log, "% "));
  CHECK(holds(log, " of 1.0 MB  "));
  CHECK(holds(log, "B/s  "));
  CHECK(holds(log, "s left"));
  // One line that says what, one that is drawn again and again.
  CHECK(std::count(log.begin(), log.end(), '\n') == 2);
  CHECK(std::count(log.begin(), log.end(), '\r') > 2);
}

TEST_CASE("curl: an empty file, and one whose size nobody announces, are files") {
  Downloads box;
  CHECK(box.get("/empty")["status"] == "done");
  CHECK(box.downloaded().empty());
  CHECK(box.get("/unannounced")["status"] == "done");
  CHECK(box.downloaded() == small);
}

TEST_CASE("curl: a download that breaks goes on where it broke") {
  Downloads box;
  const auto [path, validator, attempts] =
      GENERATE(table<const char*, const char*, std::size_t>({
          {"/breaks", "\"b\"", 4},
          {"/breaks-with-date", "Tue, 01 Jul 2025 10:00:00 GMT", 2},
      }));
  CAPTURE(path);
  CHECK(box.get(path, {"--sha256", sha256(small).render()})["status"] == "done");
  CHECK(box.downloaded() == small);
  const auto requests = box.requests();
  REQUIRE(requests.size() == attempts);
  CHECK_FALSE(requests[0]["headers"].contains("range"));
  CHECK(requests[1]["headers"]["range"] ==
        (attempts == 4 ? "bytes=30000-" : "bytes=60000-"));
  CHECK(requests[1]["headers"]["if-range"] == validator);
  CHECK(holds(box.output.out, "trying again in "));
}

TEST_CASE("curl: where a server cannot go on, or has another file by now, it begins anew") {
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

TEST_CASE("curl: a download that never comes forward fails, and leaves nothing") {
  Downloads box;
  const Json job = box.get("/never-whole", {"-a", "data"});
  CHECK(job["status"] == "failed");
  CHECK(Sandbox::code(box.output) == 1);
  CHECK(holds(box.output.err, "does not come forward"));
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

TEST_CASE("curl: a digest in capital letters is one, too") {
  Downloads box;
  std::string digest = sha256(small).render();
  for (char& c : digest)
    c = static_cast<char>(::toupper(c));
  CHECK(box.get("/small", {"--sha256", digest})["status"] == "done");
}

TEST_CASE("curl: an answer that is none fails the job at once, and says which") {
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

TEST_CASE("curl: a server that is busy is asked again") {
  Downloads box;
  CHECK(box.get("/busy")["status"] == "done");
  CHECK(box.downloaded() == small);
  CHECK(holds(box.output.out, "the server answered 503 Service Unavailable; trying again in 1.0s"));
}

TEST_CASE("curl: nobody listens: the job fails at once") {
  Downloads box;
  const Json job = box.get_url("http://127.0.0.1:1/x");
  CHECK(job["status"] == "failed");
  CHECK(holds(box.output.err, "cannot download http://127.0.0.1:1/x"));
  CHECK_FALSE(holds(box.output.out, "trying again"));
}

TEST_CASE("curl: redirects are followed, but not for ever, and only to http and https") {
  Downloads box;
  CHECK(box.get("/redirect?/redirect%3F/small")["status"] == "done");
  CHECK(box.downloaded() == small);
  CHECK(holds(box.output.out, "redirected to " + box.server.url("/small")));

  CHECK(box.get("/ring")["status"] == "failed");
  CHECK(holds(box.output.err, "redirects more than 20 times"));

  for (const char* target : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"}) {
    CAPTURE(target);
    CHECK(box.get(std::string("/redirect?") + target)["status"] == "failed");
    CHECK(holds(box.output.err, "not followed: "));
    CHECK_FALSE(holds(box.output.out, "root:"));
  }
}

TEST_CASE("curl: headers and passwords go to the host of the URL, and to no other") {
  Downloads box;
  const Server other;
  const std::string url = "http://me:hush@" + box.server.host() + "/redirect?" +
                          "http%3A//" + other.host() + "/small";
  CHECK(box.get_url(url, {"--header", "X-Key=shush", "--header", "Accept=text/csv"})["status"] ==
        "done");
  const auto here = box.requests();
  REQUIRE(here.size() == 1);
  CHECK(here[0]["headers"]["x-key"] == "shush");
  CHECK(here[0]["headers"]["accept"] == "text/csv");
  CHECK(here[0]["headers"]["authorization"] == "Basic bWU6aHVzaA==");

  CHECK(box.get_url("http://me:hush@" + box.server.host() + "/redirect?/small",
                    {"--header", "X-Key=shush"})["status"] == "done");
  const auto again = box.requests();
  REQUIRE(again.size() == 3);
  CHECK(again[2]["path"] == "/small");
  CHECK(again[2]["headers"]["x-key"] == "shush");
  CHECK(again[2]["headers"]["authorization"] == "Basic bWU6aHVzaA==");

  const std::string there = other.requests();
  CHECK(holds(there, "/small"));
  CHECK_FALSE(holds(there, "shush"));
  CHECK_FALSE(holds(there, "authorization"));
}

TEST_CASE("curl: credentials are shown neither in the plan nor in the log nor in the record") {
  Downloads box;
  const std::string url = "http://me:hush-1@" + box.server.host() + "/small?token=hush-2&x=seen";
  const std::vector<std::string> options = {"--header", "Authorization=Bearer hush-3"};
  std::vector<std::string> dry = {"run", "curl", url, "-o", "f", "--dry-run"};
  dry.insert(dry.end(), options.begin(), options.end());
  const std::string plan = box.ok(dry);
  dry.emplace_back("--json");
  const std::string plan_json = box.ok(dry);
  CHECK(box.get_url(url, options)["status"] == "done");
  for (const std::string& shown : {plan, plan_json, box.output.out, box.output.err, box.log(),
                                   box.ok({"show", box.name}),
                                   box.ok({"show", box.name, "--json"}),
                                   box.ok({"ps", "-a", "--json"})}) {
    INFO(shown);
    CHECK_FALSE(holds(shown, "hush"));
  }
  CHECK(holds(plan, "***@" + box.server.host() + "/small?token=***&x=seen"));
  CHECK(holds(box.log(), "***@" + box.server.host() + "/small?token=***&x=seen"));

  CHECK(box.get_url("http://me:hush-1@" + box.server.host() + "/status/404?sig=hush-2")["status"] ==
        "failed");
  CHECK_FALSE(holds(box.output.err, "hush"));
}

TEST_CASE("curl: what cannot be used is refused before the run, at its place in the file") {
  const Sandbox box;
  const auto [line, message] = GENERATE(table<const char*, const char*>({
      {"url: file:///etc/passwd, output: x", "'file://' is not downloaded from"},
      {"url: example.com/x, output: x", "does not say how it is to be reached"},
      {"url: 'http://', output: x", "this is no URL"},
      {"url: 'http://h:99999/', output: x", "this is no URL"},
      {"url: 'http://h/', output: ../x", "leads out of the working directory"},
      {"url: 'http://h/', output: /x", "leads out of the working directory"},
      {"url: 'http://h/', output: x/", "names no file"},
      {"url: 'http://h/', output: x, sha256: abc", "is no SHA-256"},
      {"url: 'http://h/', output: x, headers: {a b: c}", "cannot be the name of a header"},
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

TEST_CASE("curl: a file that stood there is replaced") {
  Downloads box;
  box.file("data/file", "old");
  CHECK(box.get("/small")["status"] == "done");
  CHECK(box.downloaded() == small);
}

TEST_CASE("curl: a stopped download leaves nothing half") {
  Downloads box;
  box.name = box.start({"curl", box.server.url("/slow"), "-o", "data/file", "-a", "data"});
  while (box.requests().empty())
    ::usleep(2000);
  box.ok({"stop", box.name, "-y"});
  CHECK(box.json({"show", box.name, "--json"})["status"] == "stopped");
  for (const Json& artifact : box.artifacts())
    CHECK(artifact["size"] == 0);
}

TEST_CASE("curl: a job that is killed in the middle leaves no half file in its artifact") {
  Downloads box;
  box.name = box.start({"curl", box.server.url("/slow"), "-o", "data/file", "-a", "data"});
  while (!holds(box.log(), "100 kB"))
    ::usleep(2000);
  const std::string id = box.json({"show", box.name, "--json"})["jobs"][0]["job"];
  const auto processes = process::with_environment("JOB_ID", id);
  REQUIRE(processes.size() == 1);
  REQUIRE(::kill(processes.front(), SIGKILL) == 0);
  CHECK(box.wait(box.name)["jobs"][0]["cause"] == "signal");
  for (const Json& artifact : box.artifacts())
    CHECK(artifact["size"] == 0);
}

TEST_CASE("curl: the proxy of the environment is used") {
  Downloads box;
  const std::string proxy = "http_proxy=http://" + box.server.host();
  CHECK(box.get_url("http://nowhere.invalid/small", {"-e", proxy, "-e", "no_proxy="})["status"] ==
        "done");
  CHECK(box.downloaded() == small);
  CHECK(box.requests()[0]["path"] == "http://nowhere.invalid/small");
}

TEST_CASE("curl: https is checked, against the certificates of the environment") {
  Downloads box;
  const std::string certificate = (box.root() / "certificate.pem").string();
  const std::string key = (box.root() / "key.pem").string();
  process::Command openssl;
  openssl.argv = {"openssl", "req",  "-x509",     "-newkey", "rsa:2048",      "-nodes",  "-keyout",
                  key,       "-out", certificate, "-days",   "2",             "-subj",   "/CN=127.0.0.1",
                  "-addext", "subjectAltName=IP:127.0.0.1"};
  const auto made = process::run(openssl);
  if (!made || !process::succeeded(made->status))
    SKIP("this machine has no openssl command to make a certificate with");
  const Server secure({certificate, key});
  const std::string url = secure.url("/small", "https");

  CHECK(box.get_url(url)["status"] == "failed");
  CHECK(holds(box.output.err, "SSL_CERT_FILE"));
  CHECK(box.get_url(url, {"-e", "SSL_CERT_FILE=" + certificate})["status"] == "done");
  CHECK(box.downloaded() == small);
}

TEST_CASE("curl: a large file comes whole") {
  Downloads box;
  CHECK(box.get("/huge")["status"] == "done");
  REQUIRE(box.artifacts().size() == 1);
  CHECK(box.artifacts()[0]["size"] == 200 * 1024 * 1024);
}

TEST_CASE("curl: a part that a download without a name of its own left is no obstacle") {
  Downloads box;
  box.file("data/file.part", "old");
  CHECK(box.get("/small")["status"] == "done");
  CHECK(box.downloaded() == small);
}
