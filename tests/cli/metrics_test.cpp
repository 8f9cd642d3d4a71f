// What jobs report of themselves, and how it is shown.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// "loss@2=0.5 (1)": the points of the last run, with their attempts.
std::vector<std::string> points(const Sandbox& box, std::vector<std::string> options = {}) {
  options.insert(options.begin(), {"metrics", "--steps", "--json"});
  std::vector<std::string> texts;
  for (const Json& point : box.json(options))
    texts.push_back(fmt::format("{}@{}={} ({})",
                                point["metric"].get<std::string>(),
                                point["step"].get<int>(),
                                render_json(point["value"]),
                                point["attempt"].get<int>()));
  return texts;
}

std::string warnings(const Sandbox& box) {
  return render_json(box.json({"show", box.last_run(), "--json"})["jobs"][0]["warnings"]);
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a job reports metrics as JSON lines, without a key in its workflow") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: train
    provider: bash
    commands:
      - echo '{"step":1,"loss":0.5}' >> $DSTACK_METRICS
      - echo '{"step":2,"loss":0.25,"eval":{"acc":NaN}}' >> $DSTACK_METRICS
  - name: quiet
    provider: bash
    commands: ["true"]
)");
  box.ok({"run", "-q", "train"});
  CHECK(points(box) == Texts{"loss@1=0.5 (1)", "loss@2=0.25 (1)", "eval.acc@2=\"NaN\" (1)"});
  const Json summary = box.json({"metrics", "--json"});
  REQUIRE(summary.size() == 2);
  const Json& acc = summary[0];
  CHECK(acc["metric"] == "eval.acc");
  CHECK(acc["not_finite"] == 1);
  CHECK(acc["min"].is_null());
  CHECK(acc["last"]["value"] == "NaN");
  const Json& loss = summary[1];
  CHECK(loss["workflow"] == "train");
  CHECK(loss["points"] == 2);
  CHECK(loss["min"]["value"] == 0.25);
  CHECK(loss["min"]["step"] == 2);
  CHECK(loss["max"]["value"] == 0.5);
  CHECK_THAT(box.ok({"metrics"}), Catch::Contains("0.25 at 2") && Catch::Contains("█▁"));
  CHECK_THAT(box.ok({"metrics", "-m", "loss", "--steps", "--csv"}),
             Catch::Contains("run,workflow,job,metric,attempt,step,time,value\n") &&
                 Catch::Contains(",train,0,loss,1,2,") && !Catch::Contains("acc"));
  CHECK_THAT(box.ok({"metrics", "--csv"}),
             Catch::Contains(",train,0,loss,2,0,0.25,2,0.25,2,0.5,1\n"));
  CHECK_THAT(
      box.refused({"metrics", "-m", "los"}, 2),
      Catch::Contains("there is no metric 'los'") && Catch::Contains("did you mean 'loss'?"));
  CHECK_THAT(box.refused({"metrics", "--json", "--csv"}, 2),
             Catch::Contains("'--json' and '--csv' cannot be given together"));
  const std::string run = box.last_run();
  const Json shown = box.json({"show", run, "--json"})["jobs"][0]["metrics"];
  REQUIRE(shown.size() == 2);
  CHECK(shown[0]["value"] == "NaN");
  CHECK(shown[1]["metric"] == "loss");
  CHECK(shown[1]["step"] == 2);
  CHECK(shown[1]["value"] == 0.25);
  CHECK_THAT(box.ok({"show", run}), Catch::Contains("eval.acc nan  loss 0.25"));
  box.ok({"run", "-q", "quiet"});
  CHECK_THAT(box.run({"metrics"}).err, Catch::Contains("has reported no metrics"));
  CHECK(box.json({"metrics", "--json"}) == Json::array());
  CHECK_FALSE(fs::exists(box.home() / "runs" / box.last_run() / "0" / "metrics"));
  CHECK(box.json({"metrics", run, "--json"}) == summary);
}

TEST_CASE("metrics are read from the files and the output that the workflow names") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: train
    provider: bash
    working_dir: src
    metrics:
      files: [log.csv, out, missing.json, made-a-pipe]
      log: "epoch {epoch} val {val}"
      best: {val: max}
    commands:
      - printf 'epoch,loss\n1,0.5\n2,oops,7\n3,0.125\n' > log.csv
      - mkdir -p out/version_0 && printf 'step,f1\n10,0.75\n' > out/version_0/metrics.csv
      - echo '{"n":1}' > out/config.json
      - mkfifo made-a-pipe
      - echo "epoch 1 val 0.5"; printf 'epoch 2 val 0.75'
)");
  box.file("src/keep", "");
  box.ok({"run", "-q", "train"});
  CHECK(points(box) == Texts{"loss@1=0.5 (1)",
                             "loss@3=0.125 (1)",
                             "f1@10=0.75 (1)",
                             "val@1=0.5 (1)",
                             "val@2=0.75 (1)"});
  CHECK_THAT(warnings(box),
             Catch::Contains("metrics: log.csv:3: 3 fields, but its header has 2") &&
                 Catch::Contains("metrics: missing.json: the job did not make it") &&
                 Catch::Contains("metrics: made-a-pipe: ") && !Catch::Contains("config.json"));
  CHECK_THAT(box.ok({"run", "train", "--dry-run"}),
             Catch::Contains("metrics of 'log.csv', 'out', 'missing.json' and 'made-a-pipe', of "
                             "output like 'epoch {epoch} val {val}', shows the max of val"));
}

TEST_CASE("metrics are there while the job runs") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: train
    provider: bash
    metrics: [log.jsonl]
    commands:
      - echo '{"step":1,"loss":0.5}' >> log.jsonl
      - echo '{"step":1,"acc":1}' >> $DSTACK_METRICS
      - until test -e "$GO"; do sleep 0.05; done
      - echo '{"step":2,"loss":0.25}' >> log.jsonl
)");
  const std::string go = (box.root() / "go").string();
  const std::string run = box.start({"train", "-e", "GO=" + go});
  const auto has_both = [&] { return box.json({"metrics", run, "--json"}).size() == 2; };
  test::wait_until(has_both);
  CHECK(box.json({"show", run, "--json"})["status"] == "running");
  REQUIRE(write_file_atomically(go, "", Durable::no));
  box.wait(run);
  CHECK(points(box, {"-m", "loss"}) == Texts{"loss@1=0.5 (1)", "loss@2=0.25 (1)"});
}

TEST_CASE("points of a later attempt win from its first step on") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: train
    provider: bash
    retry: 1
    commands:
      - if mkdir "$MARK"; then for i in 1 2 3; do echo "{\"step\":$i,\"loss\":$i}"; done >> $DSTACK_METRICS; exit 1; fi
      - echo '{"step":2,"loss":20}' >> $DSTACK_METRICS
)");
  box.ok({"run", "-q", "train", "-e", "MARK=" + (box.root() / "mark").string()});
  CHECK(points(box) == Texts{"loss@1=1.0 (1)", "loss@2=20.0 (2)"});
  CHECK(points(box, {"--attempts"}) ==
        Texts{"loss@1=1.0 (1)", "loss@2=2.0 (1)", "loss@3=3.0 (1)", "loss@2=20.0 (2)"});
  CHECK(box.json({"metrics", "--json"})[0]["points"] == 2);
}

TEST_CASE("each combination of a sweep has its metrics") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: train
    provider: bash
    matrix: {lr: [0.1, 0.01]}
    commands: ["echo \"{\\\"loss\\\": $LR}\" >> $DSTACK_METRICS"]
)");
  box.ok({"run", "-q", "train"});
  CHECK(points(box) == Texts{"loss@0=0.1 (1)", "loss@0=0.01 (1)"});
  CHECK(points(box, {box.last_run() + "/lr=0.01"}) == Texts{"loss@0=0.01 (1)"});
  CHECK_THAT(box.ok({"metrics"}), Catch::Contains("train/lr=0.01"));
}

TEST_CASE("a name that holds a secret is masked") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: train
    provider: bash
    secrets: [TOKEN]
    commands: ["echo \"{\\\"$TOKEN\\\": 1}\" >> $DSTACK_METRICS"]
)");
  const auto added =
      process::run(box.command({"secrets", "add", "TOKEN"}), "hunter2hunter2", test::long_enough);
  REQUIRE(added);
  REQUIRE(Sandbox::code(*added) == 0);
  box.ok({"run", "-q", "train"});
  const Json shown = box.json({"metrics", "--json"});
  REQUIRE(shown.size() == 1);
  CHECK_THAT(render_json(shown), !Catch::Contains("hunter2"));
}
