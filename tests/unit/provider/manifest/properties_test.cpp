#include "checking.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::provider;
using dstack::test::check;
using dstack::test::errors;

TEST_CASE("properties are filed under their own names, defaults filled in",
          "[provider][properties]") {
  const auto checked = check("script: ./src/train.py\nnodes: 2\nworking-dir: src/\n");

  REQUIRE(checked);
  CHECK(checked->values ==
        Json::parse(
            R"({"file": "src/train.py", "nodes": 2, "working_dir": "src", "title": "none"})"));
}

TEST_CASE("every given property has its place, also elements of lists and members of maps",
          "[provider][properties]") {
  const auto checked =
      check("file: x.py\nartifacts:\n  - a\n  - {path: b}\nresources: {gpu: {count: 2}}\n");

  REQUIRE(checked);
  CHECK(checked->where.at("file").column == 7);
  CHECK(checked->where.at("artifacts.1").line == 4);
  CHECK(checked->where.at("resources.gpu.count").column == 26);
  CHECK_FALSE(checked->where.contains("nodes"));
}

TEST_CASE("an unknown property is reported at its key with the nearest name",
          "[provider][properties]") {
  CHECK(errors("file: x.py\nartifcats: [a]\n") ==
        "2:1 workflow 'train' has no property 'artifcats'; did you mean 'artifacts'?");
  CHECK(errors("file: x.py\ndepend-on: [a]\n").find("did you mean 'depends-on'") !=
        std::string::npos);
  CHECK(errors("file: x.py\nzzzzzz: 1\n") ==
        "2:1 workflow 'train' has no property 'zzzzzz'; provider 'demo' takes 'file', 'args', "
        "'title', 'nodes', "
        "'verbose', 'disk', 'patience', 'lines', 'needs', 'requirements', 'environment', "
        "'env_file', 'inputs', 'working_dir', 'artifacts', 'resources', 'workspace', 'setup', "
        "'timeout', 'retry' and 3 more");
}

TEST_CASE("a required property that is missing is reported at the entry, an empty one at its place",
          "[provider][properties]") {
  CHECK(errors("nodes: 1\n") ==
        "1:1 workflow 'train' lacks 'file', which provider 'demo' requires; add 'file: …' (The "
        "script)");
  CHECK(errors("nodes: 1\nfile:\n") == "2:1 'file' of workflow 'train' is empty; The script");
  CHECK(errors("file: ''\n") ==
        "1:7 'file' of workflow 'train' must be the path of a file, not ''; 'file': The script");
}

TEST_CASE("a property given under two of its names is reported at the second",
          "[provider][properties]") {
  CHECK(errors("file: x.py\nscript: y.py\n") ==
        "2:1 'script' is the same property as 'file', which is already given in line 1; keep one "
        "of them; the "
        "property's name is 'file'");
  CHECK(errors("file: x.py\nworking-dir: a\nworking_dir: b\n")
            .find("3:1 'working_dir' is the same") == 0);
}

TEST_CASE("a property without a value counts as not given", "[provider][properties]") {
  const auto checked = check("file: x.py\nartifacts:\nnodes: ~\nresources: {gpu: }\n");

  REQUIRE(checked);
  CHECK_FALSE(checked->values.contains("artifacts"));
  CHECK(checked->values["nodes"] == 1);
  CHECK(resources_of(*checked) == Json::object());
}

TEST_CASE("all errors of a workflow are reported together, in the order of the file",
          "[provider][properties]") {
  CHECK(errors("nodes: 0\nverbose: yes\nartifacts: [/tmp/x, ok, ../y]\nresources: {cpu: many, gup: "
               "1}\n") ==
        "1:8 'nodes' of workflow 'train' must be at least 1, not '0'; 'nodes': A number\n"
        "2:10 'verbose' of workflow 'train' must be true or false, not 'yes'; write true\n"
        "3:13 the artifact '/tmp/x' must be a relative path; only what a job writes in its "
        "workspace can be saved, by a path from the working directory\n"
        "3:25 the artifact '../y' leads out of the working directory; only what a job writes in "
        "its workspace can be saved, by a path from the working directory\n"
        "4:18 'resources.cpu' of workflow 'train' must be a whole number, not 'many'\n"
        "4:24 'resources' of workflow 'train' has no member 'gup'; did you mean 'gpu'?\n"
        "1:1 workflow 'train' lacks 'file', which provider 'demo' requires; add 'file: …' (The "
        "script)");
}

TEST_CASE("resources that nobody asked for are an empty map", "[provider][properties]") {
  CHECK(resources_of(check("file: x.py\n").value()) == Json::object());
}

namespace {

Manifest manifest_of(const std::string& properties, const std::string& one_of = "[]") {
  return parse_manifest(R"({"abi": "0.0", "name": "x", "version": "1", "properties": [)" +
                        properties + R"(], "one_of": )" + one_of + "}")
      .value();
}

}  // namespace

TEST_CASE("exactly one property of a group is given", "[provider]") {
  const Manifest manifest = manifest_of(R"({"name": "image", "type": "text", "help": "An image"},
                     {"name": "build", "type": "build", "help": "A folder"})",
                                        R"([["image", "build"]])");
  CHECK(errors("image: a\n", manifest) == "no error");
  CHECK(errors("build: .\nimage:\n", manifest) == "no error");
  CHECK(errors("{}\n", manifest) ==
        "1:1 workflow 'train' lacks 'image' or 'build': provider 'x' requires one of them; add "
        "'image: …' (An image) or 'build: …' (A folder)");
  CHECK(errors("image: a\nbuild: .\n", manifest) ==
        "2:8 workflow 'train' has both 'image' and 'build', which exclude each other; keep one of "
        "them");
  // One that is wrong or misspelt is one mistake.
  CHECK(errors("imgae: a\n", manifest) ==
        "1:1 workflow 'train' has no property 'imgae'; did you mean 'image'?");
  CHECK(errors("build: /else/where\n", manifest).find('\n') == std::string::npos);
}

TEST_CASE("a manifest says for which other names a property is suggested, and how", "[provider]") {
  const Manifest manifest =
      manifest_of(R"({"name": "ports", "type": "integer", "minimum": 0, "maximum": 100,
                      "suggest_for": ["port"], "hint": "'ports' is how many", "help": "Ports"},
                     {"name": "lines", "type": "texts", "suggest_for": ["steps"]})");
  CHECK(errors("port: 80\n", manifest) ==
        "1:1 workflow 'train' has no property 'port'; 'ports' is how many");
  CHECK(errors("steps: [a]\n", manifest) ==
        "1:1 workflow 'train' has no property 'steps'; did you mean 'lines'?");
  CHECK(errors("ports: \"8080:80\"\n", manifest) ==
        "1:8 'ports' of workflow 'train' must be a whole number, not '8080:80'; 'ports' is how "
        "many");
  CHECK(errors("ports: 8501\n", manifest) ==
        "1:8 'ports' of workflow 'train' must be at most 100, not '8501'; 'ports' is how many");
}

TEST_CASE("what an image is built from is a folder, or a map with paths from the project's root",
          "[provider]") {
  const Manifest manifest = manifest_of(R"({"name": "build", "type": "build"})");
  const auto built = [&](const std::string& yaml) {
    const auto checked = check(yaml, manifest);
    return checked ? checked->values["build"] : Json(render(checked.error()));
  };
  CHECK(built("build: .\n") == Json{{"context", ""}, {"dockerfile", "Dockerfile"}});
  CHECK(built("build: ./sub/\n") == Json{{"context", "sub"}, {"dockerfile", "sub/Dockerfile"}});
  CHECK(built("build: {context: sub, dockerfile: ../a.Dockerfile, args: {N: 1}, target: t}\n") ==
        Json{{"context", "sub"},
             {"dockerfile", "a.Dockerfile"},
             {"args", {{"N", "1"}}},
             {"target", "t"}});
  CHECK(built("build: {args: [N=1]}\n") ==
        Json{{"args", {{"N", "1"}}}, {"context", ""}, {"dockerfile", "Dockerfile"}});
  CHECK_THAT(errors("build: ..\n", manifest), Catch::Contains("leads out of the project"));
  CHECK_THAT(
      errors("build: {dockerfile: ../D}\n", manifest),
      Catch::Contains("'build.dockerfile' of workflow 'train' is not a file of the project"));
  CHECK_THAT(errors("build: {contxt: .}\n", manifest), Catch::Contains("did you mean 'context'?"));
  CHECK_THAT(errors("build: [a]\n", manifest), Catch::Contains("must be a folder, or {context"));
}
