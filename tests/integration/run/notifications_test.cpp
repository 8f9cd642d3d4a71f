// The end of a run, reported to commands and to an HTTP server: by real processes, some of which
// are killed.
#include "notified_runs.hpp"
#include "support/catch.hpp"
#include "support/documentation.hpp"

#include <set>

#include <poll.h>

using namespace dstack;
using namespace dstack::test;

TEST_CASE("a command and a webhook get what show prints of the run") {
  Told box;
  box.on_end(
      "  - command: cat > body.json; echo \"$DSTACK_RUN $DSTACK_STATUS $DSTACK_NOTIFICATION\" > "
      "words; echo \"$DSTACK_PROJECT $DSTACK_HOME\" > folders\n" +
      box.webhook("/well") + "\n");
  const auto output = box.run({"run", "badly"});
  CHECK(Sandbox::code(output) == 3);
  const std::string name = box.last_run();

  const Json records = box.settled(name);

  REQUIRE(records.size() == 2);
  for (const Json& one : records) {
    CHECK(one["status"] == "delivered");
    CHECK(one["attempts"] == 1);
    CHECK(one["reason"].is_null());
  }
  const Json shown = without_notifications(box.show(name));
  CHECK(shown["status"] == "failed");
  CHECK(without_notifications(*parse_json(box.written("body.json"), "what a command got")) ==
        shown);
  CHECK(box.written("words") == name + " failed " + records[0]["id"].get<std::string>() + "\n");
  CHECK(box.written("folders") ==
        fs::canonical(box.project()).string() + " " + box.home().string() + "\n");
  const auto requests = box.server.requests();
  REQUIRE(requests.size() == 1);
  CHECK(without_notifications(*parse_json(requests[0]["body"].get<std::string>(), "a body")) ==
        shown);
  CHECK(requests[0]["headers"]["content-type"] == "application/json");
  CHECK(requests[0]["headers"]["idempotency-key"] == records[1]["id"]);
  CHECK(holds(box.ok({"show", name}), "webhook http://" + box.server.host() + ": delivered"));
}

TEST_CASE("the notification of a run that is tagged on success has its tag") {
  Told box;
  box.on_end("  - command: cat > body.json\n");
  box.ok({"run", "well", "-t", "best"});
  CHECK(box.settled(box.last_run()).size() == 1);
  const auto body = parse_json(box.written("body.json"), "what a command got");
  REQUIRE(body);
  CHECK((*body)["workflows"][0]["tags"] == Json({"best"}));
}

TEST_CASE("the example of a chat in the documentation does what it says") {
  if (std::system("curl --version > /dev/null 2>&1") != 0)
    SKIP("curl is not installed");
  Told box;
  box.set("no_proxy=127.0.0.1");
  const auto examples = blocks(source("docs/reference/notifications.md"), "yaml");
  REQUIRE(examples.size() == 2);
  REQUIRE(write_file_atomically(box.home() / "config.yaml", examples[1], Durable::no));
  REQUIRE(write_file_atomically(box.home() / "chat-url", box.server.url("/well"), Durable::no));

  const Json records = box.settled_run("badly");

  CHECK(records[0]["status"] == "delivered");
  const auto requests = box.server.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0]["body"] == "{\"text\": \"" + box.last_run() + " failed\"}");
}

TEST_CASE("a server that fails twice is notified by the third attempt, with the same key") {
  Told box;
  box.on_end(box.webhook("/well-at-third") + "\n");

  const Json records = box.settled_run("well");

  CHECK(records[0]["status"] == "delivered");
  CHECK(records[0]["attempts"] == 3);
  std::set<std::string> keys;
  for (const Json& request : box.server.requests())
    keys.insert(request["headers"]["idempotency-key"].get<std::string>());
  CHECK(box.server.requests().size() == 3);
  CHECK(keys.size() == 1);
}

TEST_CASE("what another attempt may fix is retried as often as configured, and the rest never") {
  Told box;
  box.on_end(box.webhook("/status/429") + "\n    retry: 1\n" + box.webhook("/status/404") + "\n" +
             box.webhook("/status/302") + "\n  - webhook: http://127.0.0.1:1\n    retry: 2\n" +
             "  - command: [/no/such/program]\n" +
             "  - command: echo first; echo >&2 'no such channel'; exit 5\n    retry: 0\n");

  const Json records = box.settled_run("well");

  const auto is = [&](std::size_t number, int attempts, const std::string& reason) {
    INFO(records[number].dump());
    CHECK(records[number]["status"] == "failed");
    CHECK(records[number]["attempts"] == attempts);
    CHECK(holds(records[number]["reason"].get<std::string>(), reason));
  };
  is(0, 2, "HTTP 429: words of the server");
  is(1, 1, "HTTP 404: words of the server");
  is(2, 1, "HTTP 302: redirects are not followed");
  is(3, 3, "the address cannot be reached: Connection refused");
  is(4, 1, "cannot start '/no/such/program': No such file or directory");
  is(5, 1, "exit code 5: no such channel");
  CHECK(box.server.requests().size() == 4);
  CHECK(holds(box.ok({"show"}), "failed after 2 attempts: HTTP 429"));
  const std::string found = box.run({"doctor"}).out;
  for (const Json& each : records)
    CHECK(holds(found, "was not reported to " + each["receiver"].get<std::string>() + ": "));
}

TEST_CASE("nobody waits for a server that never answers: neither the run nor other receivers") {
  Told box;
  box.on_end(box.webhook("/silent") + "\n    timeout: 1h\n    retry: 0\n  - command: cat > body\n");

  CHECK(Sandbox::code(box.run({"run", "badly"})) == 3);

  const std::string name = box.last_run();
  wait_until([&] { return box.show(name)["notifications"][1]["status"] == "delivered"; });
  CHECK(box.show(name)["notifications"][0]["status"] == "waiting");
  CHECK(box.show(name)["notifications"][0]["attempts"] == 0);
  CHECK(holds(box.ok({"show", name}), ": being delivered"));
  CHECK(Sandbox::code(box.run({"run", "well"})) == 0);  // nor other runs
  box.forget(box.last_run());
  box.forget(name);
}

TEST_CASE("a server that answers too late is given up at the timeout") {
  Told box;
  box.on_end(box.webhook("/silent") + "\n    timeout: 1s\n    retry: 1\n");
  const Json records = box.settled_run("well");
  CHECK(records[0]["status"] == "failed");
  CHECK(records[0]["attempts"] == 2);
  CHECK(holds(records[0]["reason"].get<std::string>(), "did not answer in time"));
}

TEST_CASE("a command that hangs is ended with everything that it started") {
  Told box;
  box.on_end(
      "  - command: setsid sleep 1003 & sleep 1004 & echo up > up; sleep 1005\n    timeout: 1s\n"
      "    retry: 0\n");
  const Json records = box.settled_run("well");
  CHECK(records[0]["status"] == "failed");
  CHECK(records[0]["reason"] == "it did not end within 1.0s");
  CHECK(box.written("up") == "up\n");
  CHECK(processes_of(records[0]).empty());
}

TEST_CASE("a command has ended when it has, whatever it started") {
  Told box;
  box.on_end("  - command: sleep 1006 & yes &\n    timeout: 1h\n");
  const Json records = box.settled_run("well");
  CHECK(records[0]["status"] == "delivered");
  for (const pid_t pid : processes_of(records[0]))
    ::kill(pid, SIGKILL);
}

TEST_CASE("a supervisor that is killed during a delivery is followed by one that repeats it") {
  Told box;
  box.on_end(box.webhook("/silent-at-first") +
             "\n    retry: 0\n    timeout: 1h\n"
             "  - command: echo $DSTACK_NOTIFICATION >> ids; test $(wc -l < ids) -gt 1 || sleep "
             "1007\n    retry: 0\n    timeout: 1h\n");
  box.run({"run", "well"});
  const std::string name = box.last_run();
  wait_until([&] { return box.server.requests().size() == 1 && !box.written("ids").empty(); });

  box.kill_supervisor(name);

  const Json records = box.settled(name);  // each look at runs brings the supervisor back
  CHECK(records[0]["status"] == "delivered");
  CHECK(records[0]["attempts"] == 1);
  CHECK(records[1]["status"] == "delivered");
  const auto requests = box.server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0]["headers"]["idempotency-key"] == requests[1]["headers"]["idempotency-key"]);
  const std::string line = records[1]["id"].get<std::string>() + "\n";
  CHECK(box.written("ids") == line + line);
  CHECK(processes_of(records[1]).empty());
}

TEST_CASE("attempts go on and are counted on when a supervisor is killed between two of them") {
  Told box("1s");
  box.on_end(box.webhook("/well-at-third") + "\n");
  box.run({"run", "well"});
  const std::string name = box.last_run();
  wait_until([&] { return box.show(name)["notifications"][0]["attempts"] == 1; });

  box.kill_supervisor(name);

  const Json records = box.settled(name);
  CHECK(records[0]["status"] == "delivered");
  CHECK(records[0]["attempts"] == 3);
  for (const Json& request : box.server.requests())
    CHECK(request["headers"]["idempotency-key"] == records[0]["id"]);
}

TEST_CASE("a supervisor that is killed at any moment loses no notification") {
  Told box;
  box.on_end(box.webhook("/well") + "\n  - command: cat >> body\n");
  std::set<std::string> keys;
  constexpr int times = 30;
  for (int i = 0; i < times; ++i) {
    const std::string name = box.start({"well"});
    let_pass(std::chrono::milliseconds(i * 4));
    box.kill_supervisor(name);
    const Json records = box.settled(name);
    REQUIRE(records.size() == 2);
    for (const Json& one : records)
      CHECK(one["status"] == "delivered");
    keys.insert(records[0]["id"].get<std::string>());
  }
  std::set<std::string> seen;
  for (const Json& request : box.server.requests())
    seen.insert(request["headers"]["idempotency-key"].get<std::string>());
  CHECK(keys.size() == times);
  CHECK(seen == keys);
}

TEST_CASE(
    "a run that is stopped, aborted or lost is reported, and each receiver chooses its ends") {
  Told box;
  box.on_end(
      "  - command: echo $DSTACK_STATUS >> all\n  - command: echo $DSTACK_STATUS >> some\n"
      "    when: [failed, aborted]\n");
  std::string name = box.start_long();
  box.ok({"stop", name});
  CHECK(box.settled(name).size() == 1);
  name = box.start_long();
  box.ok({"stop", "-x", name});
  CHECK(box.settled(name).size() == 2);
  name = box.start_long();
  const auto runner = process::parse_identity(box.written("runs/" + name + "/0/wrapper"));
  REQUIRE(runner);
  ::kill(runner->pid, SIGKILL);
  CHECK(box.settled(name).size() == 2);
  CHECK(box.show(name)["jobs"][0]["cause"] == "lost");
  CHECK(box.settled_run("well").size() == 1);
  CHECK(box.written("all") == "stopped\naborted\nfailed\ndone\n");
  CHECK(box.written("some") == "aborted\nfailed\n");
}

TEST_CASE("a run that was refused, and one without receivers, send nothing") {
  Told box;
  box.on_end("  - command: touch ran\n");
  CHECK(holds(box.refused({"run", "wel"}, 2), "'wel'"));
  CHECK(box.json({"ps", "-a", "--json"}).empty());
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "", Durable::no));
  CHECK(box.settled_run("well").empty());
  CHECK_FALSE(fs::exists(box.home() / "ran"));
}

TEST_CASE("a run that is removed between two attempts is not reported any more") {
  Told box("5s");
  box.on_end(box.webhook("/status/500") + "\n");
  box.run({"run", "well"});
  const std::string name = box.last_run();
  wait_until([&] { return box.show(name)["notifications"][0]["attempts"] == 1; });
  CHECK(holds(box.ok({"show", name}),
              "attempt 1 failed: HTTP 500: words of the server; next attempt at "));
  const Fd supervisor = box.supervisor(name);

  box.ok({"rm", "-y", name});

  pollfd polled{supervisor.get(), POLLIN, 0};
  if (supervisor)
    REQUIRE(::poll(&polled, 1, -1) == 1);
  CHECK(box.server.requests().size() == 1);
}

TEST_CASE("a server that asks for time is given it") {
  Told box;
  box.on_end(box.webhook("/busy") + "\n");
  const Json records = box.settled_run("well");
  CHECK(records[0]["status"] == "delivered");
  CHECK(records[0]["attempts"] == 2);
}
