// Options and variables on the command line.
#include "bench.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;
using plan_test::variable;

namespace {

using Words = std::vector<std::string>;

Bench training() {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: download\n"
      "    provider: python\n"
      "    file: download.py\n"
      "    artifacts: [data]\n"
      "  - name: train\n"
      "    provider: python\n"
      "    depends-on: [download]\n"
      "    file: train.py\n"
      "    artifacts: [model]\n"
      "    resources: {gpu: {count: 1, name: V100}}\n"
      "  - name: evaluate\n"
      "    provider: python\n"
      "    file: train.py\n");
  bench.variables(
      "variables:\n"
      "  global: {seed: 1}\n"
      "  download: {epochs: 1, mirror: de}\n"
      "  train: {epochs: 2, lr: 0.1, timeout: 7}\n"
      "  evaluate: {split: test}\n");
  bench.machine.gpus.assign(8, config::Gpu{"Tesla V100", 32'000'000'000});
  return bench;
}

Json properties(const Plan& plan) {
  return plan.workflows.back().properties;
}

}  // namespace

TEST_CASE("what is mounted for other runners is told how data comes to a job") {
  auto bench = training();
  bench.files({"train.py", "download.py"});
  const auto said = [&](const Words& words) {
    const auto errors = bench.errors("train", words);
    REQUIRE(errors.size() == 1);
    return errors.front();
  };
  const std::string advice =
      "data comes by 'inputs': '--input /data/set' copies it into the job's folder; 'inputs: "
      "[{path: /data/set, at: in, link: true}]' in the workflow has it there without copying";
  for (const Words& words : {Words{"-v", "/data/set:/in"},
                             Words{"-v", "/data/set:/x/in:ro"},
                             Words{"-v/data/set:/in"},
                             Words{"-v=/data/set:/in"},
                             Words{"--volume", "/data/set:/in"},
                             Words{"--volume=/data/set:/in"},
                             Words{"--mount", "type=bind,src=/data/set,dst=/in,readonly"}}) {
    CAPTURE(words);
    CHECK_THAT(said(words), Catch::Contains(advice));
  }
  CHECK_THAT(said({"-v", "/data/set:/in"}),
             Catch::StartsWith("'-v' is '--verbose' here, which has no value: '/data/set:/in' "
                               "would not be mounted @ command line:1:18+2 | "));
  CHECK_THAT(said({"-v", "cache:/cache"}), Catch::Contains("'--input PATH' copies"));
  CHECK_THAT(said({"-v", bench.project().folder.string() + ":/app"}),
             Catch::Contains("a job has the code of the project anyway"));
}

TEST_CASE("flags of other runners have no value, and short ones may be in one word") {
  auto bench = training();
  bench.files({"train.py", "download.py"});
  for (const std::string flag : {"-it", "-ti", "-itd", "-i", "--rm", "--privileged", "--init"}) {
    const auto errors = bench.errors("train", {flag, "--gpu", "many"});
    CAPTURE(flag, errors);
    REQUIRE(errors.size() == 2);
    CHECK_THAT(errors[1],
               Catch::Contains("must be a whole number, not 'many'") &&
                   Catch::Contains("for a kind of GPU write {name: many}"));
  }
  for (const auto& [word, hint] : std::vector<std::pair<std::string, std::string>>{
           {"-u", "a container as the user of its image"},
           {"--network", "'--ports N' reserves ports"},
           {"-w", "did you mean '--working-dir'?"},
           {"--gpus", "did you mean '--gpu'?\nwrite how many; 'dstack doctor'"}}) {
    const auto errors = bench.errors("train", {word, "all"});
    CAPTURE(word, errors);
    REQUIRE(errors.size() == 1);
    CHECK_THAT(errors[0], Catch::Contains(hint));
  }
}

TEST_CASE("every option may be written with a space, an equals sign or, when short, joined") {
  auto bench = training();
  bench.files({"train.py", "download.py", "r.txt"});
  const auto requirements = [&](const Words& words) {
    return json_string(properties(bench.plan("train", words)), "requirements");
  };
  CHECK(requirements({}) == "");
  CHECK(requirements({"-r", "r.txt"}) == "r.txt");
  CHECK(requirements({"-rr.txt"}) == "r.txt");
  CHECK(requirements({"-r=r.txt"}) == "r.txt");
  CHECK(requirements({"--requirements", "r.txt"}) == "r.txt");
  CHECK(requirements({"--requirements=r.txt"}) == "r.txt");
  CHECK(requirements({"-r", "none.txt", "-r", "r.txt"}) == "r.txt");
}

TEST_CASE("artifacts of the command line replace the list of the file") {
  auto bench = training();
  CHECK(bench.plan("train").jobs.back().spec.artifacts == Words{"model"});
  CHECK(bench.plan("train", {"-a", "logs", "--artifact=plots"}).jobs.back().spec.artifacts ==
        Words{"logs", "plots"});
}

TEST_CASE("options hold for the named workflow alone") {
  auto bench = training();
  const auto plan = bench.plan("train", {"-a", "logs", "-e", "MODE=fast", "--gpu", "2"});
  CHECK(plan.jobs[0].spec.artifacts == Words{"data"});
  CHECK(variable(plan.jobs[0], "MODE") == "");
  CHECK(plan.jobs[0].spec.resources.gpu == 0);
  CHECK(variable(plan.jobs[1], "MODE") == "MODE=fast (command line)");
  CHECK(plan.jobs[1].spec.resources.gpu == 2);
}

TEST_CASE("a resource option changes one key of the map and leaves the others") {
  auto bench = training();
  const auto resources = [&](const Words& words) {
    return bench.plan("train", words).jobs.back().spec.resources;
  };
  CHECK(resources({}).gpu == 1);
  CHECK(resources({}).gpu_name == "V100");
  CHECK(resources({"--gpu", "3"}).gpu == 3);
  CHECK(resources({"--gpu", "3"}).gpu_name == "V100");
  CHECK(resources({"--gpu-name", "Tesla"}).gpu_name == "Tesla");
  CHECK(resources({"--gpu-memory=16GB"}).gpu_memory == 16'000'000'000);
  CHECK(resources({"--cpu", "2", "--memory", "8 GB", "--shm-size=1GiB"}).cpu == 2);
  CHECK(resources({"--cpu", "2", "--memory", "8 GB", "--shm-size=1GiB"}).memory == 8'000'000'000);
  CHECK(resources({"--cpu", "2", "--memory", "8 GB", "--shm-size=1GiB"}).shm_size == 1ULL << 30);
  CHECK(resources({"--gpu", "0"}).gpu == 0);
}

TEST_CASE("resource options work where the file says nothing, or has the short form") {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - {name: plain, provider: python, file: train.py}\n"
      "  - {name: short, provider: python, file: train.py, resources: {gpu: 1, cpu: 1}}\n");
  bench.machine.gpus.assign(2, config::Gpu{"A100", 1});
  CHECK(bench.plan("plain", {"--gpu", "2"}).jobs[0].spec.resources.gpu == 2);
  CHECK(bench.plan("short", {"--gpu", "2"}).jobs[0].spec.resources.gpu == 2);
  CHECK(bench.plan("short", {"--gpu-name", "a100"}).jobs[0].spec.resources.gpu == 1);
  CHECK(bench.plan("short", {"--gpu-name", "a100"}).jobs[0].spec.resources.cpu == 1);
}

TEST_CASE("a boolean option takes no value, but may have one") {
  auto bench = training();
  CHECK(json_boolean(properties(bench.plan("train", {"--silent"})), "quiet"));
  CHECK_FALSE(json_boolean(properties(bench.plan("train", {"--silent=false"})), "quiet", true));
}

TEST_CASE("an option's wrong value is an error at the value on the command line") {
  auto bench = training();
  const auto errors = bench.errors("train", {"--gpu", "two", "--memory=much"});
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].find("@ command line:1:24+3") != std::string::npos);
  CHECK(errors[1].find("@ command line:1:37+4") != std::string::npos);
}

TEST_CASE("an option without its value is an error, also when another option follows") {
  auto bench = training();
  CHECK(bench.errors("train", {"--gpu"}) == Words{"'--gpu' needs a value @ command line:1:18+5"});
  CHECK(bench.errors("train", {"--gpu", "--cpu", "2"}) ==
        Words{"'--gpu' needs a value @ command line:1:18+5 | a value that begins with '-' is "
              "written --gpu=VALUE"});
  CHECK(bench.errors("train", {"--epochs"}) ==
        Words{"'--epochs' needs a value @ command line:1:18+8"});
}

TEST_CASE("a variable is set in every workflow of the run that has it") {
  auto bench = training();
  const auto plan = bench.plan("train", {"--epochs", "3"});
  CHECK(variable(plan.jobs[0], "EPOCHS") == "EPOCHS=3 (command line)");
  CHECK(variable(plan.jobs[1], "EPOCHS") == "EPOCHS=3 (command line)");
  CHECK(plan.workflows[1].variables ==
        std::vector<EnvironmentVariable>{
            {"seed", "1", parse_variable_origin(".dstack/variables.yaml:2")},
            {"epochs", "3", parse_variable_origin("command line")},
            {"lr", "0.1", parse_variable_origin(".dstack/variables.yaml:4")},
            {"timeout", "7", parse_variable_origin(".dstack/variables.yaml:4")}});
}

TEST_CASE("a variable with a workflow's name before it is set in that one") {
  auto bench = training();
  const auto plan = bench.plan("train", {"--train.epochs", "3", "--download.seed=9"});
  CHECK(variable(plan.jobs[0], "EPOCHS") == "EPOCHS=1 (.dstack/variables.yaml:3)");
  CHECK(variable(plan.jobs[1], "EPOCHS") == "EPOCHS=3 (command line)");
  CHECK(variable(plan.jobs[0], "SEED") == "SEED=9 (command line)");
  CHECK(variable(plan.jobs[1], "SEED") == "SEED=1 (.dstack/variables.yaml:2)");
}

TEST_CASE("a variable takes negative numbers, equals signs and empty texts as values") {
  auto bench = training();
  const auto lr = [&](const Words& words) {
    return variable(bench.plan("train", words).jobs[1], "LR");
  };
  CHECK(lr({"--lr", "-0.5"}) == "LR=-0.5 (command line)");
  CHECK(lr({"--lr", "-.5"}) == "LR=-.5 (command line)");
  CHECK(lr({"--lr=-0.5"}) == "LR=-0.5 (command line)");
  CHECK(lr({"--lr=a=b"}) == "LR=a=b (command line)");
  CHECK(lr({"--lr="}) == "LR= (command line)");
  CHECK(lr({"--lr", ""}) == "LR= (command line)");
  CHECK(lr({"--lr", "1", "--lr", "2"}) == "LR=2 (command line)");
}

TEST_CASE("a name of an option and a variable is refused after the target, and not guessed") {
  auto bench = training();
  CHECK(bench.errors("train", {"--timeout", "9"}) ==
        Words{"'--timeout' is ambiguous: an option of the workflow's provider, and a variable @ "
              "command line:1:18+9 | the variable: --train.timeout=9\nthe option, before the name: "
              "dstack run --timeout=9 train"});
  CHECK(bench.errors("train", {"--timeout=9", "--epochs", "3"}).size() == 1);
  const auto plan = bench.plan("train", {"--train.timeout", "5"});
  CHECK(plan.jobs[1].spec.timeout.count() == 0);
  CHECK(variable(plan.jobs[1], "TIMEOUT") == "TIMEOUT=5 (command line)");
}

TEST_CASE("before the target a name is that of an option") {
  auto bench = training();
  bench.leading = 1;
  const auto plan = bench.plan("train", {"--timeout=9", "--train.timeout", "5"});
  CHECK(plan.jobs[1].spec.timeout.count() == 9000);
  CHECK(variable(plan.jobs[1], "TIMEOUT") == "TIMEOUT=5 (command line)");
  CHECK(bench.errors("train", {"--timeout=many"}).front().find("command line:1:22+4") !=
        std::string::npos);
  CHECK_THAT(bench.errors("train", {"--epochs=3"}).front(),
             Catch::Contains("'epochs'") && Catch::Contains("command line:1:12+8"));
}

TEST_CASE("an unknown argument is an error with a suggestion, never ignored") {
  auto bench = training();
  CHECK(bench.errors("train", {"--epoch", "3"}) ==
        Words{"workflow 'train' has no option or variable '--epoch' @ command line:1:18+7 | did "
              "you mean "
              "'--epochs'?"});
  CHECK(bench.errors("train", {"--artefact=x"}) ==
        Words{"workflow 'train' has no option or variable '--artefact' @ command line:1:18+10 | "
              "did you mean "
              "'--artifact'?"});
  CHECK(bench.errors("train", {"--train.epoch", "3"}) ==
        Words{"workflow 'train' has no variable 'epoch' @ command line:1:18+13 | did you mean "
              "'--train.epochs'?"});
  CHECK(bench.errors("train", {"-epochs", "3"}) ==
        Words{"workflow 'train' has no option '-epochs' @ command line:1:18+7 | did you mean "
              "'--epochs'?"});
  CHECK(bench.errors("train", {"--verbose-level", "3"}) ==
        Words{"workflow 'train' has no option or variable '--verbose-level' @ command line:1:18+15 "
              "| arguments for "
              "the program itself go after '--': dstack run train … -- ARGS"});
  CHECK(bench.errors("train", {"extra", "words"}) ==
        Words{"unexpected argument 'extra' @ command line:1:18+5 | arguments for the program "
              "itself go after "
              "'--': dstack run train … -- ARGS"});
}

TEST_CASE("an option that other runners have suggests the one that is meant") {
  auto bench = training();
  const auto hint = [&](const Words& words) {
    const Words errors = bench.errors("train", words);
    REQUIRE(errors.size() == 1);
    return errors[0].substr(errors[0].find(" | ") + 3);
  };
  CHECK(hint({"--gpus", "2"}) == "did you mean '--gpu'?");
  CHECK(hint({"--cpus=2"}) == "did you mean '--cpu'?");
  CHECK(hint({"--mem", "4GB"}) == "did you mean '--memory'?");
  CHECK(hint({"--output", "x"}) == "did you mean '--artifact'?");
  CHECK(hint({"--workdir", "x"}) == "did you mean '--working-dir'?");
  CHECK(hint({"--name", "first"}) ==
        "a run gets its name when it starts; '--tag TAG' names what it saves");
  CHECK(hint({"-it"}).starts_with("a job has no terminal and no input"));
  CHECK(hint({"--rm"}).starts_with("nothing is left to remove"));
  CHECK(hint({"--file", "train.py"}) == "write it without '--file': dstack run python FILE");
}

TEST_CASE("a variable that is called like an option of others is still that variable") {
  auto bench = training();
  bench.variables("variables:\n  train: {output: a}\n");
  CHECK(variable(bench.plan("train", {"--output", "b"}).jobs[1], "OUTPUT") ==
        "OUTPUT=b (command line)");
}

TEST_CASE("a variable of a workflow that is not part of the run says whose it is") {
  auto bench = training();
  CHECK(bench.errors("train", {"--split", "test"}) ==
        Words{"variable 'split' belongs to workflow 'evaluate', which is not part of this run @ "
              "command "
              "line:1:18+7 | arguments for the program itself go after '--': dstack run train … -- "
              "ARGS"});
  CHECK(bench.errors("train", {"--evaluate.split", "test"}) ==
        Words{"workflow 'evaluate' is not part of this run @ command line:1:18+16 | this run: "
              "'download' and 'train'"});
}

TEST_CASE("all wrong arguments are reported together, each at its place") {
  auto bench = training();
  CHECK(bench.errors("train", {"--epoch", "3", "--gpu", "x", "-q"}).size() == 3);
}

TEST_CASE("columns of the command line count characters and quotes as they are shown") {
  auto bench = training();
  CHECK(bench.errors("train", {"--lr", "für alle", "--epoch", "3"})[0].find(
            "command line:1:34+7") != std::string::npos);
}

TEST_CASE("-e gives a value, or takes the caller's") {
  auto bench = training();
  bench.environment["TOKEN"] = "from the caller";
  const auto plan =
      bench.plan("train", {"-e", "A=1", "-eB=2", "--env=C=x=y", "-e", "TOKEN", "-e", "EMPTY="});
  CHECK(variable(plan.jobs[1], "A") == "A=1 (command line)");
  CHECK(variable(plan.jobs[1], "B") == "B=2 (command line)");
  CHECK(variable(plan.jobs[1], "C") == "C=x=y (command line)");
  CHECK(variable(plan.jobs[1], "TOKEN") == "TOKEN=from the caller (command line)");
  CHECK(variable(plan.jobs[1], "EMPTY") == "EMPTY= (command line)");
  CHECK(bench.errors("train", {"-e", "MISSING"}) ==
        Words{"'MISSING' is not set in your environment @ command line:1:21+7 | give it a value: "
              "-e MISSING=VALUE"});
  CHECK(bench.errors("train", {"-e", "1X=2"}) ==
        Words{"'1X' is not a valid environment variable name @ command line:1:21+4 | write -e "
              "NAME=VALUE"});
  CHECK(bench.errors("train", {"-e", "RUN_NAME=x"}) ==
        Words{"'RUN_NAME' is set by dstack itself @ command line:1:21+10 | choose another name"});
}

TEST_CASE("a provider is run with options, positional arguments and global variables") {
  auto bench = training();
  const auto plan =
      bench.plan("python", {"train.py", "--seed", "5", "-a", "model", "one", "two"}, {"--three"});
  REQUIRE(plan.workflows.size() == 1);
  CHECK(plan.workflows[0].name == "python");
  CHECK(plan.jobs[0].spec.argv == Words{"python", "train.py", "one", "two", "--three"});
  CHECK(plan.jobs[0].spec.artifacts == Words{"model"});
  CHECK(variable(plan.jobs[0], "SEED") == "SEED=5 (command line)");
  CHECK(variable(plan.jobs[0], "EPOCHS") == "");
}

TEST_CASE("a provider's arguments are checked like a workflow's") {
  auto bench = training();
  CHECK(
      bench.errors("python", {"train.py", "--epochs", "5"}) ==
      Words{"variable 'epochs' belongs to workflow 'download', which is not part of this run @ "
            "command "
            "line:1:28+8 | arguments for the program itself go after '--': dstack run python … -- "
            "ARGS"});
  CHECK(bench.errors("python", {"--verbose"})[0].find(
            "provider 'python' has no option or variable '--verbose'") == 0);
  CHECK(bench.errors("bash", {"-c", "echo", "ls"}) ==
        Words{"unexpected argument 'ls' @ command line:1:25+2 | 'dstack run bash --help' shows "
              "what it takes"});
  CHECK(bench.plan("bash", {"-c", "echo a", "-c", "echo b"}).jobs[0].spec.commands ==
        Words{"echo a", "echo b"});
}

TEST_CASE("a path on the command line is seen from where the user stands") {
  auto bench = training();
  bench.files({"train.py", "download.py", "r.txt", "a/b/t.py", "a/r.txt", "a/b/https:/x"});
  bench.place = "a/b";
  const auto argv = [&](const Words& words) {
    return bench.plan("python", words).jobs[0].spec.argv;
  };
  CHECK(argv({"t.py", "one"}) == Words{"python", "a/b/t.py", "one"});
  CHECK(argv({"./t.py"}) == Words{"python", "a/b/t.py"});
  CHECK(argv({"../../train.py"}) == Words{"python", "train.py"});
  CHECK(argv({"../b/t.py"}) == Words{"python", "a/b/t.py"});
  CHECK(argv({(bench.project().root / "a/b/t.py").string()}) == Words{"python", "a/b/t.py"});
  CHECK(json_string(properties(bench.plan("train", {"-r", "../r.txt"})), "requirements") ==
        "a/r.txt");
  CHECK(json_string(properties(bench.plan("train", {"--working-dir", "."})), "working_dir") ==
        "a/b");
  // Artifacts are relative to the working directory, values of the files to the root.
  CHECK(bench.plan("python", {"t.py", "-a", "model"}).jobs[0].spec.artifacts == Words{"model"});
  CHECK(bench.plan("train").jobs.back().spec.argv == Words{"python", "train.py"});
  CHECK(bench.errors("python", {"train.py"})[0].find("there is no file 'a/b/train.py'") == 0);
  CHECK(bench.errors("python", {"../../../x.py"})[0].find("'../../../x.py'") != std::string::npos);
}
