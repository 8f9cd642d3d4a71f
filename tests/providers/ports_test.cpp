// Ports of bash, with servers of Python's own library: nothing is installed for them.
#include "dstack/base/fd.hpp"
#include "support/sandbox.hpp"

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

constexpr const char* serve = "exec python3 -m http.server --bind 127.0.0.1 \"$JOB_PORT_0\"";

std::string address_of(const Sandbox& box, const std::string& run) {
  std::string address = box.ok({"app", run, "--print"});
  address.pop_back();
  return address;
}

/// The same address as people are shown it.
std::string for_browsers(const std::string& run, const std::string& address) {
  const std::string local = "http://127.0.0.1:";
  REQUIRE(address.starts_with(local));
  return "http://port-0." + run + ".localhost:" + address.substr(local.size());
}

std::string page_at(const std::string& address) {
  process::Command command;
  command.argv = {
      "python3",
      "-c",
      "import sys, urllib.request; "
      "sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())",
      address};
  const auto output = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(output);
  return output->out;
}

/// Follows a run until its words on standard error hold a text; then stops the run.
std::string followed_until(const Sandbox& box,
                           std::vector<std::string> arguments,
                           const std::string& text) {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  process::Command command = box.command(std::move(arguments));
  command.descriptors = {{2, pipe->write_end.get()}};
  auto child = process::spawn(command);
  REQUIRE(child);
  pipe->write_end.reset();
  std::string words;
  std::string buffer(4096, '\0');
  while (words.find(text) == std::string::npos) {
    const ssize_t count = ::read(pipe->read_end.get(), buffer.data(), buffer.size());
    if (count <= 0)
      break;
    words.append(buffer, 0, static_cast<std::size_t>(count));
  }
  child->signal(SIGTERM);
  (void)read_all(pipe->read_end.get());
  child->wait();
  return words;
}

}  // namespace

TEST_CASE("ports: two servers at once get two ports, and each is announced once it answers") {
  const Sandbox box;
  box.file("page.txt", "page\n");
  const std::string one = box.start({"bash", "-p", "1", "-c", serve});
  const std::string two = box.start({"bash", "-p", "1", "-c", serve});

  const std::string first = address_of(box, one);
  const std::string second = address_of(box, two);

  CHECK(first != second);
  CHECK(page_at(first + "page.txt") == "page\n");
  CHECK(page_at(second + "page.txt") == "page\n");
  const std::string listed = box.ok({"ps"});
  CHECK(listed.find(one + " bash: port 0 at " + for_browsers(one, first) + "\n") !=
        std::string::npos);
  CHECK(listed.find(two + " bash: port 0 at " + for_browsers(two, second) + "\n") !=
        std::string::npos);
  CHECK(box.ok({"show", one}).find("port 0 at " + for_browsers(one, first)) != std::string::npos);
  box.ok({"stop", one, "-y"});
  CHECK(box.json({"app", one, "--json"}).empty());
  CHECK(box.json({"app", two, "--json"})[0]["url"] == second);
}

TEST_CASE("ports: a followed run says ready with the address, not before something answers") {
  const Sandbox box;
  box.file("page.txt", "page\n");

  const std::string words =
      followed_until(box,
                     {"run", "bash", "-p", "2", "-c", "exec python3 -m http.server $JOB_PORT_1"},
                     ": ready: ");

  CHECK(words.find("bash: ready: port 1 at http://port-1--0-1.") != std::string::npos);
  CHECK(words.find("port 0") == std::string::npos);
}

TEST_CASE("ports: one where nothing answers is reported, and the job continues to its end") {
  Sandbox box;
  box.set("DSTACK_APP_LIMIT=1s");
  const std::string words = followed_until(
      box, {"run", "bash", "-p", "1", "-c", "echo begun", "-c", "sleep 1000"}, "the job continues");
  CHECK(words.find("nothing answers yet at http://127.0.0.1:") != std::string::npos);
  CHECK(box.ok({"run", "bash", "-p", "1", "-c", "echo $JOB_PORT_0 | grep -c ."}) == "1\n");
}

TEST_CASE("ports: over SSH the command that forwards the application is printed") {
  Sandbox box;
  const std::string run = box.start({"bash", "-p", "1", "-c", serve});
  box.set("SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 2222");

  const auto output = box.run({"app", run});

  const std::string port(output.out.substr(17, output.out.find('/', 17) - 17));
  CHECK(output.err.find("ssh -N -L " + port + ":127.0.0.1:" + port + " -p 2222 ") !=
        std::string::npos);
  CHECK(output.err.find("@192.0.2.1") != std::string::npos);
}

TEST_CASE("ports: the example of the documents is right, and its server serves") {
  const Sandbox box;
  const Path example = Path(DSTACK_SOURCE_DIR) / "docs/examples/applications";
  for (const std::string file : {".dstack/workflows.yaml", "counter.py", "README.md"}) {
    const auto text = read_file(example / file);
    REQUIRE(text);
    box.file(file, *text);
  }
  box.ok({"validate"});
  const std::string run = box.start({"serve"});
  CHECK(page_at(address_of(box, run) + "counter.py") == *read_file(example / "counter.py"));
}

TEST_CASE("ports: a run without an application says so") {
  const Sandbox box;
  box.ok({"run", "bash", "-c", "true"});
  const auto output = box.run({"app"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("has no application") != std::string::npos);
}
