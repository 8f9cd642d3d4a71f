// Variables on their way to a program.
#include "bench.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;
using plan_test::variable;

namespace {

using Words = std::vector<std::string>;

/// A workflow `t` of the provider `python`, with more properties.
std::string training(const std::string& properties) {
  return "workflows:\n  - {name: t, provider: python, file: train.py" + properties + "}\n";
}

}  // namespace

TEST_CASE("no value of a variable changes the number of arguments in a text") {
  Bench bench;
  bench.workflows(training(", args: \"--name ${{ name }} --n 1\""))
      .variables("variables: {t: {name: x}}\n")
      .file("train.py", "");
  const Words values = {"Ann Lee", "it's", "a\\b", "\"", "", "$HOME; ls", "x\ny", "--a b"};
  for (const std::string& value : values) {
    INFO(value);
    const auto plan = bench.plan("t", {"--name=" + value}, {"last one"});
    CHECK(plan.jobs[0].spec.argv ==
          Words{"python", "train.py", "--name", value, "--n", "1", "last one"});
  }
}

TEST_CASE("a value that was meant as several arguments is a warning with the list") {
  Bench bench;
  bench.workflows(training(", args: '${{ flags }}'"))
      .variables("variables: {t: {flags: \"--lr 0.1 --name 'a b'\"}}\n");
  const std::string warning =
      ".dstack/workflows.yaml:2:60: '${{ flags }}' in 'args' of workflow 't' is one argument, "
      "'--lr 0.1 --name 'a b'': write several as a list, args: [\"--lr\", \"0.1\", \"--name\", "
      "\"a b\"]";
  CHECK(bench.validation_warnings() == Words{warning});
  const auto plan = bench.plan("t");
  CHECK(plan.jobs[0].spec.argv == Words{"python", "train.py", "--lr 0.1 --name 'a b'"});
  CHECK(plan.notices == Words{warning});
  bench.variables("variables: {t: {flags: --fast}}\n");
  CHECK(bench.validation_warnings().empty());
  bench.variables("variables: {t: {flags: ''}}\n");
  CHECK(bench.validation_warnings() ==
        Words{".dstack/workflows.yaml:2:60: '${{ flags }}' in 'args' of workflow 't' is one "
              "argument, an empty one; '${{ variables }}' omits variables without a value"});
  CHECK(bench.plan("t").jobs[0].spec.argv == Words{"python", "train.py", ""});
}

TEST_CASE("text in commands and setup is inserted unchanged") {
  Bench bench;
  bench
      .workflows(
          "workflows:\n  - name: t\n    provider: bash\n    setup: 'x ${{ v }}'\n"
          "    commands: ['echo ${{ v }}']\n")
      .variables("variables: {t: {v: \"a  'b'\"}}\n");
  const auto plan = bench.plan("t");
  CHECK(plan.jobs[0].spec.commands == Words{"echo a  'b'"});
  CHECK(plan.jobs[0].spec.setup == Words{"x a  'b'"});
}

TEST_CASE("references in variables are replaced, with what the command line sets") {
  Bench bench;
  bench.workflows(training(", args: ['${{ out }}']"))
      .variables(
          "variables:\n  global: {root: \"runs/${{ seed }}\", seed: 0}\n"
          "  t: {seed: 1, out: \"${{ root }}/${{ run.name }}\", raw: \"$${{ seed }}\"}\n");
  bench.run_name = "quiet-otter-3";
  const auto plan = bench.plan("t");
  CHECK(plan.jobs[0].spec.argv.back() == "runs/1/quiet-otter-3");
  CHECK(variable(plan.jobs[0], "OUT") == "OUT=runs/1/quiet-otter-3 (.dstack/variables.yaml:3)");
  CHECK(variable(plan.jobs[0], "ROOT") == "ROOT=runs/1 (.dstack/variables.yaml:2)");
  CHECK(variable(plan.jobs[0], "RAW") == "RAW=${{ seed }} (.dstack/variables.yaml:3)");
  CHECK(bench.plan("t", {"--seed", "7"}).jobs[0].spec.argv.back() == "runs/7/quiet-otter-3");
  CHECK(bench.plan("t", {"--root", "${{ seed }}"}).jobs[0].spec.argv.back() ==
        "${{ seed }}/quiet-otter-3");
  const auto help = describe_target("t", bench.project(), bench.providers(), {});
  REQUIRE(help);
  CHECK(help->variables[0].default_value == "runs/1");
}

TEST_CASE("a ring of variables refuses the runs that see it, and no others") {
  Bench bench;
  bench
      .workflows(
          "workflows:\n  - {name: t, provider: bash, commands: [ls]}\n"
          "  - {name: u, provider: bash, commands: [ls]}\n")
      .variables("variables: {t: {a: \"${{ b }}\", b: \"${{ a }}\"}}\n");
  CHECK(bench.errors("t").size() == 1);
  CHECK(bench.validation_errors().size() == 1);
  CHECK(bench.errors("u").empty());
}

TEST_CASE("all variables of a workflow become its arguments, with those of the command line") {
  Bench bench;
  bench.workflows(training(", args: 'run ${{ variables }}'"))
      .variables(
          "variables:\n  global: {seed: 1}\n"
          "  t: {lr: 0.1, fast: false, name: '', dir: \"o/${{ seed }}\"}\n");
  CHECK(bench.plan("t", {"--lr", "0.5", "--fast", "true"}, {"x"}).jobs[0].spec.argv ==
        Words{"python", "train.py", "run", "--lr", "0.5", "--fast", "--dir", "o/1", "x"});
  bench.workflows(
      "workflows:\n  - {name: t, provider: bash, commands: ['x.py ${{ variables:equals }}']}\n");
  CHECK(bench.plan("t", {"--lr", "a b"}).jobs[0].spec.commands ==
        Words{"x.py '--lr=a b' --dir=o/1"});
}

TEST_CASE("a variable of the command line that reaches nothing is noted once, with the remedy") {
  Bench bench;
  bench.workflows(training("")).variables("variables: {global: {seed: 1}, t: {lr: 0.1}}\n");
  bench.file("train.py", "import argparse\np.add_argument('--lr')  # LRS, OLR, lr\n");
  CHECK(bench.plan("t").notices.empty());
  CHECK(bench.plan("t", {"--lr", "0.5", "--lr", "0.6"}).notices ==
        Words{"workflow 't' does not seem to use the variable 'lr' of the command line: neither "
              "'${{ lr }}' nor LR occurs in its properties or in 'train.py'; 'args: ${{ variables "
              "}}' passes the workflow's variables to the program, as '--lr 0.6'"});
  CHECK(bench.plan("t", {"--seed", "2"}).notices ==
        Words{"workflow 't' does not seem to use the variable 'seed' of the command line: neither "
              "'${{ seed }}' nor SEED occurs in its properties or in 'train.py'; '--seed ${{ seed "
              "}}' in 'args' passes it to the program"});
  bench.workflows(training(", args: [a]"));
  CHECK(bench.plan("t", {"--t.lr", "2"}).notices[0].find("'${{ variables }}' in 'args' passes") !=
        std::string::npos);
}

TEST_CASE("where there is no property for arguments, the remedy is a reference in another") {
  Bench bench;
  bench.files({"x.py"}).file("x.py", "--lr");
  bench.workflows("workflows:\n  - {name: t, provider: bash, commands: [python x.py]}\n")
      .variables("variables: {t: {lr: 0.1}}\n");
  CHECK(bench.plan("t", {"--lr", "2"}).notices ==
        Words{"workflow 't' does not seem to use the variable 'lr' of the command line: neither "
              "'${{ lr }}' nor LR occurs in its properties or in 'x.py'; '${{ lr }}' in one of its "
              "properties stands for the value, '${{ variables }}' for all as '--lr 2'"});
}

TEST_CASE("a variable that a provider's own run does not use is noted with the two dashes") {
  Bench bench;
  bench.workflows(training("")).variables("variables: {global: {seed: 1}}\n").file("train.py", "");
  const auto plan = bench.plan("python", {"train.py", "--seed", "2"});
  REQUIRE(plan.notices.size() == 1);
  CHECK(plan.notices[0].find("go after '--': -- --seed 2") != std::string::npos);
}

TEST_CASE("a variable of the command line that something uses is not noted") {
  const Words used = {", args: ['${{ lr }}']",
                      ", args: '--x=${{lr}}'",
                      ", args: ['${{ variables:hydra }}']",
                      ", args: ['${{ rate }}']",
                      ", environment: {X: '${{ lr }}'}",
                      ", setup: 'echo \"$LR\"'",
                      ", setup: 'sh tools/use.sh'",
                      ", setup: 'python -m tools.use'"};
  for (const std::string& properties : used) {
    INFO(properties);
    Bench bench;
    bench.files({"train.py", "tools/use.sh", "tools/use.py"})
        .file("train.py", "")
        .file("tools/use.sh", "echo $LR")
        .file("tools/use.py", "os.environ['LR']")
        .workflows(training(properties))
        .variables("variables: {t: {lr: 0.1, rate: \"r${{ lr }}\"}}\n");
    CHECK(bench.plan("t", {"--lr", "0.5"}).notices.empty());
  }
  Bench bench;
  bench.workflows(training("")).variables("variables: {t: {lr: 0.1}}\n");
  bench.file("train.py", "float(os.environ[\"LR\"])");
  CHECK(bench.plan("t", {"--lr", "0.5"}).notices.empty());
}

TEST_CASE("a variable that one workflow of the run uses is not noted for the others") {
  Bench bench;
  bench.file("train.py", "").file("download.py", "SEED");
  bench
      .workflows(
          "workflows:\n  - {name: d, provider: python, file: download.py}\n"
          "  - {name: t, provider: python, file: train.py, depends-on: [d]}\n")
      .variables("variables: {global: {seed: 1}}\n");
  CHECK(bench.plan("t", {"--seed", "2"}).notices.empty());
  CHECK(bench.plan("t", {"--t.seed", "2"}).notices.size() == 1);
}

TEST_CASE("what only a shell would expand in environment is noted") {
  Bench bench;
  const auto notices = [&](const std::string& environment) {
    bench.workflows("workflows:\n  - {name: t, provider: bash, commands: [ls], environment: {" +
                    environment + "}}\n");
    return bench.validation_warnings();
  };
  CHECK(notices("PATH: '/opt/bin:$PATH'") ==
        Words{".dstack/workflows.yaml:2:61: PATH of workflow 't' will be '/opt/bin:$PATH', as "
              "written: '$PATH' is not expanded in 'environment'; write 'PATH: "
              "\"/opt/bin:${{ env.PATH }}\"' instead"});
  CHECK(bench.plan("t").notices.size() == 1);
  CHECK(notices("X: '~/data:${HOME}/more'")
            .at(0)
            .ends_with("write 'X: \"${{ env.HOME }}/data:${{ env.HOME }}/more\"' instead"));
  CHECK(notices("X: '$JOB_ID'").at(0).ends_with("write 'export X=$JOB_ID' in 'setup' instead"));
  CHECK(notices("Y: /y, X: '$Y/x'").at(0).ends_with("write 'export X=$Y/x' in 'setup' instead"));
  bench.environment["SCRATCH"] = "/scratch";
  CHECK(
      notices("X: '${SCRATCH}/x'").at(0).ends_with("write 'X: \"${{ env.SCRATCH }}/x\"' instead"));
  for (const std::string value : {"~/data", "$HOME/x", "${HOME}", "a:~", "/mnt/$USER/x"}) {
    INFO(value);
    CHECK(notices("X: '" + value + "'").size() == 1);
  }
  for (const std::string value : {"a$b", "$5", "echo $HOME/x", "x~", "$UNKNOWN/x", "p$HOME"}) {
    INFO(value);
    CHECK(notices("X: '" + value + "'").empty());
  }
}

TEST_CASE("commands whose lines YAML joined are noted, by validate and by a run") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    setup:\n"
      "      - for i in 1 2; do\n"
      "          echo $i\n"
      "        done\n");
  const std::string note =
      ".dstack/workflows.yaml:6:9: the lines of this text in 'setup' of workflow 'w' are joined "
      "with blanks; write '|' before them to keep them";
  CHECK(bench.validation_warnings() == Words{note});
  const auto notices = bench.plan("w").notices;
  CHECK(std::find(notices.begin(), notices.end(), note) != notices.end());
}

TEST_CASE("env.NAME in a property is the value that the caller has") {
  Bench bench;
  bench.environment["PATH"] = "/usr/bin";
  bench.environment["SCRATCH"] = "/scratch";
  const auto shown = [&](const std::string& value) {
    bench.workflows("workflows:\n  - name: t\n    provider: bash\n    commands: [ls]\n" +
                    std::string("    environment: {X: \"") + value + "\"}\n");
    return variable(bench.plan("t").jobs[0], "X");
  };
  CHECK(shown("/opt/bin:${{ env.PATH }}").starts_with("X=/opt/bin:/usr/bin ("));
  CHECK(shown("${{ env.SCRATCH }}/x").starts_with("X=/scratch/x ("));
  // What every job would have of the caller's may be missing, as for a shell; no empty entry is
  // left.
  CHECK(shown("/opt/lib:${{ env.LD_LIBRARY_PATH }}").starts_with("X=/opt/lib ("));
  CHECK(shown("${{ env.LD_LIBRARY_PATH }}:/opt/lib").starts_with("X=/opt/lib ("));
  CHECK(shown("/a:${{ env.LD_LIBRARY_PATH }}:/b").starts_with("X=/a:/b ("));
  CHECK(shown("$${{ env.PATH }}").starts_with("X=${{ env.PATH }} ("));

  bench.workflows("workflows:\n  - {name: t, provider: bash, commands: ['ls ${{ env.GONE }}']}\n");
  CHECK(bench.errors("t") ==
        Words{"the environment variable 'GONE' is not set where the run is started @ "
              ".dstack/workflows.yaml:2:50+8 | '${{ env.NAME }}' is the value that NAME has there; "
              "set it, or write the value itself"});
  CHECK(bench.validation_errors().empty());  // the same answer on every machine
  bench.variables("variables: {t: {x: '${{ env.PATH }}'}}\n");
  CHECK(bench.errors("t").at(0).find("'env.PATH' cannot be used here") != std::string::npos);
}
