// Downloads, from a real server.
#include "downloads.hpp"
#include "support/documentation.hpp"
#include "support/secrets.hpp"

#include <algorithm>
#include <cctype>

using namespace dstack;
using namespace dstack::test;

TEST_CASE(
    "curl: a file is downloaded, is the artifact when none is declared, and the log shows it") {
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

TEST_CASE("curl: the example of the page works as it is written, and is that of the examples") {
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
  REQUIRE(process::run(box.command({"secrets", "add", "DATA_TOKEN"}),
                       std::string("hush-hush"),
                       std::chrono::seconds(100)));
  const std::string plan = box.ok({"run", "private", "--dry-run"});
  CHECK_FALSE(holds(plan, "hush"));
}

TEST_CASE("curl: progress is drawn on one line, with the rate and the remaining time") {
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

TEST_CASE("curl: nothing is written through a link that leads elsewhere") {
  Downloads box;
  const Path elsewhere = box.root() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_symlink(elsewhere, box.project() / "link");
  box.workflows("workflows:\n  - {name: get, provider: curl, url: 'http://" + box.server.host() +
                "/steady', output: link/deep/f}\n");
  const auto ran = box.run({"run", "get"});
  CHECK(Sandbox::code(ran) != 0);
  CHECK(holds(ran.err, "the artifact 'link/deep/f' of workflow 'get' is behind a link"));
  CHECK(fs::is_empty(elsewhere));
}

TEST_CASE("curl: empty files and files of unknown size are downloaded") {
  Downloads box;
  CHECK(box.get("/empty")["status"] == "done");
  CHECK(box.downloaded().empty());
  CHECK(box.get("/unannounced")["status"] == "done");
  CHECK(box.downloaded() == small);
}

TEST_CASE("curl: a digest in capital letters is valid, too") {
  Downloads box;
  std::string digest = sha256(small).render();
  for (char& c : digest)
    c = static_cast<char>(::toupper(c));
  CHECK(box.get("/small", {"--sha256", digest})["status"] == "done");
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

TEST_CASE("curl: a header made of a secret reaches the server, and is nowhere on disk") {
  const Server server;
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: curl, url: \"" + server.url("/small") +
                "\", output: file, headers: {Authorization: \"Bearer ${{ secrets.TOKEN }}\"}}\n");
  REQUIRE(process::run(box.command({"secrets", "add", "TOKEN"}),
                       std::string("hush-hush-4"),
                       std::chrono::seconds(100)));
  const Json shown = box.wait(box.start({"w"}));
  CHECK(shown["status"] == "done");
  CHECK(holds(box.ok({"run", "w", "--dry-run", "--json"}), "Bearer ${{ secrets.TOKEN }}"));
  CHECK(holds(server.log(), "\"Bearer hush-hush-4\""));
  for (const auto& entry : fs::recursive_directory_iterator(box.home())) {
    boost::system::error_code error;
    if (entry.symlink_status(error).type() == fs::regular_file)
      CHECK_FALSE(holds(*read_file(entry.path()), "hush-hush-4"));
  }
}

TEST_CASE("curl: a secret with a line end adds no header, and nothing is requested") {
  const Server server;
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: curl, url: \"" + server.url("/small") +
                "\", output: file, headers: {X-Key: \"Bearer ${{ secrets.TOKEN }}\"}}\n");
  for (const std::string value : {"hush-hush-5\r\nX-Injected: yes", "hush-hush-5\n\n"}) {
    add_secret(box, {"--force", "TOKEN"}, value);
    const auto ran = box.run({"run", "w"});
    CHECK(Sandbox::code(ran) == 1);
    CHECK(holds(ran.err, "header 'X-Key' would have several lines"));
    CHECK(holds(ran.err, "a secret in a header must be a single line"));
    CHECK_FALSE(holds(ran.out + ran.err, "hush-hush-5"));
  }
  CHECK(server.requests().empty());
}

TEST_CASE("curl: headers and passwords go to the host of the URL, and to no other") {
  Downloads box;
  const Server other;
  const std::string url =
      "http://me:hush@" + box.server.host() + "/redirect?" + "http%3A//" + other.host() + "/small";
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

  const std::string there = other.log();
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
  for (const std::string& shown : {plan,
                                   plan_json,
                                   box.output.out,
                                   box.output.err,
                                   box.log(),
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

TEST_CASE("curl: an existing file is replaced") {
  Downloads box;
  box.file("data/file", "old");
  CHECK(box.get("/small")["status"] == "done");
  CHECK(box.downloaded() == small);
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
  openssl.argv = {"openssl",
                  "req",
                  "-x509",
                  "-newkey",
                  "rsa:2048",
                  "-nodes",
                  "-keyout",
                  key,
                  "-out",
                  certificate,
                  "-days",
                  "2",
                  "-subj",
                  "/CN=127.0.0.1",
                  "-addext",
                  "subjectAltName=IP:127.0.0.1"};
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

TEST_CASE("curl: a large file is complete") {
  Downloads box;
  CHECK(box.get("/huge")["status"] == "done");
  REQUIRE(box.artifacts().size() == 1);
  CHECK(box.artifacts()[0]["size"] == 200 * 1024 * 1024);
}
