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
  const auto made = process::run({{"python3", "-m", "venv", "--without-pip", venv}, {}, "/"});
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

TEST_CASE("python: pip install inside a job fails with a hint") {
  const Sandbox box;
  box.file("requirements.txt", "six\n");
  box.file("use.py",
           "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, '-m', 'pip', "
           "'install', 'six']))\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: use.py, requirements: "
      "requirements.txt}\n");
  const auto output = box.run({"run", "w"}, std::chrono::minutes(4));
  if (lacks_index(output))
    SKIP("the package index cannot be reached");
  CHECK(Sandbox::code(output) != 0);
  CHECK(output.out.find("requirements") != std::string::npos);
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
