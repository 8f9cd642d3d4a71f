// The provider `docker` with real engines: what runs, and what it finds. Each case runs with Docker
// and with Podman.
#include "dstack/base/text.hpp"
#include "engines.hpp"
#include "support/wait.hpp"

using namespace dstack;
using dstack::test::containers_of;
using dstack::test::EngineBox;
using dstack::test::holds;
using dstack::test::Sandbox;
using dstack::test::wait_for_log;

TEST_CASE("docker: an engine of Docker is available") {
  if (!fs::exists(Path(DSTACK_ENGINES) / "docker/docker.sock"))
    SKIP(test::why_no_engine("docker"));
  CHECK_FALSE(test::engine_at(std::string(DSTACK_ENGINES) + "/docker/docker.sock").is_podman());
}

TEST_CASE("docker: an engine of Podman is available") {
  if (!fs::exists(Path(DSTACK_ENGINES) / "podman/podman.sock"))
    SKIP(test::why_no_engine("podman"));
  CHECK(test::engine_at(std::string(DSTACK_ENGINES) + "/podman/podman.sock").is_podman());
}

TEST_CASE("docker: without commands the image's own command runs, and the container is removed") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    CHECK(box.ok({"run", "docker", "local/busybox:1"}) == "the own entry of the image\n");
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: secrets are variables of the job, and invisible to the engine") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(
        "    environment: {THIRD: \"<${{ secrets.FIRST }}>\"}\n"
        "    commands: ['test \"$THIRD\" = \"<$FIRST>\"', 'echo ${#FIRST} ${#SECOND} \"$SECOND\"', "
        "'sleep 300']\n");
    for (const char* name : {"FIRST", "SECOND"})
      REQUIRE(process::run(box.command({"secrets", "add", name}),
                           "hush \"" + std::string(name) + "\"\nand more",
                           std::chrono::seconds(100)));
    const std::string run = box.start({"w"});
    test::wait_for_log(box, run, "21 22 ***\n");
    const Json containers = test::containers_of(engine.socket, run);
    REQUIRE(containers.size() == 1);
    const auto description =
        test::engine_at(engine.socket)
            .ask("GET", "/containers/" + json_string(containers[0], "Id") + "/json");
    REQUIRE(description);
    CHECK_FALSE(holds(render_json(*description), "hush"));
    box.ok({"stop", "--abort", "-y", run});
    box.run({"logs", "-f", run});
    CHECK(box.no_container_left());
    for (const auto& entry : fs::recursive_directory_iterator(box.home())) {
      boost::system::error_code error;
      CHECK(entry.symlink_status(error).type() != fs::fifo_file);
    }
  }
}

TEST_CASE("docker: the arguments after the image are one command line") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    CHECK(box.ok({"run", "docker", "local/busybox:1", "echo", "a  b", "$HOME", "*"}) ==
          "a  b $HOME *\n");
  }
}

TEST_CASE(
    "docker: commands share one shell after the set-up, and the first that fails ends the job") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow("    setup: [\"X=5\"]\n    commands: [\"echo $X\", \"false\", \"echo 2\"]\n");
    const auto output = box.run({"run", "w"});
    CHECK(Sandbox::code(output) == 1);
    CHECK(output.out == "5\n");
  }
}

TEST_CASE("docker: arguments after '--' are what the commands find in \"$@\"") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow("    commands: ['for x in \"$@\"; do echo \"[$x]\"; done']\n");
    CHECK(box.ok({"run", "w", "--", "a b", "c"}) == "[a b]\n[c]\n");
  }
}

TEST_CASE("docker: an entrypoint replaces the image's, and gets the commands") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow("    entrypoint: [awk, 'BEGIN { print \"a b\" }']\n");
    CHECK(box.ok({"run", "w"}) == "a b\n");
    box.workflow("    entrypoint: awk\n    commands: ['BEGIN { print 6 * 7 }']\n");
    CHECK(box.ok({"run", "w"}) == "42\n");
    box.workflow("    entrypoint: echo 'x y'\n    args: [z]\n    setup: [\"echo first\"]\n");
    CHECK(box.ok({"run", "w"}) == "first\nx y z\n");
  }
}

TEST_CASE("docker: a script longer than one argument may be still runs") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    std::string lines = "    commands:\n";
    for (int i = 0; i < 4000; ++i)
      lines += "      - 'true " + std::string(40, 'x') + "'\n";
    box.workflow(lines + "      - echo end\n");
    CHECK(box.ok({"run", "w"}) == "end\n");
  }
}

TEST_CASE("docker: the log holds every byte of both outputs, in the order of writing") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    std::string expected("\0\xff\x1b[1m\r\n", 8);
    for (int i = 0; i < 300; ++i)
      expected += "out\nerr\n";
    expected += std::string(16 * 1024 * 1024, 'x') + "no end";
    box.workflow(R"(    commands:
      - "printf '\\000\\377\\033[1m\\r\\n'"
      - 'for i in $(seq 300); do echo out; echo err >&2; done'
      - "head -c 16777216 /dev/zero | tr '\\000' x"
      - printf 'no end'
)");
    const std::string out = box.ok({"run", "w"});
    CHECK(out.size() == expected.size());
    CHECK((out == expected));
  }
}

TEST_CASE("docker: cpu, memory and shm_size are the container's limits") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(R"(    commands:
      - df -k /dev/shm | tail -n 1 | awk '{ print $2 }'
      - cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true
      - cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null || true
    resources: {cpu: 1, memory: 128MiB, shm_size: 32MiB}
)");
    const std::string out = box.ok({"run", "w"});
    const auto lines = split(out, '\n');
    REQUIRE(lines.size() >= 3);
    CHECK(lines[0] == "32768");
    CHECK(lines[1] == "134217728");
    CHECK(lines[2].substr(0, 6) == "100000");
  }
}

TEST_CASE("docker: the usage of a container's processes is recorded") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflow(R"(    commands:
      - head -c 60000000 /dev/zero | tail -c 60000000 | wc -c
      - dd if=/dev/zero of=file bs=1M count=8 conv=fsync 2>/dev/null
      - test -r /sys/fs/cgroup/memory.peak -o -r /sys/fs/cgroup/memory/memory.max_usage_in_bytes && echo counted || true
)");
    const bool counted = box.ok({"run", "w"}).find("counted") != std::string::npos;
    const Json usage = box.last_job()["usage"];
    CHECK(usage["largest_process"].get<std::int64_t>() > 50'000'000);
    CHECK(usage["cpu_seconds"].get<double>() > 0);
    CHECK(usage["bytes_written"].get<std::int64_t>() >= 8 * 1024 * 1024);
    CHECK(usage["peak_memory"].is_number() == counted);
    if (counted)
      CHECK(usage["peak_memory"].get<std::int64_t>() > 50'000'000);
    CHECK_THAT(box.ok({"show"}), Catch::Contains(" of CPU, "));
  }
}

TEST_CASE("docker: inputs are laid out, artifacts are saved, both from the working directory") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.file("sub/code.txt", "code\n");
    box.workflows(R"(workflows:
  - {name: first, provider: bash, commands: ["mkdir data", "echo data > data/x"], artifacts: [data]}
  - name: second
    provider: docker
    image: local/busybox:1
    depends-on: [first]
    working_dir: sub
    commands: ["pwd", "cat code.txt ../data/x", "mkdir out", "cp ../data/x out/y"]
    artifacts: [out]
  - {name: third, provider: bash, depends-on: [second], commands: ["cat sub/out/y"]}
)");
    const auto output = box.run({"run", "third"});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(holds(box.run({"logs", box.last_run(), "second"}).out, "/workflow/sub\ncode\ndata\n"));
  }
}

TEST_CASE(
    "docker: a container has its image's environment and the job's, and nothing of the caller's") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    EngineBox box(engine);
    box.set("PATH=" + std::string(::getenv("PATH")) + ":/of/the/caller");
    box.set("LANG=xx_YY.UTF-8");
    box.file(".dstack/variables.yaml", "variables:\n  w: {batch-size: 64}\n");
    box.workflow("    environment: {A: \"1 2\"}\n    commands: [env]\n");
    const std::string out = box.ok({"run", "w", "-e", "B=3"});
    for (const std::string line :
         {"A=1 2\n", "B=3\n", "BATCH_SIZE=64\n", "HOME=/root\n", "JOB_ID="})
      CHECK(holds(out, line));
    CHECK_FALSE(holds(out, "/of/the/caller"));
    CHECK_FALSE(holds(out, "xx_YY"));
    CHECK_FALSE(holds(box.ok({"run", "w", "--dry-run"}), "/of/the/caller"));
  }
}

TEST_CASE("docker: a missing engine is reported at once, with the addresses that were tried") {
  Sandbox box;
  box.set("DOCKER_HOST=unix:///nowhere/engine.sock");
  const auto output = box.run({"run", "docker", "busybox"});
  CHECK(Sandbox::code(output) == 125);
  CHECK(holds(output.err, "no container engine answers"));
  CHECK(holds(output.err, "/nowhere/engine.sock"));
  Sandbox other;
  other.set("DOCKER_HOST=ssh://somewhere");
  CHECK(holds(other.run({"run", "docker", "busybox"}).err, "DOCKER_HOST is 'ssh://somewhere'"));
}

TEST_CASE("docker: a program that the image does not have is a job that could not start") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    const auto output =
        box.run({"run", "docker", "--entrypoint", "/no/program", "local/busybox:1"});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, "there is no program '/no/program' in image 'local/busybox:1'"));
    CHECK(box.last_job()["cause"] == "start");
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: invalid 'registry_auth' and 'ports' are refused in the file") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: a, provider: docker, image: x, registry_auth: {username: u}}
  - {name: b, provider: docker, image: x, registry_auth: {username: u, password: p, token: t}}
  - {name: c, provider: docker, image: x, ports: 8080}
  - {name: d, provider: docker, image: "x y"}
)");
  const std::string err = box.run({"validate"}).err;
  CHECK(holds(err, "needs both a 'username' and a 'password'"));
  CHECK(holds(err, "'token' is not a part of 'registry_auth'"));
  CHECK(holds(err, "must be at most 100, not '8080'"));
  CHECK(holds(err, "'ports' is how many ports the job gets"));
  CHECK(holds(err, "'x y' cannot be the name of an image"));
}

TEST_CASE("docker: the example of the documentation runs as it is written") {
  const Path example = Path(DSTACK_SOURCE_DIR) / "docs/examples/docker";
  const std::string yaml = read_file(example / ".dstack/workflows.yaml").value_or("");
  const std::string page =
      read_file(Path(DSTACK_SOURCE_DIR) / "docs/providers/docker.md").value_or("");
  REQUIRE_FALSE(yaml.empty());
  CHECK(holds(page, "```yaml\n" + yaml + "```\n"));
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.workflows(yaml);
    box.file("poem.txt", read_file(example / "poem.txt").value_or(""));
    CHECK(box.ok({"run", "count"}) == "      4 rose\n");

    const std::string run = box.start({"serve"});
    wait_for_log(box, run, "open http://", 1);
    const std::string log = box.run({"logs", run, "serve"}).out;
    http::Request request;
    request.url =
        log.substr(log.find("http://"), log.find('\n', log.find("http://")) - log.find("http://"));
    std::string got;
    test::wait_until([&] {
      if (test::has_ended(box, run, 1))
        FAIL("it does not serve: " << test::job_log(box, run, 1));
      if (const auto answer = http::send(request); answer && answer->status == 200)
        got = answer->body;
      return !got.empty();
    });
    CHECK(holds(got, "4 rose\n"));
    box.ok({"stop", run, "-y"});
    CHECK(box.wait(run)["status"] == "stopped");
    CHECK(containers_of(engine.socket, run).empty());
  }
}

TEST_CASE("docker: inputs are in the workspace, linked ones are mounted read-only") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    const Path lent = box.root() / "lent";
    REQUIRE(make_folders(lent));
    REQUIRE(write_file_atomically(lent / "1", "one\n", Durable::no));
    box.file("data/x", "x\n");
    box.workflow("    inputs: [{path: data/x, at: in/x}, {path: " + lent.string() +
                 ", at: in/lent, link: true}, {path: " + (lent / "1").string() +
                 ", at: one, link: true}]\n"
                 "    commands: [cat in/x in/lent/1 one, 'echo two > in/lent/1 || echo kept']\n");
    const auto output = box.run({"run", "w"});
    INFO(output.err);
    CHECK(holds(output.out, "x\none\none\n"));
    CHECK(holds(output.out, "kept"));
    CHECK(*read_file(lent / "1") == "one\n");
    CHECK(box.no_container_left());
  }
}

TEST_CASE("docker: variables of a file are in the job, and invisible to the engine") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.file(".env", "KEY=hush-hush-12345\n");
    box.workflow("    env_file: .env\n    commands: ['echo ${#KEY} $KEY', 'sleep 300']\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "15 ***\n");
    const Json containers = containers_of(engine.socket, run);
    REQUIRE(containers.size() == 1);
    const auto description =
        test::engine_at(engine.socket)
            .ask("GET", "/containers/" + json_string(containers[0], "Id") + "/json");
    REQUIRE(description);
    CHECK_FALSE(holds(render_json(*description), "hush"));
    box.ok({"stop", "--abort", "-y", run});
    box.run({"logs", "-f", run});
  }
}
