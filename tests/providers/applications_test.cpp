// Streamlit, JupyterLab and Notebook as their users meet them: the real programs, a real browser, a
// real kernel.
#include "applications.hpp"

using namespace dstack;
using dstack::test::Applications;
using dstack::test::processes_with;
using dstack::test::Sandbox;

namespace {

#define NEED(reason)                         \
  if (const auto why = reason; !why.empty()) \
  SKIP(why)

std::string token_of(const std::string& address) {
  return address.substr(address.find("token=") + 6);
}

/// The address of a run's application for browsers, as people are shown it.
std::string shown_address(const Applications& box, const std::string& run) {
  const std::string listed = box.ok({"ps", run});
  const std::size_t at = listed.find(" at http");
  REQUIRE(at != std::string::npos);
  const std::string rest = listed.substr(at + 4);
  return rest.substr(0, rest.find_first_of(",\n"));
}

/// The status of the answer to a request with these headers ("Name: value") to 127.0.0.1.
std::string status_of(const std::string& address, const std::vector<std::string>& headers) {
  process::Command command;
  command.argv = {"python3",
                  "-c",
                  "import http.client, sys, urllib.parse as p\n"
                  "url = p.urlsplit(sys.argv[1])\n"
                  "c = http.client.HTTPConnection(url.netloc, timeout=60)\n"
                  "c.putrequest('GET', url.path + ('?' + url.query if url.query else ''), "
                  "skip_host=True)\n"
                  "for h in sys.argv[2:]:\n"
                  "    c.putheader(*h.split(': ', 1))\n"
                  "c.endheaders()\n"
                  "r = c.getresponse()\n"
                  "print(r.status, r.getheader('Location', ''), r.getheader('Set-Cookie', ''))",
                  address};
  command.argv.insert(command.argv.end(), headers.begin(), headers.end());
  const auto output = process::run(command, {}, std::chrono::minutes(2));
  REQUIRE(output);
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
  return output->out;
}

/// "127.0.0.1:20418" of an address.
std::string host_of(const std::string& address) {
  const std::size_t begin = address.find("//") + 2;
  return address.substr(begin, address.find('/', begin) - begin);
}

void check_cookies(const std::string& browser) {
  Applications box;
  box.file("serve.py",
           "import http.server, os\n"
           "port = int(os.environ['JOB_PORT_0'])\n"
           "class Handler(http.server.BaseHTTPRequestHandler):\n"
           "    def do_GET(self):\n"
           "        body = b'cookies: ' + self.headers.get('Cookie', 'none').encode()\n"
           "        self.send_response(200)\n"
           "        self.send_header('Set-Cookie', 'login%d=1' % port)\n"
           "        self.send_header('Content-Type', 'text/plain')\n"
           "        self.send_header('Content-Length', str(len(body)))\n"
           "        self.end_headers()\n"
           "        self.wfile.write(body)\n"
           "http.server.HTTPServer(('127.0.0.1', port), Handler).serve_forever()\n");
  const std::string one = box.start({"bash", "-p", "1", "-c", "exec python3 serve.py"});
  const std::string two = box.start({"bash", "-p", "1", "-c", "exec python3 serve.py"});
  const std::string first = box.address(one);
  box.address(two);

  const auto visited = box.drive(
      "visit.py",
      {browser, shown_address(box, one), shown_address(box, two), shown_address(box, one)});

  INFO(visited.err);
  CHECK(process::succeeded(visited.status));
  const std::string port = first.substr(17, first.find('/', 17) - 17);
  CHECK(visited.out == "cookies: none\ncookies: none\ncookies: login" + port + "=1\n");
  box.stop(one);
  box.stop(two);
}

/// Everything that must hold of a server of Jupyter's, whichever it is.
void check_jupyter(const std::string& provider, const std::string& page) {
  Applications box;
  write_files_of("docs/providers/" + provider + ".md", box);
  box.file("data.txt", "42\n");
  const std::string run = box.start({"explore"});

  const std::string address = box.address(run);

  CHECK(address.find("http://127.0.0.1:") == 0);
  CHECK(address.find(page + "?token=") != std::string::npos);
  const std::string token = token_of(address);
  CHECK(token.size() == 32);
  CHECK(processes_with("cmdline", token).empty());
  const Json listed = box.json({"ps", run, "--json"})[0];
  CHECK(listed["apps"][0]["url"] == address);
  CHECK(listed["apps"][0]["ready"] == true);

  const auto cell = box.drive("cell.py",
                              {address,
                               "import os\nos.mkdir('result')\nn = int(open('data.txt').read())\n"
                               "open('result/n.txt', 'w').write(str(n + 1))\nprint('n is', n)"});
  INFO(cell.err);
  CHECK(process::succeeded(cell.status));
  CHECK(cell.out == "n is 42\n");
  const auto other =
      box.drive("cell.py", {address.substr(0, address.size() - token.size()) + "wrong", "1"});
  CHECK(other.err.find("403") != std::string::npos);

  // By its own name for browsers, and by no other.
  const std::string port = host_of(address).substr(10);
  CHECK(host_of(shown_address(box, run)).ends_with("." + run + ".localhost:" + port));
  const std::string status = "http://127.0.0.1:" + port + "/api/status?token=" + token;
  CHECK(status_of(status, {"Host: " + host_of(shown_address(box, run))}).starts_with("200"));
  CHECK(status_of(status, {"Host: localhost:" + port}).starts_with("200"));
  CHECK(status_of(status, {"Host: evil.invalid:" + port}).starts_with("403"));

  const std::string job = box.json({"show", run, "--json"})["jobs"][0]["job"];
  CHECK(processes_with("environ", "JOB_ID=" + job).size() >= 2);  // the server and a kernel
  box.stop(run);
  CHECK(processes_with("environ", "JOB_ID=" + job).empty());
  CHECK(box.json({"ps", run, "--json"})[0]["apps"].empty());
  const Json artifacts = box.json({"artifacts", "list", run, "--json"});
  REQUIRE(artifacts.size() == 1);
  CHECK(artifacts[0]["path"] == "result/n.txt");
  CHECK(box.files_in_user_home() == std::vector<std::string>());
}

}  // namespace

TEST_CASE("streamlit: a browser sees the page, and a click changes it") {
  NEED(test::why_no_browser());
  Applications box;
  write_files_of("docs/providers/streamlit.md", box);
  const std::string run = box.start({"count"});

  const std::string address = box.address(run);
  CHECK(address.find("/?token=") != std::string::npos);
  const auto clicked = box.drive(
      "click.py", {shown_address(box, run), "Hello from two words", "Count", "clicks so far: 1"});

  INFO(clicked.err);
  CHECK(process::succeeded(clicked.status));
  const Json app = box.json({"app", run, "--json"})[0];
  CHECK(app["name"] == "Streamlit");
  CHECK(app["ready"] == true);
  CHECK(app["password"].is_null());
  const std::string job = box.json({"show", run, "--json"})["jobs"][0]["job"];
  box.stop(run);
  CHECK(processes_with("environ", "JOB_ID=" + job).empty());
  CHECK(box.files_in_user_home() == std::vector<std::string>());
}

TEST_CASE("applications: Chromium sends none the cookies of another") {
  NEED(test::why_no_browser());
  check_cookies("chromium");
}

TEST_CASE("applications: Firefox sends none the cookies of another") {
  NEED(test::why_no_firefox());
  check_cookies("firefox");
}

TEST_CASE("streamlit: without the token, under a foreign name or from a foreign page, nothing") {
  NEED(test::why_no_driver());
  Applications box;
  box.file("app.py", "import streamlit as st\nst.write('hello')\n");
  const std::string run = box.start({"streamlit", "app.py"});
  const std::string address = box.address(run);
  const std::string host = host_of(address);
  const std::string shown = host_of(shown_address(box, run));
  const std::string plain = "http://" + host + "/";
  const std::string token = token_of(address);
  CHECK(token.size() == 32);
  CHECK(processes_with("cmdline", token).empty());

  CHECK(status_of(plain, {"Host: " + host}).starts_with("403"));
  CHECK(status_of(plain + "?token=wrong", {"Host: " + host}).starts_with("403"));
  CHECK(status_of(address, {"Host: " + host}).starts_with("200"));
  CHECK(status_of(address, {"Host: " + shown}).starts_with("200"));
  CHECK(status_of(address, {}).starts_with("400"));
  CHECK(status_of(address, {"Host: " + host, "Host: " + host}).starts_with("400"));
  CHECK(status_of(address, {"Host: evil.invalid"}).starts_with("403"));
  CHECK(status_of(address, {"Host: " + host, "Origin: http://evil.invalid"}).starts_with("403"));
  CHECK(status_of(address, {"Host: " + host, "Origin: null"}).starts_with("403"));
  CHECK(status_of(address, {"Host: " + host, "Origin: http://" + host}).starts_with("200"));
  CHECK(status_of(address, {"Host: " + host, "Content-Length: 0", "Transfer-Encoding: chunked"})
            .starts_with("400"));
  CHECK(status_of("http://" + host + "//evil.invalid/?token=" + token,
                  {"Host: " + host, "Accept: text/html"})
            .starts_with("400"));

  // A browser is given a cookie, and an address without the token.
  const std::string moved = status_of(address + "&x=1", {"Host: " + shown, "Accept: text/html"});
  CHECK(moved.starts_with("303 /?x=1 dstack_"));
  CHECK(moved.find("HttpOnly; SameSite=Lax") != std::string::npos);
  const std::string port = host.substr(10);
  const std::string with_cookie = "Cookie: a=b; dstack_" + port + "=" + token;
  CHECK(status_of(plain, {"Host: " + shown, with_cookie}).starts_with("200"));
  CHECK(status_of(plain, {"Host: " + shown, with_cookie, "Origin: http://evil.invalid"})
            .starts_with("403"));
  CHECK(status_of(plain + "_stcore/stream",
                  {"Host: " + shown,
                   with_cookie,
                   "Origin: http://evil.invalid",
                   "Connection: Upgrade",
                   "Upgrade: websocket",
                   "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="})
            .starts_with("403"));
  box.stop(run);
}

TEST_CASE("streamlit: a public one has no door, and says whom it lets in") {
  NEED(test::why_no_driver());
  Applications box;
  box.file("app.py", "import streamlit as st\nst.write('hello')\n");
  const std::string run = box.start({"streamlit", "--public", "app.py"});
  const std::string address = box.address(run);
  CHECK(address.find("token=") == std::string::npos);
  CHECK(status_of(address, {"Host: " + host_of(address)}).starts_with("200"));
  const std::string port = host_of(address).substr(10);
  CHECK(box.ok({"logs", run})
            .find("everybody who reaches port " + port +
                  " of this machine can use this application") != std::string::npos);
  box.stop(run);
}

TEST_CASE("lab: a cell runs over the server's own API, and what it writes is saved") {
  NEED(test::why_no_driver());
  check_jupyter("lab", "/lab");
}

TEST_CASE("notebook: a cell runs over the server's own API, and what it writes is saved") {
  NEED(test::why_no_driver());
  check_jupyter("notebook", "/tree");
}

TEST_CASE(
    "an application that ends before it answers is reported with its code and its last lines") {
  NEED(test::why_no_driver());
  Applications box;
  box.workflows(
      "workflows:\n  - {name: w, provider: lab, setup: [\"echo no licence found\", \"exit 3\"]}\n");

  const auto output = box.run({"run", "w"}, std::chrono::minutes(4));

  CHECK(Sandbox::code(output) == 3);
  CHECK(output.out.find("no licence found\n") != std::string::npos);
  CHECK(output.err.find("JupyterLab ended before it answered at http://127.0.0.1:") !=
        std::string::npos);
  const auto asked = box.run({"app"});
  CHECK(Sandbox::code(asked) == 1);
  CHECK(asked.err.find("JupyterLab ended before it answered") != std::string::npos);
}

TEST_CASE("an application that never answers is ended after its limit") {
  NEED(test::why_no_driver());
  Applications box;
  box.set("DSTACK_APP_LIMIT=1s");
  box.workflows("workflows:\n  - {name: w, provider: lab, setup: [\"sleep 1000\"]}\n");

  const auto output = box.run({"run", "w"}, std::chrono::minutes(4));

  CHECK(Sandbox::code(output) == 124);
  CHECK(output.err.find("JupyterLab did not answer at http://127.0.0.1:") != std::string::npos);
  CHECK(output.err.find("/api/status within 1.0s") != std::string::npos);
  const Json job = box.json({"show", "--json"})["jobs"][0];
  CHECK(job["cause"] == "timeout");
  CHECK(processes_with("environ", "JOB_ID=" + job["job"].get<std::string>()).empty());
}

TEST_CASE("streamlit: a missing target is refused, an address is used as it is") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: streamlit, target: ap.py}\n"
      "  - {name: x, provider: streamlit, target: \"http://127.0.0.1:1/app.py\"}\n");
  box.file("app.py", "");
  const auto refused = box.run({"run", "w"});
  CHECK(Sandbox::code(refused) == 2);
  CHECK(refused.err.find("app.py") != std::string::npos);
  CHECK(box.ok({"run", "x", "--dry-run"}).find("\"$JOB_PORT_0\" http://127.0.0.1:1/app.py") !=
        std::string::npos);
}

TEST_CASE("lab: the version is one of the package's, and only a public one listens for others") {
  const Sandbox box;
  const std::string plan = box.ok({"run", "lab", "--app-version", "4.2.5", "--dry-run"});
  CHECK(plan.find("jupyterlab==4.2.5") != std::string::npos);
  CHECK(plan.find("--ip=127.0.0.1") != std::string::npos);
  CHECK(plan.find("0.0.0.0") == std::string::npos);
  CHECK(box.ok({"run", "lab", "--public", "--dry-run"}).find("--ip=0.0.0.0") != std::string::npos);
  CHECK(box.refused({"run", "lab", "--app-version", "4; rm", "--dry-run"}, 2).find("4; rm") !=
        std::string::npos);
}

TEST_CASE("streamlit: a base path of the user's configuration is part of the address") {
  NEED(test::why_no_driver());
  Applications box;
  box.file("app.py", "import streamlit as st\nst.write('hello')\n");
  const auto check = [&](const std::vector<std::string>& options) {
    std::vector<std::string> command = {"streamlit", "app.py"};
    command.insert(command.end(), options.begin(), options.end());
    const std::string run = box.start(command);
    const std::string address = box.address(run);
    CHECK(address.starts_with("http://127.0.0.1:"));
    CHECK(address.find("/tools/app/?token=") != std::string::npos);
    CHECK(box.page(address).find("<title>Streamlit</title>") != std::string::npos);
    box.stop(run);
  };
  check({"-e", "STREAMLIT_SERVER_BASE_URL_PATH=tools/app"});
  const Path users = box.user_home() / ".streamlit";
  REQUIRE(make_folders(users));
  REQUIRE(write_file_atomically(
      users / "config.toml", "[server]\nbaseUrlPath = \"/tools/app/\"\n", Durable::no));
  check({});
  // That of the project is over that of the user.
  REQUIRE(write_file_atomically(
      users / "config.toml", "[server]\nbaseUrlPath = \"other\"\n", Durable::no));
  box.file(".streamlit/config.toml", "[server]\nbaseUrlPath = \"tools/app\"\nport = 1\n");
  check({});
}

TEST_CASE("streamlit: a certificate of the user's configuration makes the address https") {
  NEED(test::why_no_driver());
  Applications box;
  box.file("app.py", "import streamlit as st\nst.write('hello')\n");
  // What starts the application must not be taken from the project.
  for (const char* module : {"runpy.py", "threading.py", "tornado.py"})
    box.file(module, "raise SystemExit('the module of the project')\n");
  if (!test::make_certificate(box.root()))
    SKIP("this machine has no openssl command to make a certificate with");
  box.file(".streamlit/config.toml",
           "[server]\nsslCertFile = \"" + (box.root() / "cert.pem").string() +
               "\"\nsslKeyFile = \"" + (box.root() / "key.pem").string() + "\"\n");
  const std::string run = box.start({"streamlit", "app.py"});
  const std::string address = box.address(run);
  CHECK(address.starts_with("https://127.0.0.1:"));
  CHECK(box.page(address).find("<title>Streamlit</title>") != std::string::npos);
  box.stop(run);
}

TEST_CASE(
    "jupyter: a base path of the user's configuration counts; what is the run's own does not") {
  NEED(test::why_no_driver());
  const auto [provider, page] =
      GENERATE(table<const char*, const char*>({{"lab", "/lab"}, {"notebook", "/tree"}}));
  CAPTURE(provider);
  Applications box;
  box.file("data.txt", "42\n");
  const Path folder = box.root() / "jupyter";
  REQUIRE(make_folders(folder));
  REQUIRE(write_file_atomically(folder / "jupyter_server_config.py",
                                "c.ServerApp.base_url = '/user/ada/'\n"
                                "c.ServerApp.port = 1\n"
                                "c.ServerApp.ip = '192.0.2.1'\n"
                                "c.ServerApp.token = 'another'\n"
                                "c.IdentityProvider.token = 'another'\n"
                                "c.PasswordIdentityProvider.hashed_password = 'sha1:1:2'\n"
                                "c.ServerApp.sock = '/nowhere/socket'\n"
                                "c.ServerApp.root_dir = '/'\n"
                                "c.ServerApp.open_browser = True\n",
                                Durable::no));
  const std::string run = box.start({provider, "-e", "JUPYTER_CONFIG_DIR=" + folder.string()});

  const std::string address = box.address(run);

  CHECK(address.find(std::string("/user/ada") + page + "?token=") != std::string::npos);
  const std::string token = token_of(address);
  CHECK(token.size() == 32);
  CHECK(processes_with("cmdline", token).empty());
  const std::string root = address.substr(0, address.find(page));
  CHECK(box.page(root + "/api/contents?token=" + token).find("data.txt") != std::string::npos);
  box.stop(run);
}

TEST_CASE("jupyter: kernels of the user are offered, but never instead of the environment's") {
  NEED(test::why_no_driver());
  Applications box;
  const Path kernels = box.user_home() / ".local/share/jupyter/kernels";
  for (const char* name : {"mine", "python3"}) {
    REQUIRE(make_folders(kernels / name));
    REQUIRE(write_file_atomically(
        kernels / name / "kernel.json",
        "{\"argv\": [\"false\", \"{connection_file}\"], \"display_name\": \"of the user\"}",
        Durable::no));
  }
  const std::string run = box.start({"lab"});
  const std::string address = box.address(run);
  const Json specs = *parse_json(box.page(address.substr(0, address.find("/lab")) +
                                          "/api/kernelspecs?token=" + token_of(address)),
                                 "the kernels");
  CHECK(specs["kernelspecs"].contains("mine"));
  CHECK(specs["kernelspecs"]["mine"]["spec"]["display_name"] == "of the user");
  REQUIRE(specs["kernelspecs"].contains("python3"));
  CHECK(specs["kernelspecs"]["python3"]["spec"]["display_name"] != "of the user");
  CHECK(specs["default"] == "python3");
  box.stop(run);
}
