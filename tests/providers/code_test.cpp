// VS Code for the browser: code-server itself in a browser, and how it is found and downloaded.
#include "applications.hpp"
#include "dstack/base/sha256.hpp"
#include "support/variables.hpp"

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Applications;
using dstack::test::processes_with;
using dstack::test::Sandbox;

namespace {

std::string code_server() {
  return (Applications::cache() / "code-server/bin").string();
}

std::string path_without_editors() {
  std::string path;
  const std::string all = test::own_variable("PATH").value_or("");
  for (std::string_view rest = all; !rest.empty();) {
    const std::string folder(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (!fs::exists(Path(folder) / "code-server") &&
        !fs::exists(Path(folder) / "openvscode-server"))
      path += (path.empty() ? "" : ":") + folder;
  }
  return "PATH=" + path;
}

/// A web server of the test's own on some port of 127.0.0.1, for one folder.
class Server {
 public:
  explicit Server(const Path& folder) {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    process::Command command;
    command.argv = {
        "python3",
        "-u",
        "-c",
        "import functools, http.server, sys\n"
        "handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])\n"
        "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)\n"
        "print(server.server_address[1])\n"
        "server.serve_forever()\n",
        folder.string()};
    command.descriptors = {{1, pipe->write_end.get()}};
    auto child = process::spawn(command);
    REQUIRE(child);
    child_.emplace(std::move(*child));
    pipe->write_end.reset();
    char c = 0;
    while (::read(pipe->read_end.get(), &c, 1) == 1 && c != '\n')
      port_ += c;
    REQUIRE_FALSE(port_.empty());
  }

  ~Server() {
    child_->signal(SIGKILL);
    child_->wait();
  }

  std::string address(const std::string& file) const {
    return "http://127.0.0.1:" + port_ + "/" + file;
  }

 private:
  std::optional<process::Child> child_;
  std::string port_;
};

/// An archive as the project publishes it, with a program in it that serves the health address:
/// what is tested is how it comes and is kept.
std::string make_archive(const Path& folder) {
  const Path program = folder / "code-server-9.8.7-linux-amd64/bin/code-server";
  REQUIRE(make_folders(program.parent_path()));
  REQUIRE(write_file_atomically(
      program,
      "#!/usr/bin/env python3\n"
      "import http.server, os, sys\n"
      "if '--version' in sys.argv: sys.exit(print('9.8.7 x with Code 1'))\n"
      "class Handler(http.server.BaseHTTPRequestHandler):\n"
      "    def do_GET(self):\n"
      "        self.send_response(200); self.end_headers()\n"
      "port = sys.argv[sys.argv.index('--bind-addr') + 1].split(':')[1]\n"
      "assert os.environ['PASSWORD'] not in ' '.join(sys.argv)\n"
      "print('extensions in', sys.argv[sys.argv.index('--extensions-dir') + 1], flush=True)\n"
      "http.server.HTTPServer(('127.0.0.1', int(port)), Handler).serve_forever()\n",
      Durable::no,
      0755));
  process::Command tar;
  tar.argv = {"tar",
              "-C",
              folder.string(),
              "-czf",
              (folder / "a.tar.gz").string(),
              "code-server-9.8.7-linux-amd64"};
  REQUIRE(process::succeeded(process::run(tar)->status));
  return sha256(*read_file(folder / "a.tar.gz")).render();
}

void configure(const Sandbox& box, const std::string& url, const std::string& sha) {
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(
      box.home() / "config.yaml",
      "tools:\n  code-server: {version: 9.8.7, url: \"" + url + "\", sha256: " + sha + "}\n",
      Durable::no));
}

}  // namespace

TEST_CASE("code: a release is downloaded once, checked, and kept", "[code]") {
  Sandbox box;
  box.set(path_without_editors());
  const Path folder = box.root() / "web";
  const std::string sha = make_archive(folder);
  std::string address;
  {
    const Server server(folder);
    configure(box, server.address("a.tar.gz"), sha);
    const std::string run = box.start({"code"});
    const Json app = (box.ok({"app", run, "--print"}), box.json({"app", run, "--json"})[0]);
    CHECK(app["name"] == "VS Code");
    CHECK(app["password"].get<std::string>().size() == 32);
    CHECK(app["url"].get<std::string>().find(app["password"].get<std::string>()) ==
          std::string::npos);
    CHECK(box.ok({"logs", run})
              .find("downloading code-server 9.8.7 from " + server.address("a.tar.gz")) !=
          std::string::npos);
    CHECK(processes_with("cmdline", app["password"]).empty());
    box.ok({"stop", run, "-y"});
  }
  // The server is gone.
  const std::string again = box.start({"code", "--app-version", "9.8"});
  box.ok({"app", again, "--print"});
  CHECK(box.ok({"logs", again}).find("downloading") == std::string::npos);
  box.ok({"stop", again, "-y"});
}

TEST_CASE("code: the editor keeps the user's extensions, where their folder can be written",
          "[code]") {
  Sandbox box;
  const Path user = box.root() / "user";
  REQUIRE(make_folders(user));
  box.set("HOME=" + user.string());
  const Path folder = box.root() / "editor";
  make_archive(folder);
  box.set("PATH=" + (folder / "code-server-9.8.7-linux-amd64/bin").string() + ":" +
          test::own_variable("PATH").value_or(""));

  const std::string run = box.start({"code"});
  box.ok({"app", run, "--print"});
  const std::string own = (user / ".local/share/code-server/extensions").string();
  CHECK(box.ok({"logs", run}).find("extensions in " + own + "\n") != std::string::npos);
  CHECK(fs::is_directory(own));
  box.ok({"stop", run, "-y"});

  fs::remove_all(user / ".local");
  REQUIRE(write_file_atomically(user / ".local", "a file", Durable::no));
  const std::string other = box.start({"code"});
  box.ok({"app", other, "--print"});
  CHECK(box.ok({"logs", other}).find("extensions in " + box.home().string()) != std::string::npos);
  box.ok({"stop", other, "-y"});
}

TEST_CASE("code: a wrong or missing download is reported with the next step", "[code]") {
  Sandbox box;
  box.set(path_without_editors());
  const Path folder = box.root() / "web";
  make_archive(folder);
  const Server server(folder);

  configure(box, server.address("a.tar.gz"), std::string(64, '0'));
  const auto other = box.run({"run", "code"});
  CHECK(Sandbox::code(other) == 125);
  CHECK(other.err.find("is not code-server 9.8.7: its SHA-256 is ") != std::string::npos);

  configure(box, server.address("b.tar.gz"), std::string(64, '0'));
  const auto missing = box.run({"run", "code"});
  CHECK(Sandbox::code(missing) == 125);
  CHECK(missing.err.find("cannot download code-server from " + server.address("b.tar.gz")) !=
        std::string::npos);
  CHECK(missing.err.find("404") != std::string::npos);
  CHECK(missing.err.find("install code-server or openvscode-server") != std::string::npos);

  const auto version = box.run({"run", "code", "--app-version", "1.2"});
  CHECK(Sandbox::code(version) == 125);
  CHECK(version.err.find(
            "code-server 1.2 is not installed, and the release that can be downloaded is 9.8.7") !=
        std::string::npos);
}

TEST_CASE("code: code-server opens the project's files in a browser", "[code]") {
  if (const auto why = test::why_no_browser(); !why.empty())
    SKIP(why);
  if (!fs::exists(Applications::cache() / "code-server/complete"))
    SKIP("sh cmake/scripts/applications.sh code-server has not been run");
  Applications box;
  box.set("PATH=" + code_server() + ":" + test::own_variable("PATH").value_or(""));
  write_files_of("docs/providers/code.md", box);
  box.file("hello.txt", "what the editor shows\n");
  // These would make it listen elsewhere, and refuse the password.
  const std::string run = box.start(
      {"edit", "-e", "PORT=1", "-e", "CODE_SERVER_HOST=192.0.2.1", "-e", "HASHED_PASSWORD=x"});
  const std::string address = box.address(run);
  const Json app = box.json({"app", run, "--json"})[0];
  CHECK(processes_with("cmdline", app["password"]).empty());

  const auto opened =
      box.drive("editor.py", {address, app["password"], "hello.txt", "what the editor shows"});

  INFO(opened.err);
  CHECK(process::succeeded(opened.status));
  const std::string job = box.json({"show", run, "--json"})["jobs"][0]["job"];
  box.stop(run);
  CHECK(processes_with("environ", "JOB_ID=" + job).empty());
}
