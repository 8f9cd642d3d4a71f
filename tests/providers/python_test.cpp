#include "support/documentation.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

/// No package can be installed here.
bool lacks_index(const process::Output& output) {
  const std::string text = output.out + output.err;
  return text.find("onnection") != std::string::npos ||
         text.find("No matching distribution") != std::string::npos;
}

}  // namespace

TEST_CASE("python: the example of its page runs as it is written") {
  const Sandbox box;
  const std::string page = "docs/providers/python.md";
  write_files_of(page, box);

  const auto output = box.run({"run", "train"}, std::chrono::minutes(4));

  if (lacks_index(output))
    SKIP("the package index cannot be reached");
  INFO(output.err);
  REQUIRE(Sandbox::code(output) == 0);
  const std::string shown = blocks(source(page), "text").back();
  CHECK(shown.starts_with("epoch 1: "));
  for (std::size_t at = 0; at < shown.size(); at = shown.find('\n', at) + 1)
    CHECK(output.out.find(shown.substr(at, shown.find('\n', at) - at)) != std::string::npos);
  const std::string faster = box.ok({"run", "train", "--epochs", "10", "--rate", "0.9"});
  CHECK(faster.find("epoch 10: ") != std::string::npos);
}

TEST_CASE("python: a script runs with its arguments as they are") {
  const Sandbox box;
  box.file("show.py", "import sys, os\nprint(sys.argv[1:], os.environ['EPOCHS'])\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: show.py, args: [\"two words\", \"--x=1\", "
      "\"$HOME\"]}\n");
  box.file(".dstack/variables.yaml", "variables:\n  w: {epochs: 3}\n");
  CHECK(box.ok({"run", "w"}) == "['two words', '--x=1', '$HOME'] 3\n");
  CHECK(box.ok({"run", "w", "--epochs", "7", "--", "more"}) ==
        "['two words', '--x=1', '$HOME', 'more'] 7\n");
}

TEST_CASE("python: args in one string are split as a shell does") {
  const Sandbox box;
  box.file("show.py", "import sys\nprint(sys.argv[1:])\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, script: show.py, args: \"-a 'b c' d\"}\n");
  CHECK(box.ok({"run", "w"}) == "['-a', 'b c', 'd']\n");
}

TEST_CASE("python: requirements build an environment once, and the second run uses it") {
  const Sandbox box;
  box.file("requirements.txt", "six\n");
  box.file("use.py", "import six, sys\nprint(six.__name__, sys.prefix != sys.base_prefix)\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: use.py, requirements: "
      "requirements.txt}\n");
  const auto first = box.run({"run", "w"}, std::chrono::minutes(4));
  if (lacks_index(first))
    SKIP("the package index cannot be reached");
  INFO(first.err);
  REQUIRE(Sandbox::code(first) == 0);
  CHECK(first.out.find("six True\n") != std::string::npos);

  CHECK(box.ok({"run", "w"}) == "six True\n");

  const Json python = box.json({"show", "--json"})["jobs"][0]["python"];
  REQUIRE(python["packages"].size() == 1);
  CHECK(python["packages"][0].get<std::string>().starts_with("six=="));
  CHECK(box.ok({"show"}).find(python["version"].get<std::string>() + "  ") != std::string::npos);
}

TEST_CASE("python: the packages of an active environment are recorded") {
  Sandbox box;
  const std::string venv = (box.root() / "venv").string();
  process::Command make;
  make.argv = {"python3", "-m", "venv", "--without-pip", venv};
  const auto made = process::run(make);
  if (!made || !process::succeeded(made->status))
    SKIP("python3 cannot make a virtual environment here");
  for (const auto& entry : fs::directory_iterator(venv + "/lib"))
    box.file("../venv/lib/" + entry.path().filename().string() +
                 "/site-packages/mine-1.5.dist-info/METADATA",
             "Name: mine\n");
  box.set("VIRTUAL_ENV=" + venv);
  box.workflows("workflows:\n  - {name: w, provider: python, file: use.py}\n");
  box.file("use.py", "print('here')\n");
  CHECK(box.ok({"run", "w"}) == "here\n");
  CHECK(box.json({"show", "--json"})["jobs"][0]["python"]["packages"] == Json{"mine==1.5"});
}

TEST_CASE("python: a pyproject.toml is installed, and code below src is found") {
  const Sandbox box;
  box.file("pyproject.toml", "[project]\nname = 'demo'\ndependencies = ['six']\n");
  box.file("src/demo/__init__.py", "import six\nword = six.__name__\n");
  box.file("scripts/use.py", "import demo\nprint(demo.word)\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: scripts/use.py, requirements: "
      "pyproject.toml}\n");
  const auto output = box.run({"run", "w"}, std::chrono::minutes(4));
  if (lacks_index(output))
    SKIP("the package index cannot be reached");
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out.ends_with("six\n"));
}

TEST_CASE("python: a missing version keeps the run from starting, with how to install it") {
  const Sandbox box;
  box.file("a.py", "print(1)\n");
  box.workflows("workflows:\n  - {name: w, provider: python, file: a.py, version: 2.1}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) != 0);
  CHECK(output.err.find("2.1") != std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("python: a file that does not exist is an error at its place before the start") {
  const Sandbox box;
  box.file("train.py", "print(1)\n");
  box.workflows("workflows:\n  - name: w\n    provider: python\n    file: trian.py\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("workflows.yaml:4:11") != std::string::npos);
  CHECK(output.err.find("train.py") != std::string::npos);
}

TEST_CASE("python: what a job installs is there for it alone, and is on record") {
  const Sandbox box;
  box.file("requirements.txt", "six\n");
  box.file("use.py", "import six, iniconfig\n");
  box.workflows(
      "workflows:\n"
      "  - {name: own, provider: python, file: use.py, requirements: requirements.txt, setup: "
      "pip install -q iniconfig}\n"
      "  - {name: other, provider: python, file: use.py, requirements: requirements.txt}\n");
  const auto own = box.run({"run", "own"}, std::chrono::minutes(4));
  if (lacks_index(own))
    SKIP("the package index cannot be reached");
  INFO(own.err);
  REQUIRE(Sandbox::code(own) == 0);
  const auto packages = box.json({"show", "--json"})["jobs"][0]["python"]["packages"];
  CHECK(packages.dump().find("iniconfig==") != std::string::npos);
  CHECK(packages.dump().find("six==") != std::string::npos);
  CHECK_FALSE(fs::exists(Path(box.home()) / "runs" / box.last_run() / "0" / "python"));
  const auto output = box.run({"run", "other"});
  CHECK(Sandbox::code(output) == 1);
  CHECK((output.out + output.err).find("No module named 'iniconfig'") != std::string::npos);
}

TEST_CASE(
    "python: requirements that cannot be installed fail the job with the tool's own message") {
  const Sandbox box;
  box.file("requirements.txt", "./no-such-folder-here\n");
  box.file("a.py", "print(1)\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: a.py, requirements: requirements.txt}\n");
  const auto output = box.run({"run", "w"}, std::chrono::minutes(4));
  CHECK(Sandbox::code(output) == 125);
  CHECK((output.out + output.err).find("no-such-folder-here") != std::string::npos);
}

TEST_CASE("python: runs without a workflow, by options alone") {
  const Sandbox box;
  box.file("show.py", "import sys\nprint(sys.argv[1:])\n");
  CHECK(box.ok({"run", "python", "show.py", "a", "b"}) == "['a', 'b']\n");
}

TEST_CASE("python: a module runs as with python -m, from the working directory") {
  const Sandbox box;
  box.file("src/pkg/__init__.py", "");
  box.file("src/pkg/train.py", "import sys, os\nprint(__name__, __package__, sys.argv[1:])\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, module: pkg.train, working_dir: src, args: "
      "[\"two words\"]}\n");
  CHECK(box.ok({"run", "w", "--", "-x"}) == "__main__ pkg ['two words', '-x']\n");
  CHECK(box.ok({"run", "python", "-m", "src.pkg.train", "--", "--epochs", "3"}) ==
        "__main__ src.pkg ['--epochs', '3']\n");
}

TEST_CASE("python: a module that can be none, or beside a file, is an error at its place") {
  const Sandbox box;
  box.file("train.py", "print(1)\n");
  const auto refusal = [&](const std::string& properties) {
    box.workflows("workflows:\n  - name: w\n    provider: python\n    " + properties + "\n");
    return box.refused({"validate"}, 2);
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  for (const char* name : {"train.py", "pkg/train", "pkg..train", "pkg.", "-c", "3d", "a b"}) {
    INFO(name);
    const std::string said = refusal("module: '" + std::string(name) + "'");
    CHECK(has(said, "is not the name of a Python module"));
    CHECK(has(said, "workflows.yaml:4:13"));
  }
  CHECK(has(refusal("module: pkg/train.py"), "name a script with 'file'"));
  const std::string both = refusal("module: train\n    file: train.py");
  CHECK(has(both, "exclude each other"));
  CHECK(has(refusal("args: [a]"), "'file'"));
}

TEST_CASE(
    "python: the version that the project names is used, and a note says which file named it") {
  const Sandbox box;
  box.file("show.py", "import sys\nprint('%d.%d' % sys.version_info[:2])\n");
  box.workflows("workflows:\n  - {name: w, provider: python, file: show.py}\n");
  const auto usual = box.run({"run", "w"});
  REQUIRE(Sandbox::code(usual) == 0);
  const std::string version = usual.out.substr(0, usual.out.find('\n'));
  const auto noted = [&](const std::string& part) {
    const auto output = box.run({"run", "w"});
    INFO(output.err);
    return output.out == version + "\n" && output.err.find(part) != std::string::npos;
  };
  box.file("pyproject.toml", "[project]\nname = 'x'\nrequires-python = '==" + version + ".*'\n");
  CHECK(noted("'pyproject.toml' requires '==" + version + ".*'"));
  box.file(".python-version", "# ours\ncpython-" + version + "\n");
  CHECK(noted("as '.python-version' says"));
  CHECK(box.ok({"run", "w", "--dry-run"}).find("as '.python-version' says") != std::string::npos);
}

TEST_CASE("python: dependencies that no run installs are noted") {
  const Sandbox box;
  box.file("a.py", "print(1)\n");
  box.file("pyproject.toml", "[project]\nname = 'x'\nversion = '0'\ndependencies = ['six']\n");
  const auto output = box.run({"run", "python", "a.py"});
  CHECK(output.err.find("'pyproject.toml' lists packages, and this run installs none of them: "
                        "'requirements: pyproject.toml' does") != std::string::npos);
}

TEST_CASE("python: an index without anything to install, or that is no address, is refused") {
  const Sandbox box;
  box.file("a.py", "print(1)\n");
  const auto refusal = [&](const std::string& properties) {
    box.workflows("workflows:\n  - {name: w, provider: python, file: a.py, " + properties + "}\n");
    return box.refused({"validate"}, 2);
  };
  CHECK(refusal("index: 'https://example.org/simple'").find("without 'requirements'") !=
        std::string::npos);
  box.file("r.txt", "six\n");
  CHECK(refusal("requirements: r.txt, index: example.org")
            .find("'example.org' is not the address of a package index") != std::string::npos);
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: a.py, requirements: r.txt, index: "
      "'https://ci:${{ secrets.PW }}@example.org/simple'}\n");
  box.ok({"validate"});
  CHECK(box.refused({"run", "w"}, 2).find("there is no secret 'PW'") != std::string::npos);
}
