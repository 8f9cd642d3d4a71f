// Workspaces of many files: overlays over layers that jobs share.
#include "dstack/store/layers/layers.hpp"

#include "dstack/overlay/mount.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <sys/stat.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A project with more files than are copied.
class Box : public Sandbox {
 public:
  Box() {
    const auto tried = overlay::try_in(root());
    if (!tried)
      SKIP("no overlay can be mounted here: " + render(tried.error()));
    for (int i = 0; i < 100; ++i)
      file(fmt::format("code/{}.txt", i), fmt::format("{}\n", i));
    file("single", "1\n");
  }

  files::Home dstack_home() const { return {home()}; }

  std::vector<Path> layers() const {
    std::vector<Path> all;
    for (fs::directory_iterator each(store::layers_folder(dstack_home())), end; each != end; ++each)
      if (fs::is_directory(each->path()))
        all.push_back(each->path());
    return all;
  }
};

/// A workflow whose artifact others depend on.
const std::string given =
    "workflows:\n  - {name: given, provider: bash, artifacts: [data], commands: "
    "['mkdir data; echo old > data/old; echo gone > data/gone']}\n";
constexpr const char* is_overlay = "grep -q \" $PWD overlay \" /proc/self/mounts";

}  // namespace

TEST_CASE("a job of many files changes what it likes, and the next one finds all as it was") {
  const Box box;
  box.workflows(given + fmt::format(R"(
  - name: change
    provider: bash
    depends-on: [given]
    artifacts: [data, out]
    commands:
      - {}
      - echo more >> single
      - rm -r code && mkdir code && echo new > code/new.txt
      - rm data/gone && echo new > data/new
      - mkdir out && echo o > out/o
  - name: look
    provider: bash
    depends-on: [given]
    commands: ["cat single data/gone; ls code | wc -l"]
)",
                                    is_overlay));
  box.ok({"run", "change"});
  const Path got = box.root() / "got";
  box.ok({"artifacts", "download", box.last_run(), "-w", "change", "-o", got.string()});
  CHECK(*read_file(got / "data/new") == "new\n");
  CHECK(*read_file(got / "data/old") == "old\n");
  CHECK_FALSE(fs::exists(got / "data/gone"));
  CHECK(*read_file(got / "out/o") == "o\n");
  const std::string changes = box.ok({"code", "--changes"});
  CHECK(changes.find("M  single\n") != std::string::npos);
  CHECK(changes.find("A  code/new.txt\n") != std::string::npos);
  CHECK(changes.find("D  code/99.txt\n") != std::string::npos);
  CHECK(changes.find("data") == std::string::npos);
  CHECK(box.ok({"run", "look"}) == "look | 1\nlook | gone\nlook | 100\n");
}

TEST_CASE("nothing of a workspace in layers is left once its job is saved") {
  const Box box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, artifacts: [out], "
      "commands: ['mkdir out; echo 1 > out/x; echo 2 > single; mkdir -m 0 closed']}\n");
  box.ok({"run", "w"});
  const Path folder = box.dstack_home().job(box.last_run(), 0);
  for (const char* name :
       {run::file_names::workspace, run::file_names::written, run::file_names::overlay_work}) {
    INFO(name);
    test::wait_until([&] { return ::access((folder / name).c_str(), F_OK) != 0; });
  }
}

TEST_CASE("jobs share a layer, to which none of them can write") {
  const Box box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: "
      "['for f in \"$DSTACK_LAYERS\"/*/code/1.txt; do echo 2 > $f && echo written; done; "
      "true']}\n");
  const auto run = [&] {
    return box.run(
        {"run", "w", "-e", "DSTACK_LAYERS=" + store::layers_folder(box.dstack_home()).string()});
  };
  CHECK(run().out.find("written") == std::string::npos);
  const auto first = box.layers();
  REQUIRE(first.size() == 1);

  struct stat before {};

  struct stat after {};

  REQUIRE(::stat(first[0].c_str(), &before) == 0);
  CHECK(run().out.find("Read-only file system") != std::string::npos);
  CHECK(box.layers() == first);
  REQUIRE(::stat(first[0].c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(*read_file(first[0] / "code/1.txt") == "1\n");
}

TEST_CASE("few files are copied, and with workspace: copy all are") {
  const Box box;
  box.workflows(fmt::format(R"(workflows:
  - {{name: copy, provider: bash, workspace: copy, commands: ['! {0}']}}
  - {{name: layers, provider: bash, commands: ['{0}']}}
)",
                            is_overlay));
  box.ok({"run", "layers"});
  CHECK(box.json({"show", "--json"})["jobs"][0]["workspace"] ==
        (::geteuid() == 0 ? "overlay" : "overlay in a user namespace"));
  CHECK(box.ok({"show"}).find("workspace: overlay") != std::string::npos);
  box.ok({"run", "copy"});
  CHECK(box.json({"show", "--json"})["jobs"][0]["workspace"] == "copy");
}

TEST_CASE("inputs are layers, too, and where they meet the later dependency wins with a warning") {
  const Box box;
  box.workflows(fmt::format(R"(workflows:
  - {{name: a, provider: bash, artifacts: [made], commands: ["mkdir made; echo a > made/x; echo a > made/a"]}}
  - {{name: b, provider: bash, artifacts: [made], commands: ["mkdir made; echo b > made/x; echo b > made/b"]}}
  - name: use
    provider: bash
    depends-on: [a, b]
    artifacts: [made]
    commands: ['{}', "cat made/x made/a made/b", "rm made/a; echo c > made/c"]
)",
                            is_overlay));
  const auto output = box.run({"run", "use"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out.find("use | b\nuse | a\nuse | b\n") != std::string::npos);
  CHECK(output.err.find("won: 'made/x'") != std::string::npos);
  box.ok({"artifacts", "download", box.last_run(), "-w", "use", "-o", (box.root() / "d").string()});
  CHECK(*read_file(box.root() / "d/made/x") == "b\n");
  CHECK(*read_file(box.root() / "d/made/c") == "c\n");
  CHECK_FALSE(fs::exists(box.root() / "d/made/a"));
}

TEST_CASE("a stop and an abort reach a job in layers") {
  const Box box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, artifacts: [out], commands: "
      "['trap \"mkdir out; echo saved > out/x; exit 0\" TERM', 'echo ready', 'sleep 1000 & "
      "wait']}\n");
  const std::string stopped = box.start({"w"});
  test::wait_for_log(box, stopped, "ready");
  box.ok({"stop", stopped, "-y"});
  CHECK(box.wait(stopped)["status"] == "stopped");
  CHECK(box.ok({"artifacts", "cat", stopped, "out/x"}) == "saved\n");
  const std::string aborted = box.start({"w"});
  test::wait_for_log(box, aborted, "ready");
  box.ok({"stop", "--abort", aborted, "-y"});
  CHECK(box.wait(aborted)["status"] == "aborted");
}

TEST_CASE("a supervisor that is killed while a job in layers runs loses nothing of it") {
  const Box box;
  const Path mark = box.root() / "mark";
  box.workflows(given +
                ("  - {name: w, provider: bash, depends-on: [given], artifacts: [data], commands: "
                 "['echo ready', 'until test -e " +
                 mark.string() +
                 "; do sleep 0.01; done', 'echo new > data/new']}\n  - {name: after, "
                 "provider: bash, depends-on: [w], commands: ['cat data/new data/old']}\n"));
  const std::string run = box.start({"after"});
  test::wait_for_log(box, run, "ready", 1);
  REQUIRE(test::kill_process_of(box.dstack_home().run(run) / run::file_names::run_lock));
  box.file("../mark", "");
  // Nobody but the runner's end starts another supervisor.
  test::wait_for_log(box, run, "new\nold\n", 2);
  CHECK(box.wait(run)["status"] == "done");
}

TEST_CASE("a runner in layers that is killed loses its job, and the run ends") {
  const Box box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: ['echo ready; sleep 1007']}\n");
  const std::string run = box.start({"w"});
  test::wait_for_log(box, run, "ready");
  REQUIRE(test::kill_process_of(box.dstack_home().job(run, 0) / run::file_names::runner));
  CHECK(box.wait(run)["jobs"][0]["cause"] == "lost");
}

TEST_CASE("a package of the project is installed from a workspace in layers") {
  const Box box;
  box.file("own/pyproject.toml",
           "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"
           "[project]\nname = \"own\"\nversion = \"1.0\"\n");
  box.file("own/backend.py",
           "import zipfile\n\n"
           "def build_wheel(folder, settings=None, metadata=None):\n"
           "    name = 'own-1.0-py3-none-any.whl'\n"
           "    info = 'own-1.0.dist-info/'\n"
           "    with zipfile.ZipFile(folder + '/' + name, 'w') as wheel:\n"
           "        wheel.writestr('own.py', 'answer = 42')\n"
           "        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: own\\n"
           "Version: 1.0\\n')\n"
           "        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: own\\n"
           "Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
           "        wheel.writestr(info + 'RECORD', '')\n"
           "    return name\n");
  box.file("r.txt", "./own\n");
  box.file("m.py", "import own\nprint(own.answer)\n");
  box.workflows("workflows:\n  - {name: w, provider: python, file: m.py, requirements: r.txt}\n");
  CHECK(box.ok({"run", "w"}).ends_with("42\n"));
}

TEST_CASE("the doctor says how workspaces are made") {
  const Box box;
  const bool is_root = overlay::usual_access() == overlay::Access::root;
  CHECK(box.ok({"doctor"})
            .find(is_root ? "workspace overlays\n" : "workspace overlays in user namespaces\n") !=
        std::string::npos);
}
