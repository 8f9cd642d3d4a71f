// Secrets of jobs: which value a job gets, and what is said of one that is missing. That they are
// nowhere else is in leak_hunt_test.cpp.
#include "support/secrets.hpp"

#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::add_secret;
using dstack::test::Sandbox;

TEST_CASE("the plan says that a value is a secret, and which") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment: [\"URL=https://${{ secrets.api-token }}@host\"]\n"
      "    commands: [\"test \\\"$URL\\\" = https://s3cret-value@host\", \"test $API_TOKEN = "
      "s3cret-value\"]\n");
  add_secret(box, {"api-token"}, "s3cret-value\n");
  const std::string plan = box.ok({"run", "w", "--dry-run"});
  CHECK(plan.find("API_TOKEN=***") != std::string::npos);
  CHECK(plan.find("URL=***") != std::string::npos);
  const Json shown = box.wait(box.start({"w"}));
  CHECK(shown["status"] == "done");
  const Json& environment = shown["workflows"][0]["environment"];
  CHECK(environment["API_TOKEN"].is_null());
  CHECK(environment["URL"].is_null());
}

TEST_CASE(
    "secrets override variables, and the command line overrides secrets; the project's hide the "
    "user's") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment: {A: file, B: file, C: file}\n"
      "    commands: [\"for v in $A $B $C; do echo -n $v | md5sum; done\"]\n");
  box.file(".dstack/variables.yaml", "variables:\n  global: {b: variable}\n");
  const auto digest = [&](const std::string& text) {
    process::Command command;
    command.argv = {"md5sum"};
    return process::run(command, text, std::chrono::seconds(100))->out;
  };
  add_secret(box, {"A"}, "secret-of-the-project");
  add_secret(box, {"--user", "A"}, "secret-of-the-user");
  add_secret(box, {"B"}, "secret-b-b-b");
  add_secret(box, {"C"}, "secret-c-c-c");
  CHECK(box.ok({"run", "w", "-e", "C=said"}) ==
        digest("secret-of-the-project") + digest("secret-b-b-b") + digest("said"));
}

TEST_CASE("a missing secret is reported with its place and the next step, before anything starts") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment:\n"
      "      TOKEN: ${{ secrets.API_TOKEN }}\n"
      "    commands: [\"true\"]\n");
  add_secret(box, {"API_TOKENS"}, "another value");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("there is no secret 'API_TOKEN'") != std::string::npos);
  CHECK(output.err.find("workflows.yaml:5:18") != std::string::npos);
  CHECK(output.err.find("^^^^^^^^^^^^^^^^^") != std::string::npos);
  CHECK(output.err.find("did you mean 'API_TOKENS'?") != std::string::npos);
  CHECK(output.err.find("'dstack secrets add API_TOKEN' adds it") != std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("a secret elsewhere than in environment, registry_auth and headers is an error") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, commands: [\"echo ${{ secrets.TOKEN }}\"]}\n");
  add_secret(box, {"TOKEN"}, "some value");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("the secret 'TOKEN' cannot be used here") != std::string::npos);
  CHECK(output.err.find("every job has this one as the variable TOKEN") != std::string::npos);
}

TEST_CASE("each attempt of a job has the value that the vault has then") {
  Sandbox box;
  const std::string pipe = (box.root() / "pipe").string();
  const std::string seen = (box.root() / "seen").string();
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    retry: 1\n"
      "    commands:\n"
      "      - if mkdir " +
      seen + " 2> /dev/null; then cat " + pipe +
      "; fi\n"
      "      - test $TOKEN = second-value\n");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  add_secret(box, {"TOKEN"}, "first-value");
  const std::string run = box.start({"w"});
  {
    const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(end);
    add_secret(box, {"-f", "TOKEN"}, "second-value");
    box.ok({"secrets", "rotate"});
  }
  const Json shown = box.wait(run);
  CHECK(shown["status"] == "done");
  CHECK(shown["jobs"][0]["attempts"] == 2);
}

TEST_CASE("a secret that is deleted under way fails the job that names it, and no other") {
  Sandbox box;
  const std::string pipe = (box.root() / "pipe").string();
  box.workflows(
      "workflows:\n"
      "  - {name: first, provider: bash, commands: [\"cat " +
      pipe +
      "\"]}\n"
      "  - name: second\n"
      "    provider: bash\n"
      "    depends-on: [first]\n"
      "    commands: [\"test -z \\\"$OTHER\\\"\"]\n"
      "  - name: third\n"
      "    provider: bash\n"
      "    depends-on: [second]\n"
      "    environment: {X: \"${{ secrets.TOKEN }}\"}\n"
      "    commands: [\"true\"]\n");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  add_secret(box, {"TOKEN"}, "some value");
  add_secret(box, {"OTHER"}, "another value");
  const std::string run = box.start({"third"});
  {
    const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(end);
    box.ok({"secrets", "delete", "-y", "TOKEN"});
    box.ok({"secrets", "delete", "-y", "OTHER"});
  }
  box.run({"logs", "-f", run});
  const std::string shown = box.ok({"show", run});
  CHECK(shown.find("secret 'TOKEN' has been deleted since the run began") != std::string::npos);
  CHECK(box.json({"show", run, "--json"})["jobs"][1]["status"] == "done");
  CHECK(box.json({"show", run, "--json"})["jobs"][2]["status"] == "failed");
}

TEST_CASE("nobody may look into the runner of a job with secrets") {
  if (::geteuid() == 0)
    SKIP("root may look into everything");
  Sandbox box;
  const std::string pipe = (box.root() / "pipe").string();
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"cat " + pipe + "\"]}\n");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  add_secret(box, {"TOKEN"}, "some value");
  const std::string run = box.start({"w"});
  const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(end);
  std::size_t seen = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string words = read_kernel_file(entry.path() / "cmdline").value_or("");
    if (words != std::string("dstack\0exec\0", 12) + run + "/0" + '\0')
      continue;
    ++seen;
    CHECK_FALSE(read_kernel_file(entry.path() / "environ"));
    CHECK(::access((entry.path() / "mem").c_str(), R_OK) != 0);
  }
  CHECK(seen == 1);
}
