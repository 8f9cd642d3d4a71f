// The provider `docker` and what the user has set up for Docker: contexts, accounts of registries;
// and what an image brings along: its entrypoint, its processor, or a Dockerfile in the project.
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "engines.hpp"
#include "support/job_log.hpp"
#include "support/wait.hpp"

#include <signal.h>

using namespace dstack;
using dstack::test::EngineBox;
using dstack::test::holds;
using dstack::test::Sandbox;

namespace {

/// What an engine answers to a build of this Dockerfile, with the name of the image.
std::string make_image(const EngineBox& box, const std::string& name, const std::string& lines) {
  const Path folder = box.root() / "image";
  REQUIRE(make_folders(folder));
  REQUIRE(write_file_atomically(folder / "Dockerfile", lines, Durable::no));
  process::Command tar;
  tar.argv = {"tar", "-C", folder.string(), "-cf", "-", "."};
  const auto archive = process::run(tar);
  REQUIRE(archive);
  http::Request request;
  request.method = "POST";
  request.url = "/build?rm=1&t=" + http::encode(name);
  request.headers = {{"Content-Type", "application/x-tar"}};
  request.body = archive->out;
  const auto answer = test::engine_at(box.socket()).send(request);
  REQUIRE(answer);
  return answer->body;
}

/// The registry that only user 'ada' may pull from.
std::string closed_registry() {
  const std::string ports = read_file(Path(DSTACK_ENGINES) / "registry").value_or("");
  REQUIRE(split(trim(ports), ' ').size() == 2);
  return "127.0.0.1:" + std::string(split(trim(ports), ' ')[1]);
}

std::string uniform(std::string text, const std::string& name, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += by.size())
    text.replace(at, name.size(), by);
  return text;
}

/// Of this machine, containers included.
std::vector<pid_t> list_processes_with(const std::string& word) {
  std::vector<pid_t> found;
  boost::system::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error))
    if (const auto line = read_kernel_file(entry->path() / "cmdline"); line && holds(*line, word))
      found.push_back(parse_number<pid_t>(entry->path().filename().string()).value_or(0));
  return found;
}

std::size_t processes_with(const std::string& word) {
  return list_processes_with(word).size();
}

/// The first process of a container, which takes the others along.
void end_processes_with(const std::string& word) {
  for (const pid_t process : list_processes_with(word))
    if (process > 0)
      ::kill(process, SIGKILL);
}

}  // namespace

TEST_CASE("docker: arguments go to the image's entrypoint, commands to a shell in its place") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    make_image(
        box,
        "local/entry:1",
        "FROM local/busybox:1\nENTRYPOINT [\"/bin/echo\", \"the tool got\"]\nCMD [\"nothing\"]\n");
    CHECK(box.ok({"run", "docker", "local/entry:1"}) == "the tool got nothing\n");
    CHECK(box.ok({"run", "docker", "local/entry:1", "a  b", "$HOME"}) ==
          "the tool got a  b $HOME\n");
    box.workflow("    args: [\"--version\"]\n", "local/entry:1");
    CHECK(box.ok({"run", "w"}) == "the tool got --version\n");
    CHECK(box.ok({"run", "w", "--", "more"}) == "the tool got --version more\n");
    box.workflow("    setup: [\"echo first\"]\n    args: x\n", "local/entry:1");
    CHECK(box.ok({"run", "w"}) == "first\nthe tool got x\n");
    box.workflow("    commands: [\"echo alone $1\"]\n    args: x\n", "local/entry:1");
    CHECK(box.ok({"run", "w"}) == "alone x\n");
    box.workflow("    entrypoint: /bin/echo other\n    args: x\n", "local/entry:1");
    CHECK(box.ok({"run", "w"}) == "other x\n");
  }
}

TEST_CASE("docker: the engine of the context that is in use runs the job") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    Sandbox box;
    const std::string meta = "config/contexts/meta/" + sha256("mine").render() + "/meta.json";
    box.file(meta,
             render_json({{"Name", "mine"},
                          {"Endpoints", {{"docker", {{"Host", "unix://" + engine.socket}}}}}}));
    box.file("config/config.json", R"({"currentContext": "mine"})");
    box.set("DOCKER_CONFIG=" + (box.project() / "config").string());
    CHECK(box.ok({"run", "docker", "local/busybox:1", "echo", "hi"}) == "hi\n");
    CHECK(holds(box.run({"doctor"}).out, engine.socket));
    box.file(meta, R"({"Endpoints": {"docker": {"Host": "unix:///nowhere/mine.sock"}}})");
    const auto output = box.run({"run", "docker", "local/busybox:1"});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, "'/nowhere/mine.sock', which Docker's context 'mine' names"));
  }
}

TEST_CASE("docker: what names the engine reaches the jobs that call it themselves") {
  Sandbox box;
  box.set("DOCKER_HOST=unix:///some/engine.sock");
  box.set("DOCKER_CONTEXT=mine");
  box.set("DOCKER_CONFIG=/some/config");
  box.set("CONTAINER_HOST=unix:///other.sock");
  box.set("XDG_RUNTIME_DIR=/run/some");
  CHECK(box.ok({"run",
                "bash",
                "-c",
                "echo $DOCKER_HOST $DOCKER_CONTEXT $DOCKER_CONFIG $CONTAINER_HOST "
                "$XDG_RUNTIME_DIR"}) ==
        "unix:///some/engine.sock mine /some/config unix:///other.sock /run/some\n");
  CHECK(box.ok({"run", "bash", "-e", "DOCKER_HOST=mine", "-c", "echo $DOCKER_HOST"}) == "mine\n");
}

TEST_CASE("docker: an image is pulled with the account of 'docker login', which is never shown") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    EngineBox box(engine);
    const std::string registry = closed_registry();
    const auto image = [&] { return registry + "/tool:" + random_hex(6); };
    const std::string config = (box.root() / "config").string();
    REQUIRE(make_folders(config));
    box.set("DOCKER_CONFIG=" + config);
    // ada:s3cret pass
    const std::string auth = R"({"auth": "YWRhOnMzY3JldCBwYXNz"})";
    const auto write = [&](const std::string& text) {
      REQUIRE(write_file_atomically(config + "/config.json", text, Durable::no));
    };
    auto output = box.run({"run", "docker", image()});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, " login " + registry + "'"));
    write(R"({"auths": {")" + registry + R"(": )" + auth + "}}");
    output = box.run({"run", "docker", image()});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(holds(output.out, "from the registry\n"));
    CHECK_FALSE(holds(output.out + output.err, "s3cret"));
    CHECK_FALSE(holds(box.ok({"show", "--json"}), "s3cret"));
    // A helper is a program in PATH.
    const std::string helper = config + "/docker-credential-tests";
    REQUIRE(write_file_atomically(
        helper,
        "#!/bin/sh\necho '{\"Username\":\"ada\",\"Secret\":\"s3cret pass\"}'\n",
        Durable::no,
        0755));
    write(R"({"credHelpers": {")" + registry + R"(": "tests"}})");
    box.set("PATH=" + config + ":" + std::getenv("PATH"));
    output = box.run({"run", "docker", image()});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK_FALSE(holds(output.out + output.err, "s3cret"));
    // An account that the registry does not take is named, with its file.
    write(R"({"auths": {")" + registry + R"(": {"username": "bob", "password": "s3cret"}}})");
    output = box.run({"run", "docker", image()});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, "to user 'bob'"));
    CHECK(holds(output.err, config + "/config.json"));
    CHECK_FALSE(holds(output.out + output.err, "s3cret"));
  }
}

TEST_CASE("docker: a program of another processor is called that, with what to do") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    // An image that says it is for another processor, and whose shell is: a file that begins as
    // such a program does.
    const std::string header =
        "\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\363\\000";
    box.workflow(
        "    commands: [\"printf '" + uniform(header, "\\", "\\\\") +
        "' > sh\", \"head -c 1000 /dev/zero >> sh\", \"chmod +x sh\"]\n    artifacts: [sh]\n");
    box.ok({"run", "w"});
    const Path folder = box.root() / "other";
    box.ok({"artifacts", "download", box.last_run(), "-o", folder.string()});
    process::Command make;
    make.argv = {"tar", "-C", folder.string(), "-cf", "-", "."};
    const auto archive = process::run(make);
    REQUIRE(archive);
    http::Request request;
    request.method = "POST";
    request.url = "/images/create?fromSrc=-&repo=local/other&tag=1&platform=linux%2Friscv64";
    request.headers = {{"Content-Type", "application/x-tar"}};
    request.body = archive->out;
    auto answer = test::engine_at(engine.socket).send(request);
    REQUIRE(answer);
    INFO(answer->body);
    REQUIRE(answer->status == 200);
    const std::size_t id = answer->body.rfind("sha256:");
    request.url = "/images/" + answer->body.substr(id, 71) + "/tag?repo=local/other&tag=1";
    request.headers = {};
    request.body = {};
    answer = test::engine_at(engine.socket).send(request);
    REQUIRE(answer);
    REQUIRE(answer->status == 201);
    const auto output = box.run({"run", "docker", "local/other:1", "/sh"});
    CHECK(Sandbox::code(output) == 125);
    INFO(output.err);
    CHECK(holds(output.err, "exec format error"));
    CHECK(holds(output.err, "processor"));
  }
}

TEST_CASE("docker: 'build' makes the image of a Dockerfile of the project, once for its content") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    const std::string mark = random_hex(6);
    box.file("image/Dockerfile",
             "FROM local/busybox:1 AS base\nARG WHO=nobody\nCOPY . /code\n"
             "RUN echo hello $WHO > /hello\nENTRYPOINT [\"cat\"]\nFROM base AS last\nRUN echo last "
             "> /last\n");
    box.file("image/.dockerignore", "# large files\n*.bin\n");
    box.file("image/sub/data.txt", mark + "\n");
    box.file("image/large.bin", "x");
    const auto write = [&](const std::string& build) {
      box.workflows("workflows:\n  - {name: w, provider: docker, build: " + build +
                    ", args: [/hello, /code/sub/data.txt]}\n");
    };
    write("{context: image, args: {WHO: ada}, target: base}");
    std::string out = box.ok({"run", "w"});
    CHECK(holds(out, "dstack: building the image of 'image/Dockerfile'"));
    CHECK(holds(out, "dstack: built image 'dstack-build:"));
    CHECK(holds(out, "hello ada\n" + mark + "\n"));
    CHECK(box.ok({"run", "w"}) == "hello ada\n" + mark + "\n");
    // What .dockerignore names is not in it, and a workflow that changes is no other image.
    CHECK(Sandbox::code(box.run({"run", "w", "--", "/code/large.bin"})) == 1);
    // Another content, argument or stage is another image.
    box.file("image/sub/data.txt", "changed " + mark + "\n");
    CHECK(holds(box.ok({"run", "w"}), "hello ada\nchanged " + mark + "\n"));
    write("image");
    out = box.ok({"run", "w", "--", "/last"});
    CHECK(holds(out, "dstack: built image"));
    CHECK(holds(out, "hello nobody\nchanged " + mark + "\nlast\n"));
    // On the command line it takes the place of the image, and all arguments are the container's.
    CHECK(box.ok({"run", "docker", "--build", "image", "/hello"}) == "hello nobody\n");
    box.workflow("    args: [/last]\n", "no/such:image");
    CHECK(box.ok({"run", "w", "--build", "image"}) == "last\n");
    write("{dockerfile: image/Dockerfile, target: base}");
    CHECK(box.run({"run", "w", "--", "/code/image/large.bin"}).out.ends_with("\nx"));
  }
}

TEST_CASE("docker: a build that fails is a job that could not start, with the engine's words") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.file("Dockerfile", "FROM local/busybox:1\nRUN echo so far && exit 7\n");
    const auto output = box.run({"run", "docker", "--build", "."});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.out, "so far\n"));
    CHECK(holds(output.err, "the image of 'Dockerfile' cannot be built: "));
    CHECK(box.last_job()["cause"] == "start");
  }
}

TEST_CASE("docker: a build that is stopped has no process left when the command returns") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    const std::string mark = "built-" + random_hex(8);
    box.file("Dockerfile",
             "FROM local/busybox:1\nRUN echo " + mark + " begins; sleep 6000; echo after\n");
    const std::string run(trim(box.ok({"run", "-d", "docker", "--build", "."})));
    test::wait_for_log(box, run, mark + " begins\n");
    REQUIRE(processes_with(mark) > 0);
    box.ok({"stop", run});
    CHECK(box.last_job()["status"] == "stopped");
    const std::string warnings = render_json(box.last_job()["warnings"]);
    CHECK(holds(warnings, "Podman goes on with the step") == (engine.name == "podman"));
    if (engine.name == "podman") {
      end_processes_with(mark);
      continue;
    }
    CHECK(processes_with(mark) == 0);
    const auto left = test::engine_at(box.socket()).ask("GET", "/containers/json?all=1");
    REQUIRE(left);
    CHECK_FALSE(holds(render_json(*left), mark));
  }
}

TEST_CASE("docker: what cannot be built is refused in the file") {
  Sandbox box;
  box.file("sub/app.Dockerfile", "FROM scratch\n");
  box.workflows(R"(workflows:
  - {name: a, provider: docker, build: .}
  - {name: b, provider: docker, build: {context: sub, dockerfile: ap.Dockerfile}}
  - {name: c, provider: docker, build: sub, image: x}
  - {name: f, provider: docker, build: sub/app.Dockerfile}
  - {name: d, provider: docker}
  - {name: e, provider: docker, image: x, platform: arm}
)");
  const std::string err = box.run({"validate"}).err;
  CHECK(holds(err, "there is no file 'Dockerfile'"));
  CHECK(holds(err, "there is no file 'sub/ap.Dockerfile'"));
  CHECK(holds(err, "did you mean 'sub/app.Dockerfile'?"));
  CHECK(holds(err, "'sub/app.Dockerfile' is a file; 'build' is the folder"));
  CHECK(holds(err, "'image' and 'build', which exclude each other"));
  CHECK(holds(box.run({"run", "docker", "-v", "/data", "busybox"}).err,
              "'/data' is a path, and not the name of an image"));
  CHECK(holds(err, "workflow 'd' lacks 'image' or 'build'"));
  CHECK(holds(err, "'arm' is not a platform"));
  box.workflows(
      "workflows:\n  - {name: a, provider: docker, build: {context: sub, dockerfile: "
      "app.Dockerfile, args: {KEY: \"${{ secrets.KEY }}\"}}}\n");
  REQUIRE(process::run(
      box.command({"secrets", "add", "KEY"}), std::string("hush-hush"), std::chrono::seconds(100)));
  CHECK(holds(box.run({"run", "a"}).err, "the secret 'KEY' cannot be used here"));
}
