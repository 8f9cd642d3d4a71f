#include "dstack/python/requirements.hpp"

#include "dstack/base/text.hpp"
#include "dstack/python/requirement_variables.hpp"
#include "dstack/python/stage.hpp"
#include "support/environment_folder.hpp"
#include "support/results.hpp"
#include "support/text.hpp"

using namespace dstack;
using namespace dstack::python;

namespace {

Result<Requirements> read(const EnvironmentFolder& at, std::vector<std::string> files) {
  return read_requirements({"", std::move(files), {}}, at.root);
}

std::string place(const Error& error) {
  return error.where ? error.where->render() : "";
}

}  // namespace

TEST_CASE("included files are read, relative to the including one, each once") {
  const EnvironmentFolder at;
  at.write("requirements/dev.txt",
           "-r base.txt\n--constraint=../limits.txt\npytest\n-rbase.txt  # again\n");
  at.write("requirements/base.txt", "numpy\n");
  at.write("limits.txt", "numpy<3\n");

  const auto read_ones = read(at, {"./requirements/dev.txt"});

  REQUIRE(read_ones);
  REQUIRE(read_ones->files.size() == 3);
  CHECK(read_ones->files[0].name == "requirements/dev.txt");
  CHECK(read_ones->files[1].name == "requirements/base.txt");
  CHECK(read_ones->files[2].name == "limits.txt");
  CHECK(read_ones->roots == std::vector<std::size_t>{0});
  CHECK(read_ones->title == "'requirements/dev.txt'");
}

TEST_CASE("cyclic includes are an error that shows the cycle") {
  const EnvironmentFolder at;
  at.write("a.txt", "-r b.txt\n");
  at.write("b.txt", "six\n-r a.txt\n");

  const auto circle = read(at, {"a.txt"});

  REQUIRE_FALSE(circle);
  CHECK(circle.error().message ==
        "requirement files include each other in a cycle: a.txt -> b.txt -> a.txt");
  CHECK(place(circle.error()) == "b.txt:2:4");
}

TEST_CASE("includes are followed to a depth and a number that no list of packages needs") {
  const EnvironmentFolder at;
  for (int i = 0; i < 100; ++i)
    at.write("deep/" + std::to_string(i) + ".txt", "-r " + std::to_string(i + 1) + ".txt\n");
  at.write("deep/100.txt", "numpy\n");
  CHECK(read(at, {"deep/37.txt"}));
  const auto deep = read(at, {"deep/36.txt"});
  REQUIRE_FALSE(deep);
  CHECK(deep.error().message == "more than 64 files include each other here");
  CHECK(place(deep.error()) == "deep/99.txt:1:4");

  std::string all;
  for (int i = 1; i < 1000; ++i) {
    at.write("many/" + std::to_string(i) + ".txt", "numpy\n");
    all += "-r " + std::to_string(i) + ".txt\n";
  }
  at.write("many/all.txt", all);
  CHECK(read(at, {"many/all.txt"}));
  at.write("many/1000.txt", "numpy\n");
  at.write("many/all.txt", all + "-r 1000.txt\n");
  const auto many = read(at, {"many/all.txt"});
  REQUIRE_FALSE(many);
  CHECK(many.error().message == "more than 1000 files are included");
}

TEST_CASE("what is not a file, or longer than a list of packages, is not read") {
  const EnvironmentFolder at;
  fs::create_symlink("/dev/zero", at.root / "endless.txt");
  at.write("long.txt", std::string((4u << 20) + 1, '#'));
  at.write("all.txt", "-r endless.txt\n");
  for (const std::string name : {"endless.txt", "all.txt"}) {
    const auto endless = read(at, {name});
    REQUIRE_FALSE(endless);
    CHECK(endless.error().message == "requirements file 'endless.txt' is not a file");
  }
  const auto large = read(at, {"long.txt"});
  REQUIRE_FALSE(large);
  CHECK(large.error().message == "requirements file 'long.txt' is larger than 4 MiB");
}

TEST_CASE("missing files are reported with what requires them") {
  const EnvironmentFolder at;
  at.write("a.txt", "\n-r gone.txt\n");

  const auto missing = read(at, {"requirements.txt"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message ==
        "requirements file 'requirements.txt' is not in the project's code");
  CHECK(missing.error().code == ErrorCode::configuration);

  const auto included = read(at, {"a.txt"});
  REQUIRE_FALSE(included);
  CHECK(included.error().message ==
        "'a.txt' includes 'gone.txt', which is not in the project's code");
  CHECK(place(included.error()) == "a.txt:2:4");
}

TEST_CASE("what is outside the project is refused") {
  const EnvironmentFolder at;
  at.write("a.txt", "-r ../b.txt\n");
  at.write("c.txt", "-e ../lib\n");

  for (const std::string name : {"../requirements.txt", "/etc/requirements.txt"}) {
    const Error error = test::failure_of(read(at, {name}));
    CHECK(error.code == ErrorCode::configuration);
    CHECK(test::holds(error.message, name));
  }
  CHECK(test::holds(test::failure_of(read(at, {"a.txt"})).message, "'../b.txt' is outside"));
  const auto local = read(at, {"c.txt"});
  REQUIRE_FALSE(local);
  CHECK(local.error().message ==
        "'../lib' is outside the project, so it is not part of the run's code");
}

TEST_CASE("a pyproject.toml is staged as the requirements that follow from it") {
  const EnvironmentFolder at;
  const EnvironmentFolder other;
  at.write("sub/pyproject.toml",
           "[project]\nname = 'x'\ndependencies = ['six', 'lib']\n"
           "[tool.uv.sources]\nlib = {path = '../lib'}\n[tool.ruff]\n");
  at.write("lib/pyproject.toml", "[project]\n");
  const auto found = read(at, {"sub/pyproject.toml"});
  REQUIRE(found);
  CHECK(found->title == "'sub/pyproject.toml'");
  CHECK(found->files[0].text == "six\nlib @ ../lib\n");
  const Path stage = other.root / "stage";
  const auto names = fill_stage(*found, at.root, stage);
  REQUIRE(names);
  CHECK(*names == std::vector<std::string>{"sub/pyproject.toml.txt"});
  CHECK(*read_file(stage / "sub/pyproject.toml.txt") ==
        "six\nlib @ file://" + stage.string() + "/.code/lib\n");
}

TEST_CASE("which files of a project stand where is checked, and said") {
  const EnvironmentFolder at;
  at.write("pyproject.toml", "[project]\nname = 'x'\n");
  at.write("r.txt", "-r pyproject.toml\n");
  at.write("uv.lock", "");
  at.write("sub/uv.lock", "");
  at.write("sub/pyproject.toml", "");
  at.write("environment.yml", "dependencies:\n  - python\n  - pip:\n    - -r r.txt\n");
  CHECK(test::failure_of(read(at, {"r.txt"})).message ==
        "'pyproject.toml' cannot be included by a requirements file");
  CHECK(test::failure_of(read(at, {"setup.py"})).message ==
        "'setup.py' is not a requirements file");
  at.write("lock.txt", "-r poetry.lock\n");
  at.write("yaml.txt", "-r environment.yml\n");
  for (const char* file :
       {"poetry.lock", "sub/pdm.lock", "Pipfile", "Pipfile.lock", "conda-lock.yml"}) {
    at.write(file, "");
    const Error foreign = test::failure_of(read(at, {file}));
    CHECK(foreign.message == "'" + std::string(file) + "' is not a requirements file");
    CHECK(test::holds(foreign.hint, "name "));
  }
  CHECK(test::holds(test::failure_of(read(at, {"lock.txt"})).message, "'poetry.lock' is not a"));
  CHECK(test::holds(test::failure_of(read(at, {"yaml.txt"})).message, "cannot be included"));
  CHECK(test::holds(test::failure_of(read(at, {"uv.lock", "sub/uv.lock"})).message,
                    "cannot be installed into one environment"));
  CHECK(test::holds(test::failure_of(read(at, {"gone/uv.lock"})).message,
                    "is not in the project's code"));
  const Error conda = test::failure_of(read(at, {"environment.yml"}));
  CHECK(test::holds(conda.message, "names a file of the project for pip"));
  CHECK(place(conda) == "environment.yml:4:1");
}

TEST_CASE("local projects are found in all the ways to write them") {
  const EnvironmentFolder at;
  at.write("setup.py", "");
  at.write("lib/pyproject.toml", "");
  const std::string line = GENERATE("-e .",
                                    "-e.",
                                    "--editable=.",
                                    "./lib",
                                    "lib/",
                                    "-e ./lib[dev]",
                                    "-e lib",
                                    "./lib[a,b] ; python_version > '3'",
                                    "mine @ ./lib",
                                    "./lib  # ours",
                                    "-e file:lib");
  CAPTURE(line);
  at.write("r.txt", "six\n" + line + "\nnumpy\n");

  const auto found = read(at, {"r.txt"});

  REQUIRE(found);
  std::vector<Path> projects;
  for (const Piece& piece : found->files[0].pieces)
    if (piece.kind == PieceKind::project)
      projects.push_back(piece.path);
  REQUIRE(projects.size() == 1);
  CHECK(projects[0] == (line.find("lib") == std::string::npos ? at.root : at.root / "lib"));
}

TEST_CASE("what is not local stays as it is written") {
  const EnvironmentFolder at;
  const std::string text =
      "\n# a comment -r no.txt\n--index-url https://example.org/simple\n-i "
      "https://example.org/a\nsix==1.16 \\\n"
      "    --hash=sha256:00\nnumpy>=1,<2 ; python_version<'4'  # why\nx @ "
      "https://example.org/x.zip\n"
      "git+https://example.org/y.git@main#egg=y\n--extra-index-url "
      "https://example.org/b\nz[extra]~=2.0\r\n-r https://example.org/r.txt\n${INDEX}/w.whl\n";
  at.write("r.txt", text);

  const auto found = read(at, {"r.txt"});

  REQUIRE(found);
  std::string again;
  for (const Piece& piece : found->files[0].pieces) {
    CHECK(piece.kind == PieceKind::text);
    again += piece.text;
  }
  CHECK(again == text);
}

TEST_CASE("a stage holds the files as written, with local projects in copies") {
  const EnvironmentFolder at;
  const EnvironmentFolder other;
  at.write("lib/pyproject.toml", "[project]\n");
  at.write("lib/.git/config", "");
  at.write("sub/r.txt",
           "-r ../base.txt\n-e ./lib[dev] ; python_version > '3'\nours @ file:lib\n-f ../wheels\n");
  at.write("base.txt", "-e git+https://example.org/y.git#egg=y\n");
  at.write("wheels/a.whl", "");
  const auto requirements = read(at, {"sub/r.txt"});
  REQUIRE(requirements);
  const Path stage = other.root / "a stage";

  const auto names = fill_stage(*requirements, at.root, stage);

  REQUIRE(names);
  CHECK(*names == std::vector<std::string>{"sub/r.txt"});
  const std::string url = "file://" + other.root.string() + "/a%20stage/.code/lib";
  CHECK(*read_file(stage / "sub/r.txt") ==
        "-r ../base.txt\n./.code/lib[dev] ; python_version > '3'\nours @ " + url + "\n-f file://" +
            (at.root / "wheels").string() + "\n");
  CHECK(*read_file(stage / "base.txt") == "git+https://example.org/y.git#egg=y\n");
  CHECK(fs::exists(stage / ".code/lib/pyproject.toml"));
  CHECK_FALSE(fs::exists(stage / ".code/lib/.git"));
  CHECK(without_stage("ours @ " + url + "\n", stage) == "ours @ ./lib\n");
}

TEST_CASE("paths in requirements files may have variables") {
  EnvironmentFolder at;
  at.variables["LISTS"] = "lists";
  at.write("lists/base.txt", "six\n");
  at.write("lib/pyproject.toml", "[project]\n");
  at.write("r.txt", "-r ${LISTS}/base.txt\n-e file://${PROJECT_ROOT}/lib\n${UNSET}/x.txt\n");
  const auto read = read_requirements({"", {"r.txt"}, {}}, at.root, at.lookup());
  INFO((read ? "" : render(read.error())));
  REQUIRE(read);
  REQUIRE(read->files.size() == 2);
  CHECK(read->files[1].name == "lists/base.txt");
  CHECK(std::any_of(
      read->files[0].pieces.begin(), read->files[0].pieces.end(), [&](const Piece& piece) {
        return piece.kind == PieceKind::project && piece.path == at.root / "lib";
      }));
}

TEST_CASE("the variables that requirements files use are known, outside of comments") {
  EnvironmentFolder at;
  at.write("r.txt", "-c c.txt\n--index-url https://${INDEX_USER}:${INDEX_PW}@host # ${COMMENT}\n");
  at.write("c.txt", "six\n${INDEX_PW}\n${lower}\n${}\n");
  const auto read = read_requirements({"", {"r.txt"}, {}}, at.root);
  REQUIRE(read);
  std::vector<std::string> found;
  for (const FileVariable& variable : variables_of(*read))
    found.push_back(fmt::format("{} {}:{}", variable.name, variable.file, variable.line));
  CHECK(found == std::vector<std::string>{"INDEX_USER r.txt:2", "INDEX_PW r.txt:2"});
  at.variables["INDEX_PW"] = "hush";
  CHECK(expand_variables("https://${INDEX_USER}:${INDEX_PW}@host", at.lookup()) ==
        "https://${INDEX_USER}:hush@host");
}

TEST_CASE("variables are replaced everywhere but in URLs, which both installers do themselves") {
  EnvironmentFolder at;
  at.variables = {{"VER", "1.16.0"}, {"NAME", "six"}, {"TOKEN", "hush"}};
  at.write("r.txt",
           "${NAME}==${VER}  # not ${VER}\n"
           "other>=${UNSET}\n"
           "x @ https://${TOKEN}@host/x.whl\n"
           "--index-url https://${TOKEN}@host/simple\n"
           "-c limits.txt\n");
  at.write("limits.txt", "six<=${VER}\n");
  const auto read = read_requirements({"", {"r.txt"}, {}}, at.root, at.lookup());
  REQUIRE(read);
  const Path stage = at.root / "stage";
  REQUIRE(fill_stage(*read, at.root, stage));
  CHECK(read_file(stage / "r.txt").value() ==
        "six==1.16.0  # not ${VER}\n"
        "other>=${UNSET}\n"
        "x @ https://${TOKEN}@host/x.whl\n"
        "--index-url https://${TOKEN}@host/simple\n"
        "-c limits.txt\n");
  CHECK(read_file(stage / "limits.txt").value() == "six<=1.16.0\n");
}
