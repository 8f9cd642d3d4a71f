#include "checking.hpp"
#include "support/catch.hpp"

using namespace dstack;
using dstack::test::check;
using dstack::test::errors;
using dstack::test::typed;

TEST_CASE("a text is the scalar's own text", "[provider][types]") {
  CHECK(typed("title: 3.10", "title") == "3.10");
  CHECK(typed("title: yes", "title") == "yes");
  CHECK(typed("title: ''", "title") == "");
  CHECK(
      errors("file: x\ntitle: [a]\n") ==
      "2:8 'title' of workflow 'train' must be a text, not a list; '[' makes a list of it; put the "
      "whole in quotes: '[a]'; or write it on a line of its own below '|'");
  CHECK(errors("file: x\nlines:\n  - echo a: b\n") ==
        "3:5 'lines' of workflow 'train' must be a text, not a map; ': ' in it makes a map of it; "
        "put the whole in quotes: 'echo a: b'; or write it on a line of its own below '|'");
}

TEST_CASE("a text of several that YAML ended inside of a quote is refused", "[provider][types]") {
  CHECK(
      errors("file: x\nlines:\n  - echo \"a # b\"\n") ==
      "3:5 'lines' of workflow 'train' ends inside of a quote: 'echo \"a'; ' #' begins a comment, "
      "which ends it; put the whole in quotes: 'echo \"a # b\"'; or write it on a line of its own "
      "below '|'");
  CHECK(errors("file: x\nlines: [echo \"a, b\"]\n").find("',' ends it inside [ ] and { }") !=
        std::string::npos);
  CHECK(errors("file: x\nargs: --name \"a # b\"\n").find("' #' begins a comment") !=
        std::string::npos);
  // A shell may go on with a quote in the next text.
  CHECK(errors("file: x\nlines:\n  - echo \"a\n  - b\"\n") == "no error");
  CHECK(errors("file: x\nlines:\n  - |\n    echo \"a # b\n") == "no error");
}

TEST_CASE("a text with a NUL is refused, for no program could be given it", "[provider][types]") {
  CHECK(errors("file: x\ntitle: \"a\\0b\"\n") ==
        "2:8 'title' of workflow 'train' contains a NUL character, which cannot be passed to a "
        "program; "
        "'title': A text");
  CHECK(errors("file: x\nargs: [\"a\\0\"]\n").find("NUL") != std::string::npos);
  CHECK(errors("file: x\nenvironment: {A: \"\\0\"}\n").find("NUL") != std::string::npos);
}

TEST_CASE("a path is normal, relative, and stays inside the project", "[provider][types]") {
  CHECK(typed("requirements: ./a//b.txt", "requirements") == Json{"a/b.txt"});
  CHECK(errors("file: ../x.py\n") ==
        "1:7 'file' of workflow 'train' leads out of the project: '../x.py'; only what is in the "
        "project can be used; to add what is beside it, write 'root: ..' at the top of "
        "workflows.yaml, or move '.dstack' to the folder above and set 'working_dir'");
  CHECK(errors("file: /x.py\n").find("leads out of the project") != std::string::npos);
  CHECK(errors("file: .\n") ==
        "1:7 'file' of workflow 'train' must be the path of a file, not '.'; 'file': The script");
  CHECK(typed("working_dir: .", "working_dir") == "");
}

TEST_CASE("a path that leads out of its folder may be meant from the working directory",
          "[provider][types]") {
  CHECK(typed("working_dir: a/b\nrequirements: ../x.txt", "requirements") == Json{"a/x.txt"});
  CHECK(typed("requirements: a/../x.txt", "requirements") == Json{"x.txt"});
  CHECK(errors("file: ../../x.py\nworking_dir: a\n").find("leads out of the project") !=
        std::string::npos);
  CHECK(errors("file: x\nworking_dir: a\nartifacts: [../out]\n")
            .find("write 'out': artifacts are looked for from the project's folder, too") !=
        std::string::npos);
  CHECK(errors("file: x\nartifacts: [../out]\n").find("only what a job writes in its workspace") !=
        std::string::npos);
}

TEST_CASE("an integer is written in digits, plain or as what a variable became",
          "[provider][types]") {
  CHECK(typed("nodes: 2", "nodes") == 2);
  CHECK(typed("nodes: '2'", "nodes") == 2);
  CHECK(typed("nodes: +2", "nodes") == 2);
  for (const std::string wrong : {"two", "2.0", "0x10", "1e3", "99999999999999999999", "''", "+-2"})
    CHECK(errors("file: x\nnodes: " + wrong + "\n").find("must be a whole number, not '") !=
          std::string::npos);
  CHECK(errors("file: x\nnodes: -1\n") ==
        "2:8 'nodes' of workflow 'train' must be at least 1, not '-1'; 'nodes': A number");
}

TEST_CASE("booleans, sizes and durations reach the provider as values", "[provider][types]") {
  CHECK(typed("verbose: True", "verbose") == true);
  CHECK(typed("disk: 2 GiB", "disk") == 2147483648);
  CHECK(typed("patience: 1h30m", "patience") == 5'400'000);
  CHECK(errors("file: x\ndisk: big\n") ==
        "2:7 'disk' of workflow 'train' must be a size such as 16GB or 512MiB, not 'big'; 'disk': "
        "A size");
  CHECK(errors("file: x\npatience: soon\n") ==
        "2:11 'patience' of workflow 'train' must be a duration such as 90s or 1h30m, not 'soon'; "
        "'patience': A duration");
}

TEST_CASE("one text is a list of one, and elements keep their text", "[provider][types]") {
  CHECK(typed("lines: make", "lines") == Json{"make"});
  CHECK(typed("lines: [a b, 1.0]", "lines") == Json{"a b", "1.0"});
  CHECK(errors("file: x\nlines: [a, [b]]\n") ==
        "2:12 'lines' of workflow 'train' must be a text, not a list; '[' makes a list of it; put "
        "the whole in quotes, or write it on a line of its own below '|'");
  CHECK(errors("file: x\nlines: {a: b}\n").find("must be a text or a list of texts, not a map") !=
        std::string::npos);
}

TEST_CASE("arguments are a list as it is, or one string split as a shell does",
          "[provider][types]") {
  CHECK(typed("args: --name 'a b' c", "args") == Json{"--name", "a b", "c"});
  CHECK(typed("args: [--name, a b, 1.10]", "args") == Json{"--name", "a b", "1.10"});
  CHECK(errors("file: x\nargs: \"it's\"\n") ==
        "2:7 'args' of workflow 'train' cannot be split into arguments: a quote is not closed; "
        "close the quote, or write the arguments as a list");
}

TEST_CASE("an environment is a map, or a list in which a bare name takes the caller's value",
          "[provider][types]") {
  CHECK(typed("environment: {A: 1.0, B: }", "environment") ==
        Json::parse(R"({"A": "1.0", "B": ""})"));
  CHECK(typed("env: [A=x=y, TOKEN, UNKNOWN, B=]", "environment") ==
        Json::parse(R"({"A": "x=y", "TOKEN": "from the caller", "B": ""})"));
  CHECK(check("file: x\nenv: [A=1, B=2]\n")->environment_where.at("B").column == 12);
}

TEST_CASE("what cannot be a variable of the environment is refused at its place",
          "[provider][types]") {
  CHECK(errors("file: x\nenv: {2X: a, OK: {b: c}}\n") ==
        "2:7 '2X' is not a valid environment variable name; use letters, digits and '_', not "
        "beginning with a digit\n"
        "2:18 'environment.OK' of workflow 'train' must be a text, not a map; '{' makes a map of "
        "it; put "
        "the whole in quotes, or write it on a line of its own below '|'");
  CHECK(errors("file: x\nenv: [A=1, A=2]\n") == "2:12 the environment variable 'A' is set twice");
  CHECK(errors("file: x\nenv:\n  - A: 1\n") ==
        "3:5 an entry of 'environment' of workflow 'train' must be NAME=VALUE or NAME, not a map; "
        "write NAME=VALUE, or "
        "make all of it a map");
  CHECK(errors("file: x\nenv: A=1\n")
            .find("must be a map, or a list of NAME=VALUE and NAME, not 'A=1'") !=
        std::string::npos);
}

TEST_CASE("artifacts are paths or maps with a path, the same one only once", "[provider][types]") {
  CHECK(typed("artifacts: [./data, data/, {path: model/best}]", "artifacts") ==
        Json{"data", "model/best"});
  CHECK(typed("artifacts: data", "artifacts") == Json{"data"});
  CHECK(typed("artifacts: {path: data}", "artifacts") == Json{"data"});
  CHECK(errors("file: x\nartifacts: [.]\n").find("is the working directory itself") !=
        std::string::npos);
  CHECK(errors("file: x\nartifacts: [{pth: a}]\n").find("did you mean 'path'?") !=
        std::string::npos);
  CHECK(errors("file: x\nartifacts: {model: big}\n") ==
        "2:13 'artifacts' of workflow 'train' has no member 'model'; it may have 'path' and "
        "'optional'");
  CHECK(errors("file: x\nartifacts: [{}]\n") ==
        "2:13 an artifact must be a path or {path: …}, not a map");
  CHECK(errors("file: x\nartifacts: ['']\n") ==
        "2:13 an artifact must be a path or {path: …}, not ''");
}

TEST_CASE("resources are numbers and bytes, GPUs always a map", "[provider][types]") {
  CHECK(
      typed("resources: {cpu: 4, memory: 16GB, shm-size: 1MiB, interruptible: true, local: false, "
            "gpu: 1}",
            "resources") ==
      Json::parse(
          R"({"cpu": 4, "memory": 16000000000, "shm_size": 1048576, "interruptible": true, "local": false,
                        "gpu": {"count": 1}})"));
  CHECK(typed("resources: {gpu: {name: V100, memory: 16GB}}", "resources") ==
        Json::parse(R"({"gpu": {"name": "V100", "memory": 16000000000, "count": 1}})"));
  CHECK(typed("resources: {gpu: '2'}", "resources") == Json::parse(R"({"gpu": {"count": 2}})"));
  CHECK(typed("resources: {gpu: {count: 0, name: V100}}", "resources")["gpu"]["count"] == 0);
}

TEST_CASE("wrong resources are refused one by one", "[provider][types]") {
  CHECK(errors("file: x\nresources: {gpu: V100}\n") ==
        "2:18 'resources.gpu' of workflow 'train' must be a number of GPUs, or a map of 'count', "
        "'name' and 'memory', "
        "not 'V100'; for a kind of GPU write {name: V100}");
  CHECK(errors("file: x\nresources: {gpu: {}}\n") ==
        "2:18 'resources.gpu' of workflow 'train' is an empty map, which asks for no GPU; write "
        "'gpu: 1' for one GPU, or remove the line");
  CHECK(errors("file: x\nresources: {gpu: {count: null}}\n").find("is an empty map") !=
        std::string::npos);
  CHECK(errors("file: x\nresources: {gpu: {count: all}}\n") ==
        "2:26 'resources.gpu.count' of workflow 'train' must be a whole number, not 'all'; write "
        "how many; 'dstack doctor' shows what this machine has");
  CHECK(
      errors("file: x\nresources: {gpu: {count: 'device=0,1'}}\n").find("write how many: which") !=
      std::string::npos);
  CHECK(
      errors("file: x\nresources: {cpu: all}\n") ==
      "2:18 'resources.cpu' of workflow 'train' must be a whole number, not 'all'; write how many; "
      "'dstack doctor' shows what this machine has");
  CHECK(errors("file: x\nresources: {gpu: -1}\n").find("must be at least 0, not '-1'") !=
        std::string::npos);
  CHECK(errors("file: x\nresources: {memory: 16, gpu: {memory: 40}, shm_size: 512}\n") ==
        "2:21 'resources.memory' of workflow 'train' must be at least 1MB, not '16'; a size "
        "without a unit is bytes; did you mean 16GB?\n"
        "2:39 'resources.gpu.memory' of workflow 'train' must be at least 1MB, not '40'; a size "
        "without a unit is bytes; did you mean 40GB?\n"
        "2:54 'resources.shm_size' of workflow 'train' must be at least 1MB, not '512'; a size "
        "without a unit is bytes; did you mean 512MB?");
  CHECK(errors("file: x\nresources: {memory: 16kB}\n") ==
        "2:21 'resources.memory' of workflow 'train' must be at least 1MB, not '16kB'");
  CHECK(typed("resources: {memory: 0, shm_size: 0}", "resources") ==
        Json::parse(R"({"memory": 0, "shm_size": 0})"));
  CHECK(errors("file: x\nresources: {memory: lots}\n").find("must be a size") != std::string::npos);
  CHECK(errors("file: x\nresources: 4\n") ==
        "2:12 'resources' of workflow 'train' must be a map, not '4'; 'resources': What the job "
        "needs: "
        "cpu, memory, gpu, shm_size, processes, disk, interruptible, local");
  CHECK(errors("file: x\nresources: {shm-size: 1GB, shm_size: 2GB}\n") ==
        "2:28 'resources.shm_size' is given twice");
}

TEST_CASE("requirements are files, and which of their parts are meant", "[provider][types]") {
  CHECK(typed("needs: a/./r.txt\n", "needs") == Json{"a/r.txt"});
  CHECK(typed("needs: [r.txt, {file: ./pyproject.toml, extras: gpu, groups: [dev, docs]}]\n",
              "needs") == Json{"r.txt", "pyproject.toml[gpu]:dev,docs"});
  CHECK(typed("needs: {file: uv.lock, project: true, extras: []}\n", "needs") ==
        Json{"uv.lock+project"});
  CHECK(typed("needs: 'sub/pyproject.toml[a,b]'\n", "needs") == Json{"sub/pyproject.toml[a,b]"});
  CHECK(errors("file: x\nneeds: {file: r.txt, extras: [gpu]}\n") ==
        "2:8 'r.txt' has no extras, groups or project; a pyproject.toml and a uv.lock have them");
  CHECK(errors("file: x\nneeds: {files: uv.lock}\n").find("did you mean 'file'?") !=
        std::string::npos);
  CHECK(errors("file: x\nneeds: {extras: [a]}\n").find("must be a file or {file: …") !=
        std::string::npos);
  CHECK(errors("file: x\nneeds: {file: uv.lock, groups: ['a b']}\n") ==
        "2:33 'a b' is not the name of one");
  CHECK(errors("file: x\nneeds: ../uv.lock\n").find("leads out of the project") !=
        std::string::npos);
}

TEST_CASE("inputs are paths anywhere, with their place in the workspace",
          "[provider][properties]") {
  CHECK(typed("inputs: ./data//x\n", "inputs") ==
        Json::parse(R"([{"path": "data/x", "at": "data/x", "link": false}])"));
  CHECK(typed("inputs: [{path: /big/../big/a/, at: ./x/, link: true}, ../up]\n", "inputs") ==
        Json::parse(
            R"([{"path": "/big/a", "at": "x", "link": true}, {"path": "../up", "link": false}])"));
  CHECK(typed("inputs: {path: a}\n", "inputs") ==
        Json::parse(R"([{"path": "a", "at": "a", "link": false}])"));
  CHECK(typed("inputs: [a$b$1]\n", "inputs").is_string());
  CHECK(typed("inputs: ['a$1', 'b~']\n", "inputs").is_array());
}

TEST_CASE("files of variables are paths anywhere, masked unless they say otherwise",
          "[provider][properties]") {
  CHECK(typed("env-file: .env\n", "env_file") ==
        Json::parse(R"([{"path": ".env", "mask": true}])"));
  CHECK(typed("env_file: [a/./b, {path: /x, mask: false}]\n", "env_file") ==
        Json::parse(R"([{"path": "a/b", "mask": true}, {"path": "/x", "mask": false}])"));
  CHECK(errors("file: x.py\nenv_file: {mask: false}\n") ==
        "2:11 a file of variables must be a path or {path: …, mask: false}; such as '.env'");
}

TEST_CASE("artifacts may be patterns, but not of all that there is", "[provider][types]") {
  CHECK(typed("artifacts: ['*.csv', './out/**/*.pt', 'a[1]']", "artifacts") ==
        Json{"*.csv", "out/**/*.pt", "a[1]"});
  for (const std::string all : {"*", "**", "./**/*"})
    CHECK(errors("file: x\nartifacts: ['" + all + "']\n").find("is the working directory itself") !=
          std::string::npos);
}

TEST_CASE("a bracket of an artifact's pattern must be closed", "[provider][types]") {
  CHECK(errors("file: x\nartifacts: [out/a, 'out/[z']\n").find("has a '[' that no ']' closes") !=
        std::string::npos);
}

TEST_CASE("what only a shell would replace in an artifact's path is refused", "[provider][types]") {
  CHECK(errors("file: x\nartifacts: ['~/model']\n") ==
        "2:13 the artifact '~/model' has '~' in it, which is not replaced: no shell reads this "
        "path; write a path from the working directory on; only what a job writes there can be "
        "saved");
  CHECK(errors("file: x\nartifacts: [ok, {path: out/$RUN_NAME-1/x}]\n") ==
        "2:24 the artifact 'out/$RUN_NAME-1/x' has '$RUN_NAME' in it, which is not replaced: no "
        "shell reads this path; write ${{ name }} for a variable of the workflow");
  CHECK(errors("file: x\nartifacts: ['${HOME}/x']\n").find("has '${HOME}' in it") !=
        std::string::npos);
  CHECK(errors("file: x\nartifacts: [out-$(date)]\n").find("has '$(date)' in it") !=
        std::string::npos);
  CHECK(typed("artifacts: [./~model, model~, cost-in-$, $5]", "artifacts") ==
        Json{"~model", "model~", "cost-in-$", "$5"});
}

TEST_CASE("an artifact is optional if every entry for it says so", "[provider][types]") {
  const auto checked = check(
      "file: x\nartifacts: [a, {path: b, optional: true}, {path: ./c, optional: false}, "
      "{path: d, optional: true}, d]\n");
  REQUIRE(checked);
  CHECK(checked->values["artifacts"] == Json{"a", "b", "c", "d"});
  CHECK(checked->optional_artifacts == std::vector<std::string>{"b"});
  CHECK(errors("file: x\nartifacts: [{path: a, optional: perhaps}]\n").find("true or false") !=
        std::string::npos);
}

TEST_CASE("a working directory is not expanded", "[provider][types]") {
  for (const std::string folder : {"$HOME/x", "~/x", "${DATA}", "$(pwd)"})
    CHECK(errors("file: x\nworking_dir: " + folder + "\n").find("which is not replaced") !=
          std::string::npos);
}
