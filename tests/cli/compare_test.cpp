// `dstack compare`: runs side by side.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A sweep of two learning rates and three seeds, of which one run fails before it has measured.
/// `acc` is lr * 10 + seed / 100, after a better value at the first step; `loss` is NaN for one.
struct Sweep {
  Sandbox box;

  Sweep() {
    box.file(".dstack/variables.yaml", "variables: {train: {lr: 0.1, seed: 1, same: x}}\n");
    box.workflows(R"yaml(workflows:
  - name: train
    provider: bash
    matrix: {lr: [0.01, 0.02], seed: [1, 2, 3]}
    metrics: {best: {acc: max}}
    commands:
      - |
        test "$LR $SEED" != "0.02 3"
        echo '{"step": 1, "acc": 0.9, "loss": 1}' >> $DSTACK_METRICS
        acc=$(echo "$LR $SEED" | awk '{print $1 * 10 + $2 / 100}')
        loss=0.5; test "$LR $SEED" != "0.01 2" || loss=NaN
        echo "{\"step\": 2, \"acc\": $acc, \"loss\": $loss}" >> $DSTACK_METRICS
)yaml");
    box.run({"run", "-q", "train"});
  }

  Json rows(std::vector<std::string> options) const {
    options.insert(options.begin(), {"compare", "--json"});
    return box.json(options);
  }

  /// One column of all rows, in their order.
  std::vector<Json> column(const std::string& name, std::vector<std::string> options) const {
    std::vector<Json> all;
    for (const Json& row : rows(std::move(options)))
      all.push_back(row[name]);
    return all;
  }
};

}  // namespace

TEST_CASE("a sweep is compared: what differs, what is declared, and how it ended") {
  const Sweep sweep;
  const Json rows = sweep.rows({});
  REQUIRE(rows.size() == 6);
  std::vector<std::string> columns;
  for (const auto& [name, value] : rows[0].items())
    columns.push_back(name);
  CHECK(columns == std::vector<std::string>{"run", "lr", "seed", "acc", "status", "duration"});
  const std::string run = sweep.box.last_run();
  CHECK(rows[0]["run"] == run + "/lr=0.01,seed=1");
  CHECK(rows[0]["lr"] == "0.01");
  CHECK(rows[0]["acc"] == Approx(0.11));
  CHECK(rows[5]["status"] == "failed");
  CHECK(rows[5]["acc"] == nullptr);
  CHECK(rows[0]["duration"].is_number());

  const std::string table = sweep.box.ok({"compare"});
  CHECK_THAT(table, Catch::Contains("RUN"));
  CHECK_THAT(table, Catch::Contains(run + "/lr=0.02,seed=2"));
  CHECK_THAT(table, !Catch::Contains("same"));
}

TEST_CASE("rows are sorted by any column, with what is missing last in both directions") {
  const Sweep sweep;
  const std::vector<Json> up = sweep.column("seed", {"--sort", "acc"});
  CHECK(up == std::vector<Json>{"1", "2", "3", "1", "2", "3"});
  const Json down = sweep.rows({"--sort", "-acc"});
  CHECK(down[0]["acc"] == Approx(0.22));
  CHECK(down[5]["acc"] == nullptr);
  // NaN, and nothing at all.
  const std::vector<Json> loss = sweep.column("loss", {"--sort", "-loss", "--columns", "loss"});
  CHECK(loss[3] == 0.5);
  CHECK(loss[4] == "NaN");
  CHECK(loss[5] == nullptr);
}

TEST_CASE("rows are chosen by conditions, with errors at their place") {
  const Sweep sweep;
  CHECK(sweep.rows({"--filter", "lr<0.02"}).size() == 3);
  CHECK(sweep.rows({"-f", "acc>0.2 and status=done"}).size() == 2);
  CHECK(sweep.rows({"-f", "acc is undefined"}).size() == 1);
  CHECK(sweep.rows({"-f", "not seed=1 and max:acc=0.9"}).size() == 3);
  CHECK(sweep.rows({"-f", "lr>1"}).empty());
  const std::string error = sweep.box.refused({"compare", "-f", "lr<0.02 and stauts=done"}, 2);
  CHECK_THAT(error, Catch::Contains("there is no column 'stauts'"));
  CHECK_THAT(error, Catch::Contains("did you mean 'status'?"));
  CHECK_THAT(error, Catch::Contains("--filter:1:13"));
  CHECK_THAT(error, Catch::Contains("^^^^^^"));
  CHECK_THAT(sweep.box.refused({"compare", "--sort", "ac"}, 2),
             Catch::Contains("did you mean 'acc'"));
}

TEST_CASE("the seeds of a setting are one row, with means") {
  const Sweep sweep;
  const Json rows = sweep.rows({"--group", "seed"});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["lr"] == "0.01");
  CHECK(rows[0]["acc"]["mean"] == Approx(0.12));
  CHECK(rows[0]["acc"]["std"] == Approx(0.01));
  CHECK(rows[0]["acc"]["count"] == 3);
  CHECK(rows[1]["acc"]["count"] == 2);
  CHECK(rows[1]["acc"]["of"] == 3);
  const std::string table = sweep.box.ok({"compare", "--group", "seed", "--sort", "-acc"});
  CHECK_THAT(table, Catch::Contains("0.12 ± 0.01\n"));
  CHECK_THAT(table, Catch::Contains("0.215 ± 0.0071 (2 of 3)"));
  CHECK(table.find("0.215") < table.find("0.12 "));
}

TEST_CASE("the best row, columns of a metric, and other forms") {
  const Sweep sweep;
  const Json best = sweep.rows({"--best", "--sort", "-acc", "--columns", "lr,seed,acc"});
  REQUIRE(best.size() == 1);
  CHECK(best[0]["lr"] == "0.02");
  CHECK(best[0]["seed"] == "2");
  // By what the workflow calls better: the greatest that there ever was, the first of equal ones.
  CHECK(sweep.rows({"--best"})[0]["run"] == sweep.box.last_run() + "/lr=0.01,seed=1");
  const Json aspects = sweep.rows({"--columns", "max:acc,step@max:acc,last:acc,points:acc"})[0];
  CHECK(aspects["max:acc"] == 0.9);
  CHECK(aspects["step@max:acc"] == 1);
  CHECK(aspects["last:acc"] == Approx(0.11));
  CHECK(aspects["points:acc"] == 2);

  const std::string csv = sweep.box.ok({"compare", "--csv", "--columns", "lr,seed,acc"});
  CHECK_THAT(csv, Catch::StartsWith("lr,seed,acc\n0.01,1,0.11\n"));
  CHECK_THAT(csv, Catch::EndsWith("0.02,3,\n"));
  const std::string transposed = sweep.box.ok({"compare", "--transpose", "--columns", "seed,acc"});
  CHECK_THAT(transposed, Catch::StartsWith("SEED"));
  CHECK_THAT(transposed, Catch::Contains("\nacc "));
  sweep.box.refused({"compare", "--json", "--csv"}, 2);
}

TEST_CASE("runs of one workflow are compared, the newest first") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables: {train: {epochs: 1}, prep: {size: 1}}\n");
  box.workflows(R"yaml(workflows:
  - {name: prep, provider: bash, commands: ["true"]}
  - {name: train, provider: bash, depends-on: [prep], commands: ["true"]}
)yaml");
  for (const char* epochs : {"1", "2", "3"})
    box.ok({"run", "-q", "train", "--train.epochs", epochs});
  const Json rows = box.json({"compare", "--json"});
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["epochs"] == "3");
  CHECK(rows[2]["epochs"] == "1");
  CHECK_FALSE(rows[0].contains("size"));
  CHECK(box.json({"compare", "--last", "2", "--json"}).size() == 2);
  CHECK(box.json({"compare", "-w", "prep", "--json", "--columns", "size"}) ==
        Json::array({{{"size", "1"}}, {{"size", "1"}}, {{"size", "1"}}}));
  const std::string last = box.last_run();
  CHECK(box.json({"compare", last, "--json"}).size() == 1);
  CHECK_THAT(box.refused({"compare", "-w", "nothing"}, 2),
             Catch::Contains("there is no run of workflow 'nothing'"));
}

TEST_CASE("what was only saved is compared, too") {
  const Sandbox box;
  box.file(".dstack/variables.yaml", "variables: {train: {epochs: 1}}\n");
  box.workflows(R"yaml(workflows:
  - name: train
    provider: bash
    artifacts: [model]
    commands:
      - |
        mkdir -p model/logs
        echo "{\"accuracy\": 0.$EPOCHS, \"epochs\": $EPOCHS}" > model/metrics.json
        echo '{"hidden_size": 768}' > model/config.json
        printf 'epoch,loss\n1,0.5\n2,0.25\n' > model/logs/log.csv
        printf 'x,y\n1,2\n' > model/data.csv
)yaml");
  for (const char* epochs : {"5", "9"})
    box.ok({"run", "-q", "train", "--epochs", epochs});
  const Json rows = box.json({"compare", "--json", "--sort", "-accuracy"});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["accuracy"] == 0.9);
  CHECK(rows[0]["loss"] == 0.25);
  CHECK(rows[1]["accuracy"] == 0.5);
  CHECK_FALSE(rows[0].contains("hidden_size"));
  CHECK_FALSE(rows[0].contains("y"));

  const Json metrics = box.json({"metrics", "--json"});
  REQUIRE(metrics.size() >= 2);
  CHECK(metrics[0]["metric"] == "accuracy");
  CHECK(metrics[0]["last"]["value"] == 0.9);
  const Json loss = box.json({"metrics", "-m", "loss", "--steps", "--json"});
  REQUIRE(loss.size() == 2);
  CHECK(loss[1]["step"] == 2);
  CHECK(loss[1]["value"] == 0.25);
}
