// Secrets of webhooks: they reach the server, and nobody else.
#include "dstack/base/text.hpp"
#include "notified_runs.hpp"
#include "support/catch.hpp"
#include "support/secrets.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

void check_nowhere(const Told& box, const std::vector<std::string>& values) {
  for (const auto& entry : fs::recursive_directory_iterator(box.home())) {
    boost::system::error_code error;
    if (entry.symlink_status(error).type() != fs::regular_file)
      continue;
    const std::string text = read_file(entry.path()).value_or("");
    INFO(entry.path().string());
    for (const std::string& value : values)
      CHECK_FALSE(holds(text, value));
  }
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (!parse_number<int>(entry.path().filename().string()))
      continue;
    const std::string words = read_kernel_file(entry.path() / "cmdline").value_or("");
    INFO(words);
    for (const std::string& value : values) {
      CHECK_FALSE(holds(words, value));
      if (words.starts_with("dstack"))
        CHECK_FALSE(holds(read_kernel_file(entry.path() / "environ").value_or(""), value));
    }
  }
}

}  // namespace

TEST_CASE("secrets in an address and its headers reach the server, and are found nowhere") {
  Told box;
  const std::vector<std::string> values = {random_hex(12), random_hex(12)};
  add_secret(box, {"PATH_KEY", "--user"}, values[0]);
  add_secret(box, {"TOKEN", "--user"}, values[1]);
  box.on_end(box.webhook("/silent-at-first/${{ secrets.PATH_KEY }}?key=${{secrets.TOKEN}}") +
             "\n    headers: {Authorization: \"Bearer ${{ secrets.TOKEN }}\"}\n    timeout: 1h\n");
  box.run({"run", "well"});
  const std::string name = box.last_run();
  wait_until([&] { return box.server.requests().size() == 1; });
  check_nowhere(box, values);

  box.kill_supervisor(name);
  const Json records = box.settled(name);

  CHECK(records[0]["status"] == "delivered");
  CHECK(records[0]["receiver"] == "webhook http://" + box.server.host());
  for (const Json& request : box.server.requests()) {
    CHECK(request["path"] == "/silent-at-first/" + values[0] + "?key=" + values[1]);
    CHECK(request["headers"]["authorization"] == "Bearer " + values[1]);
    CHECK_FALSE(holds(request["body"].get<std::string>(), values[0]));
  }
  check_nowhere(box, values);
}

TEST_CASE("a reason shows no secret, wherever it comes from") {
  Told box;
  const std::string token = random_hex(12);
  const std::string path = "a1";  // shorter than what is masked
  add_secret(box, {"TOKEN", "--user"}, token);
  add_secret(box, {"PATH_KEY", "--user"}, path);
  add_secret(box, {"URL", "--user"}, "http://127.0.0.1:1/" + token);
  box.on_end(box.webhook("/echo/${{ secrets.TOKEN }}") +
             "\n    headers: {Authorization: \"Bearer ${{ secrets.TOKEN }}\"}\n" +
             "  - webhook: ${{ secrets.URL }}\n    retry: 0\n" +
             "  - webhook: http://127.0.0.1:1/${{ secrets.PATH_KEY }}\n    retry: 0\n");

  const Json records = box.settled_run("well");

  CHECK(records[0]["reason"] == "HTTP 400: /echo/*** with Bearer ***");
  CHECK(records[1]["reason"] == "the address cannot be reached: Connection refused");
  CHECK(records[2]["reason"] == "the address cannot be reached: Connection refused");
  check_nowhere(box, {token});
}

TEST_CASE("a missing secret keeps a run from starting, and a deleted one is named") {
  Told box;
  box.on_end(box.webhook("/well?${{ secrets.TOKEN }}") + "\n");
  const auto refused = box.run({"run", "well"});
  CHECK(Sandbox::code(refused) == 2);
  CHECK(holds(refused.err, "there is no secret 'TOKEN'"));
  CHECK(box.json({"ps", "-a", "--json"}).empty());

  add_secret(box, {"TOKEN", "--user"}, "something");
  const std::string name = box.start_long();
  box.ok({"secrets", "delete", "-y", "TOKEN", "--user"});
  box.ok({"stop", name});

  const Json records = box.settled(name);
  CHECK(records[0]["status"] == "failed");
  CHECK(records[0]["attempts"] == 1);
  CHECK(holds(records[0]["reason"].get<std::string>(), "secret 'TOKEN' no longer exists"));
  CHECK(box.server.requests().empty());
}

TEST_CASE("a secret of several lines cannot add headers to a request") {
  Told box;
  add_secret(box, {"TOKEN", "--user"}, "one\nX-More: two");
  box.on_end(box.webhook("/well") + "\n    headers: {X-Token: \"${{ secrets.TOKEN }}\"}\n");
  const Json records = box.settled_run("well");
  CHECK(records[0]["status"] == "failed");
  CHECK(records[0]["attempts"] == 1);
  CHECK(
      holds(records[0]["reason"].get<std::string>(), "header 'X-Token' would have several lines"));
  CHECK(box.server.requests().empty());
}
