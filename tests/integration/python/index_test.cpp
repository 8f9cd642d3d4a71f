// A package index that wants a password: where it may come from, and where it must not go.
#include "dstack/process/spawn.hpp"
#include "workbench.hpp"

#include <fcntl.h>
#include <signal.h>

using namespace dstack;
using namespace dstack::python;

namespace {

constexpr const char* password = "hush-hush-12345";

constexpr const char* index_program = R"py(
import base64, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, account = sys.argv[1:]
wanted = "Basic " + base64.b64encode(account.encode()).decode()

class Index(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        body, code, kind = b"", 404, "text/html"
        if self.headers.get("Authorization") != wanted:
            code = 401
        elif parts[0] == "simple" and len(parts) == 2:
            names = [name for name in os.listdir(folder) if name.startswith(parts[1] + "-")]
            body = "".join('<a href="/files/%s">%s</a>' % (name, name) for name in names).encode()
            code = 200
        elif parts[0] == "files" and os.path.exists(os.path.join(folder, parts[1])):
            body, code, kind = open(os.path.join(folder, parts[1]), "rb").read(), 200, "application/octet-stream"
        self.send_response(code)
        if code == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
print(server.server_port, flush=True)
server.serve_forever()
)py";

/// Serves the wheels of a workbench.
class Index {
 public:
  explicit Index(const Workbench& at) {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    process::Command command;
    command.argv = {at.interpreter.program.string(),
                    "-c",
                    index_program,
                    (at.code() / "wheels").string(),
                    std::string("ci:") + password};
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

  ~Index() {
    child_->signal(SIGKILL);
    child_->wait();
  }

  std::string address(const std::string& account, const std::string& path = "/simple") const {
    return "http://" + account + "@127.0.0.1:" + port_ + path;
  }

 private:
  std::optional<process::Child> child_;
  std::string port_;
};

std::string where_password_is(const Path& folder) {
  std::string found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (fs::is_regular_file(entry.symlink_status()))
      if (const auto text = read_file(entry.path()); text && text->find(password) != text->npos)
        found += entry.path().string() + "\n";
  return found;
}

Result<PythonEnvironment> provide(const Workbench& at,
                                  const job::PythonRequest& request,
                                  const JobInput& job) {
  const auto output = open_file((at.root / "log").string(), O_WRONLY | O_CREAT | O_APPEND);
  REQUIRE(output);
  return provide_environment(
      request, at.interpreter, at.code(), at.home(), at.lookup(), output->get(), job);
}

void check(const Workbench& at, const job::PythonRequest& request, const JobInput& job) {
  const auto made = provide(at, request, job);
  INFO((made ? "" : render(made.error())) << "\n" << at.log());
  REQUIRE(made);
  CHECK(outcome({made->program.string(), "-c", "import greet; print(greet.word)"}) ==
        "hello\nexit code 0");
  CHECK(where_password_is(at.home().root).empty());
  CHECK(at.log().find(password) == std::string::npos);
}

void check_index(Workbench at) {
  if (!at.usable())
    SKIP(at.reason);
  at.variables.erase("PIP_NO_INDEX");
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  const Index index(at);
  const std::string account = "ci:${INDEX_PW}";
  at.write("code/more.txt", "greet\n");

  SECTION("a variable of the caller in a file that another includes") {
    at.variables["INDEX_PW"] = password;
    at.write("code/r.txt", "-r more.txt\n--index-url " + index.address(account) + "\n");
    check(at, {"", {"r.txt"}, {}}, {});
  }
  SECTION("a variable of the job, as from a secret") {
    at.write("code/r.txt", "greet\n--index-url " + index.address(account) + "\n");
    check(at, {"", {"r.txt"}, {}}, {{{"INDEX_PW", password}}, {}, {password}});
  }
  SECTION("the address of one package") {
    at.write("code/r.txt",
             "greet @ " + index.address(account, "/files/greet-1.0-py3-none-any.whl") + "\n");
    check(at, {"", {"r.txt"}, {}}, {{{"INDEX_PW", password}}, {}, {password}});
  }
  SECTION("a folder of wheels on the web") {
    at.variables["PIP_NO_INDEX"] = "1";
    at.write("code/r.txt", "greet\n--find-links " + index.address(account, "/simple/greet") + "\n");
    check(at, {"", {"r.txt"}, {}}, {{{"INDEX_PW", password}}, {}, {password}});
  }
  SECTION("the index of the workflow") {
    job::PythonRequest request{"", {"more.txt"}, {}};
    request.index = {index.address(std::string("ci:") + password)};
    check(at, request, {{}, {}, {password}});
  }
  SECTION("a setting of the installers in the job's environment") {
    const std::string address = index.address(std::string("ci:") + password);
    check(at, {"", {"more.txt"}, {}}, {{{"PIP_INDEX_URL", address}}, {}, {}});
  }
  SECTION("a variable that is not set") {
    at.write("code/r.txt", "greet\n--index-url " + index.address(account) + "\n");
    const auto made = provide(at, {"", {"r.txt"}, {}}, {});
    REQUIRE(!made);
    CHECK(made.error().hint.starts_with("'INDEX_PW' at r.txt:2 is not set"));
  }
  SECTION("a variable in a name and a version") {
    at.variables["GREET"] = "greet";
    at.write("code/r.txt",
             "${GREET}==${VER}\n--index-url " + index.address(std::string("ci:") + password) + "\n");
    check(at, {"", {"r.txt"}, {}}, {{{"VER", "1.0"}}, {}, {password}});
  }
  SECTION("an index that does not answer is named by its setting") {
    at.variables["UV_HTTP_RETRIES"] = at.variables["PIP_RETRIES"] = "0";
    job::PythonRequest request{"", {"more.txt"}, {}};
    request.index = {"http://127.0.0.1:1/simple"};
    request.index_where = ".dstack/workflows.yaml:5:12";
    const auto of_workflow = provide(at, request, {});
    REQUIRE(!of_workflow);
    INFO(render(of_workflow.error()));
    CHECK(of_workflow.error().hint.find("(from 'index' at .dstack/workflows.yaml:5:12)") !=
          std::string::npos);
    CHECK(of_workflow.error().hint.find("PIP_INDEX_URL") == std::string::npos);
    at.variables["PIP_INDEX_URL"] = request.index.front();
    const auto of_caller = provide(at, {"", {"more.txt"}, {}}, {});
    REQUIRE(!of_caller);
    CHECK(of_caller.error().hint.find("(from PIP_INDEX_URL where the run is started)") !=
          std::string::npos);
  }
  SECTION("a wrong password") {
    at.write("code/r.txt", "greet\n--index-url " + index.address("ci:wrong-word-99") + "\n");
    const auto made = provide(at, {"", {"r.txt"}, {}}, {});
    REQUIRE(!made);
    // Some versions of pip say only that there is no such package.
    if (made.error().message.find(" 401 ") != std::string::npos)
      CHECK(made.error().hint.find("${{ secrets.NAME }}") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("uv gets the password of an index from wherever it is, and shows it nowhere") {
  check_index(Workbench(Workbench::With::uv));
}

TEST_CASE("pip gets the password of an index from wherever it is, and shows it nowhere") {
  check_index(Workbench(Workbench::With::pip));
}
