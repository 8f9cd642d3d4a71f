// `inputs`: data that is not code, in whole runs.
#include "dstack/base/sha256.hpp"
#include "dstack/overlay/mount.hpp"
#include "support/sandbox.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A project in Git that ignores `data/` and `.env`, without a commit.
void make_ignoring_project(const Sandbox& box) {
  process::Command git = box.command({});
  git.argv = {"git", "init", "-q", "."};
  REQUIRE(process::run(git, {}, std::chrono::seconds(100)));
  box.file(".gitignore", "data/\n.env\n");
}

void write(const Path& path, const std::string& text) {
  REQUIRE(make_folders(path.parent_path()));
  REQUIRE(write_file_atomically(path, text, Durable::no));
}

Json input_files(const Sandbox& box) {
  return box.json({"show", box.last_run(), "--json"})["workflows"].back()["input_files"];
}

}  // namespace

TEST_CASE("inputs that Git ignores, and some from elsewhere, are in the job and on record") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/data.xml", "<x/>");
  const Path images = box.root() / "big" / "images";
  write(images / "1.png", "one");
  write(images / "more" / "2.png", "two");
  box.workflows("workflows:\n  - name: w\n    provider: bash\n    inputs: [data/data.xml, {path: " +
                images.string() +
                ", at: data/images}]\n"
                "    commands: [cat data/data.xml data/images/1.png data/images/more/2.png, "
                "'echo mine > data/images/1.png']\n");

  CHECK(box.ok({"run", "w"}) == "<x/>onetwo");

  CHECK(*read_file(images / "1.png") == "one");
  const Json inputs = input_files(box);
  REQUIRE(inputs.size() == 2);
  CHECK(inputs[0]["path"] == "data/data.xml");
  CHECK(inputs[0]["at"] == "data/data.xml");
  CHECK(inputs[0]["size"] == 4);
  CHECK(inputs[0]["sha256"] == sha256("<x/>").render());
  CHECK(inputs[0]["link"] == false);
  CHECK(inputs[1]["path"] == images.string());
  CHECK(inputs[1]["at"] == "data/images");
  CHECK(inputs[1]["size"] == 6);
  CHECK(inputs[1]["files"] == 2);
  CHECK(inputs[1]["sha256"].is_string());
  CHECK(holds(box.ok({"show", box.last_run()}), "data/images, a copy of " + images.string()));
  CHECK(holds(box.ok({"run", "w", "--dry-run"}), "data/data.xml, 4 B"));
}

TEST_CASE("an input is as it was when the run was submitted, whatever becomes of it") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/x", "before");
  const std::string go = (box.root() / "go").string();
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"until test -e " +
      go +
      "; do sleep 0.01; done\"]}\n"
      "  - {name: b, provider: bash, depends-on: [a], inputs: data/x, commands: [cat data/x]}\n");
  const std::string name = box.start({"b"});
  box.file("data/x", "after");
  write(go, "");
  box.wait(name);
  CHECK(holds(box.ok({"logs", name}), "before"));
}

TEST_CASE("a linked input is a link in the job, recorded by path, size and time, and not copied") {
  const Sandbox box;
  make_ignoring_project(box);
  const Path images = box.root() / "images";
  write(images / "1", "one");
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    inputs: [{path: " + images.string() +
      ", at: in/images, link: true}]\n"
      "    commands: [readlink in/images, cat in/images/1]\n");

  CHECK(box.ok({"run", "w"}) == images.string() + "\none");

  const Json input = input_files(box)[0];
  CHECK(input["link"] == true);
  CHECK(input["size"] == 3);
  CHECK(input["sha256"].is_null());
  CHECK(holds(input["modified"].get<std::string>(), "T"));
  CHECK(holds(box.ok({"show", box.last_run()}),
              "in/images -> " + images.string() + " (a symbolic link, not a copy)"));
  const Json shown = box.json({"show", box.last_run(), "--json"});
  // Neither the link nor what is behind it is an edit of the job.
  CHECK(box.ok({"code", box.last_run(), "--changes"}).empty());
  CHECK(*read_file(images / "1") == "one");
}

TEST_CASE("a job cannot write to a linked input by accident") {
  const Sandbox box;
  if (const auto tried = overlay::try_in(box.root()); !tried)
    SKIP("nothing can be mounted here: " + render(tried.error()));
  const Path data = box.root() / "lent";
  write(data / "1", "one");
  box.workflows("workflows:\n  - name: w\n    provider: bash\n    inputs: [{path: " +
                data.string() + ", at: lent, link: true}]\n    commands: ['echo two > lent/1']\n");
  CHECK(holds(box.run({"run", "w"}).out, "Read-only file system"));
  CHECK(*read_file(data / "1") == "one");
}

TEST_CASE("a folder of the project is linked as well, and replaces what the code has of it") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/big", "big");
  box.file("raw/.gitkeep", "");
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n"
      "    inputs: [{path: data, link: true}, {path: \"${{ run.project }}/data\", at: raw, link: "
      "true}]\n"
      "    commands: [cat data/big raw/big]\n");
  CHECK(box.ok({"run", "w"}) == "bigbig");
  CHECK(input_files(box)[1]["path"] == "data");
}

TEST_CASE("a job whose linked input has gone meanwhile does not start, and says so") {
  const Sandbox box;
  const Path data = box.root() / "lent";
  write(data / "1", "one");
  const std::string go = (box.root() / "go").string();
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"until test -e " +
      go +
      "; do sleep 0.01; done\"]}\n"
      "  - {name: b, provider: bash, depends-on: [a], inputs: {path: " +
      data.string() + ", at: d, link: true}, commands: [cat d/1]}\n");
  const std::string name = box.start({"b"});
  REQUIRE(remove_tree(data));
  write(go, "");
  const Json run = box.wait(name);
  CHECK(run["jobs"][1]["cause"] == "start");
  CHECK(holds(run["jobs"][1]["reason"].get<std::string>(),
              "the linked input '" + data.string() + "' has gone"));
}

TEST_CASE("the code of a run is written with its inputs, or says which have gone") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/x", "copied");
  const Path lent = box.root() / "lent";
  write(lent / "1", "one");
  box.workflows("workflows:\n  - name: w\n    provider: bash\n    inputs: [data/x, {path: " +
                lent.string() + ", at: lent, link: true}]\n    commands: [\"true\"]\n");
  box.ok({"run", "w"});
  REQUIRE(remove_tree(box.project() / "data"));

  const Path then = box.root() / "then";
  box.ok({"code", "-o", then.string()});
  CHECK(*read_file(then / "data" / "x") == "copied");
  CHECK(fs::read_symlink(then / "lent") == lent);
  CHECK(holds(box.ok({"code"}), "lent -> " + lent.string()));

  write(lent / "2", "two");
  const auto changed = box.run({"code", "-o", (box.root() / "changed").string()});
  CHECK(holds(changed.err, "the linked input '" + lent.string() + "' has changed since the run"));
  REQUIRE(remove_tree(lent));
  const std::string why = box.refused({"code", "-o", (box.root() / "later").string()}, 1);
  CHECK(holds(why, "the linked input '" + lent.string() + "' has gone"));
  CHECK(*read_file(box.root() / "later" / "data" / "x") == "copied");
}

TEST_CASE("wrong inputs are refused before the start, each with its place and what to do") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/data.xml", "<x/>");
  box.file("src/sub/x", "x");
  box.file("train.py", "");
  const Path outside = box.root() / "outside";
  write(outside / "f", "f");
  const auto refused = [&](const std::string& inputs, const std::string& more = "") {
    box.workflows("workflows:\n  - name: w\n    provider: bash\n    commands: [\"true\"]\n" + more +
                  "    inputs: " + inputs + "\n");
    const std::string why = box.refused({"run", "w"}, 2);
    CHECK(holds(why, ".dstack/workflows.yaml:"));
    CHECK(holds(why, "hint: "));
    CHECK(box.ok({"ps", "-a", "--json"}) == "[]\n");
    return why;
  };

  CHECK(holds(refused("[data/data.xm]"), "did you mean 'data/data.xml'?"));
  CHECK(holds(refused("[sub/x]", "    working_dir: src\n"), "write 'src/sub/x'"));
  CHECK(holds(refused("[~/data]"), "write the whole path: '"));
  CHECK(holds(refused("[$HOME/data]"), "'$HOME' is not expanded"));
  CHECK(holds(refused("[$DSTACK_PROJECT/data]"), "write 'data'"));
  CHECK(holds(refused("[{path: data, at: ../x}]"), "'at' leads out of the project: '../x'"));
  CHECK(holds(refused("[{path: data, at: /x}]"), "'at' leads out of the project: '/x'"));
  CHECK(holds(refused("[{path: data, at: .}]"), "'at' is the project's root itself"));
  CHECK(holds(refused("[{path: data, to: x}]"), "has no member 'to'"));
  CHECK(holds(refused("[{at: x}]"), "an input must be a path"));
  CHECK(holds(refused("[data, {path: src, at: data}]"), "two inputs are laid at 'data'"));
  CHECK(holds(refused("[{path: data, at: d, link: true}, {path: src, at: d/src}]"),
              "the input 'data' is a link at 'd'"));
  CHECK(holds(refused("[{path: data/data.xml, at: d}, {path: src, at: d/src}]"),
              "the input 'data/data.xml' is a file at 'd'"));
  CHECK(holds(refused("[{path: data, at: train.py/x}]"), "'train.py' is a file of the code"));
  CHECK(holds(refused("[{path: data, at: train.py}]"), "that is a file of the code"));
  CHECK(holds(refused("[{path: data/data.xml, at: src}]"), "that is a folder of the code"));
  CHECK(holds(refused("[{path: data, at: src, link: true}]"), "would hide the files of the code"));
  CHECK(holds(refused("[{path: data, link: true}]", "    artifacts: [data/out]\n"),
              "the artifact 'data/out' would be in the linked input"));
  CHECK(holds(refused("[{path: data, at: d, link: true}]", "    working_dir: d\n"),
              "the working directory 'd' would be in the linked input"));
}

TEST_CASE("an unreadable input is refused before the start, with the file that is") {
  if (::geteuid() == 0)
    SKIP("root may read everything");
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/a/secret", "x");
  REQUIRE(::chmod((box.project() / "data/a/secret").c_str(), 0) == 0);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, inputs: [data], commands: [\"true\"]}\n");
  const std::string why = box.refused({"run", "w"}, 1);
  CHECK(holds(why, "cannot read 'a/secret'"));
  CHECK(holds(why, ".dstack/workflows.yaml:2:"));
}

TEST_CASE("data that is only on the machine of a run is not missed by validate") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, inputs: [data/big], env_file: .env, commands: "
      "[\"true\"]}\n");
  box.ok({"validate"});
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, inputs: [~/big], commands: [\"true\"]}\n");
  CHECK(holds(box.refused({"validate"}, 2), "'~' is not expanded"));
}

TEST_CASE("the artifacts of another workflow win over an input at the same place") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/x", "input");
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [mkdir -p out, \"echo made > out/x\"], artifacts: "
      "[out]}\n"
      "  - {name: b, provider: bash, depends-on: [a], inputs: [{path: data, at: out}], commands: "
      "[cat out/x]}\n");
  const auto output = box.run({"run", "b"});
  CHECK(holds(output.out, "made"));
  CHECK(holds(output.out + output.err, "'out/x'"));
}

TEST_CASE("in the project itself an input is where it is") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/x", "x");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, workspace: project, inputs: [data/x], commands: "
      "[cat data/x]}\n");
  const auto output = box.run({"run", "w"});
  INFO(output.err);
  CHECK(output.out == "x");
  CHECK_FALSE(holds(output.err, "skipped"));
}

TEST_CASE("a script may come from an input") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file("data/hello.py", "print('hello')\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: python, file: data/hello.py, inputs: [data]}\n");
  CHECK(box.ok({"run", "w"}) == "hello\n");
}

TEST_CASE(
    "the project's folder has a reference, and its variable is no folder's name in the files") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, environment: {DATA: \"${{ run.project "
      "}}/data\"}, commands: [echo $DATA]}\n");
  CHECK(box.ok({"run", "w"}) == (fs::canonical(box.project()) / "data").string() + "\n");
  for (const std::string text : {"$DSTACK_PROJECT/data", "${DSTACK_PROJECT}/data"}) {
    box.workflows("workflows:\n  - {name: w, provider: bash, environment: {DATA: \"" + text +
                  "\"}, commands: [echo $DATA]}\n");
    const std::string why = box.refused({"run", "w"}, 2);
    CHECK(holds(why, "in 'DATA' is not the name of a folder"));
    CHECK(holds(why, "'${{ run.project }}/data'"));
  }
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, working_dir: $DSTACK_PROJECT/src, commands: "
      "[pwd]}\n");
  CHECK(holds(box.refused({"run", "w"}, 2), "write 'src'"));
}
