// Commands about a run that is over: artifacts, tags, code, show, rm.
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "words.hpp"

#include <algorithm>

#include <sys/stat.h>

using namespace dstack;
using dstack::test::named;
using dstack::test::Sandbox;

namespace {

/// A run of two workflows, each with one artifact; its name.
std::string make_run(const Sandbox& box) {
  box.workflows(R"(workflows:
  - name: download
    provider: bash
    commands: ["mkdir -p data/empty", "echo 1 > data/x", "ln -s x data/link", "chmod +x data/x"]
    artifacts: [data]
  - name: train
    provider: bash
    depends-on: [download]
    commands: ["mkdir model", "echo m > model/m"]
    artifacts: [model]
)");
  box.ok({"run", "-q", "train"});
  return box.json({"ps", "--json"})[0]["run"].get<std::string>();
}

std::string output_of(const Sandbox& box, const std::vector<std::string>& arguments, int code) {
  const auto output = box.run(arguments);
  CHECK(Sandbox::code(output) == code);
  return named(output.err);
}

}  // namespace

TEST_CASE("artifacts are listed file by file") {
  const Sandbox box;
  const std::string name = make_run(box);
  CHECK(named(box.ok({"artifacts", "list", name})) ==
        "WORKFLOW  ARTIFACT  FILE  SIZE\n"
        "download  data  data/link (link)  1\n"
        "download  data  data/x  2\n"
        "train  model  model/m  2\n");
  const Json list = box.json({"artifacts", "list", "--json"});
  REQUIRE(list.size() == 3);
  CHECK(list[2]["workflow"] == "train");
  CHECK(list[2]["artifact"] == "model");
  CHECK(list[2]["path"] == "model/m");
  CHECK(list[2]["size"] == 2);
  CHECK(list[2]["sha256"] == sha256("m\n").render());
}

TEST_CASE("a download writes what is missing, and never over other content") {
  const Sandbox box;
  const std::string name = make_run(box);
  const Path to = box.root() / "to";
  box.ok({"artifacts", "download", name, "-o", to.string()});
  CHECK(read_file(to / "download/data/x").value_or("") == "1\n");
  CHECK(fs::is_directory(to / "download/data/empty"));
  CHECK(fs::read_symlink(to / "download/data/link") == Path("x"));
  CHECK(read_file(to / "train/model/m").value_or("") == "m\n");

  struct stat status {};

  REQUIRE(::stat((to / "download/data/x").c_str(), &status) == 0);
  CHECK((status.st_mode & 0100u) != 0);

  CHECK(box.run({"artifacts", "download", name, "-o", to.string()}).err ==
        "downloaded 0 files, 0 B to " + to.string() + "; 3 were already up to date\n");

  REQUIRE(write_file_atomically(to / "train/model/m", "other", Durable::no));
  REQUIRE(remove_tree(to / "download"));
  const auto refused = box.run({"artifacts", "download", name, "-o", to.string()});
  CHECK(Sandbox::code(refused) == 1);
  CHECK(refused.err.find("train/model/m'") != std::string::npos);
  CHECK_FALSE(fs::exists(to / "download/data/x"));
  box.ok({"artifacts", "download", name, "-o", to.string(), "--force"});
  CHECK(read_file(to / "train/model/m").value_or("") == "m\n");
}

TEST_CASE("a download of one tagged workflow has no folder of its name") {
  const Sandbox box;
  const std::string name = make_run(box);
  box.ok({"tags", "add", "v1", name});
  const Path to = box.root() / "to";
  box.ok({"artifacts", "download", "train:v1", "-o", to.string()});
  CHECK(read_file(to / "model/m").value_or("") == "m\n");
  CHECK_FALSE(fs::exists(to / "data"));
  CHECK(output_of(box, {"artifacts", "list", "train:v2"}, 2) ==
        "error: there is no tag 'train:v2'\nhint: did you mean 'train:v1'?\n");
  CHECK(output_of(box, {"artifacts", "download", name}, 2).find("add '-o DIR'") !=
        std::string::npos);
}

TEST_CASE("with -v the supervisor logs its decisions, and else it does not") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true']}\n");
  const auto log_of = [&](const std::string& name) {
    return read_file(box.home() / "runs" / name / "supervisor.log");
  };
  box.ok({"run", "w"});
  CHECK_FALSE(log_of(box.last_run()));
  box.ok({"rm", "-y", box.last_run()});

  box.ok({"run", "w", "-v"});

  const auto log = log_of(box.last_run());
  REQUIRE(log);
  CHECK_THAT(*log, Catch::Contains("starts job 0, attempt 1 of 1"));
  CHECK_THAT(*log, Catch::Contains("the run is over: done"));
}

TEST_CASE("a tag is unique, and moves only by force") {
  const Sandbox box;
  const std::string name = make_run(box);
  CHECK(output_of(box, {"tags", "add", "v1", name}, 0) == "tagged download:v1\ntagged train:v1\n");
  CHECK(named(box.ok({"tags", "list"})) ==
        "TAG  WORKFLOW  RUN  CREATED\nv1  download  RUN  TIME\nv1  train  RUN  TIME\n");
  CHECK(output_of(box, {"tags", "add", "v1", name}, 1).find("'v1'") != std::string::npos);
  box.ok({"tags", "add", "v1", name, "--force"});
  box.ok({"tag", name, "-n", "v2", "-w", "train"});
  CHECK(box.json({"tags", "list", "train", "--json"}).size() == 2);
  CHECK(output_of(box, {"tags", "add", "a b", name}, 2).find("is not a valid tag name") !=
        std::string::npos);
  CHECK(output_of(box, {"run", "train", "-t", "v1"}, 1).find("'v1'") != std::string::npos);
}

TEST_CASE("a tag that several workflows have is deleted by its full name") {
  const Sandbox box;
  const std::string name = make_run(box);
  box.ok({"tags", "add", "v1", name});
  CHECK(output_of(box, {"tags", "delete", "v1"}, 2) ==
        "error: 2 workflows have a tag 'v1'\n"
        "hint: name one of 'download:v1' and 'train:v1'\n");
  box.ok({"tags", "delete", "download:v1"});
  box.ok({"untag", "v1"});
  CHECK(box.json({"tags", "list", "--json"}).empty());
  CHECK(output_of(box, {"tags", "delete", "v1"}, 2).find("no tag 'v1'") != std::string::npos);
}

TEST_CASE("what failed is tagged only as partial, and only if it saved something") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: w, provider: bash, commands: ["mkdir d; echo 1 > d/x; exit 1"], artifacts: [d]}
  - {name: none, provider: bash, commands: ["exit 1"]}
)");
  box.run({"run", "w"});
  const std::string saved = box.json({"ps", "--json"})[0]["run"].get<std::string>();
  CHECK(output_of(box, {"tags", "add", "t", saved}, 1).find("--partial") != std::string::npos);
  box.ok({"tags", "add", "t", saved, "--partial"});
  box.run({"run", "none"});
  const std::string nothing = box.json({"ps", "--json"})[0]["run"].get<std::string>();
  CHECK(output_of(box, {"tags", "add", "u", nothing, "--partial"}, 1).find("is not done") !=
        std::string::npos);
}

TEST_CASE("runs are removed after a confirmation, and never while they are tagged") {
  const Sandbox box;
  const std::string name = make_run(box);
  CHECK(output_of(box, {"rm", name}, 2) ==
        "error: removing run 'RUN' needs confirmation, and there is no terminal to ask on\n"
        "hint: add '-y' to confirm in advance\n");
  box.ok({"tags", "add", "v1", name});
  CHECK(output_of(box, {"rm", "-y", name}, 1) ==
        "error: run 'RUN' is tagged: 'download:v1' and 'train:v1'\n"
        "hint: delete the tags first: 'dstack tags delete download:v1' and so on\n");
  box.ok({"untag", "download:v1"});
  box.ok({"untag", "train:v1"});
  CHECK(output_of(box, {"rm", "-y", name, "no-such-1"}, 2).find("no run 'RUN'") !=
        std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).size() == 2);
  box.ok({"rm", "-y", name});
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("all failed runs of a project are removed at once, but those that are tagged") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: good, provider: bash, commands: ["true"]}
  - {name: bad, provider: bash, commands: ["mkdir d; echo 1 > d/x; exit 1"], artifacts: [d]}
)");
  CHECK(output_of(box, {"rm", "--failed", "-y"}, 0) == "no failed runs in this project\n");
  box.run({"run", "bad"});
  const std::string tagged = box.last_run();
  box.ok({"tags", "add", "keep", tagged, "--partial"});
  box.run({"run", "bad"});
  const std::string first = box.last_run();
  box.ok({"run", "good"});
  box.run({"run", "bad"});
  box.file("other/.dstack/workflows.yaml",
           "workflows:\n  - {name: bad, provider: bash, commands: [\"exit 1\"]}\n");
  const std::string other = (box.project() / "other").string();
  box.run({"run", "bad", "--project", other});

  CHECK(named(box.ok({"rm", "--failed", "--dry-run"})) ==
        "RUN  TARGET  STATUS  SUBMITTED\nRUN  bad  failed  TIME\nRUN  bad  failed  TIME\n");
  const Json list = box.json({"rm", "--failed", "--dry-run", "--json"});
  REQUIRE(list.size() == 2);
  CHECK(list[1]["run"] == first);
  CHECK(list[1]["status"] == "failed");
  CHECK(list[1]["project"] == real_path(box.project()).string());
  CHECK(box.json({"rm", "--failed", "--all-projects", "--dry-run", "--json"}).size() == 3);
  CHECK(output_of(box, {"rm", "--failed"}, 2).find("needs confirmation") != std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).size() == 4);

  CHECK_THAT(
      output_of(box, {"rm", "--failed", "-y"}, 0),
      Catch::StartsWith("keeps 1 tagged run; 'dstack tags list' shows the tags\nremoved 2 runs"));
  CHECK(box.json({"ps", "-a", "--json"}).size() == 2);
  CHECK(box.json({"ps", "-a", "--json", "--project", other}).size() == 1);
  box.ok({"rm", "--failed", "-y", "--project", other});
  CHECK(box.json({"ps", "-a", "--json", "--project", other}).empty());

  CHECK(output_of(box, {"rm"}, 2).find("'dstack rm' needs RUN, or '--failed'") !=
        std::string::npos);
  CHECK(output_of(box, {"rm", "--failed", tagged}, 2).find("takes no names") != std::string::npos);
  CHECK(output_of(box, {"rm", "--json", tagged}, 2).find("needs '--dry-run'") != std::string::npos);
}

TEST_CASE("a tag given with run and force moves when the run succeeds, and only then") {
  const Sandbox box;
  box.file("go", "");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [test -e go]}\n");
  const auto tagged = [&] { return box.json({"tags", "list", "--json"})[0]["run"]; };
  box.ok({"run", "w", "-t", "latest", "--force"});
  const std::string first = box.last_run();
  CHECK(tagged() == first);
  CHECK(output_of(box, {"run", "w", "-t", "latest"}, 1).find("add '--force' to move it here") !=
        std::string::npos);

  fs::remove(box.project() / "go");
  box.refused({"run", "w", "-t", "latest", "--force"}, 1);
  CHECK(tagged() == first);
  box.file("go", "");
  CHECK(box.ok({"run", "w", "-t", "latest", "--force", "--dry-run"}).find("w") !=
        std::string::npos);
  CHECK(tagged() == first);
  box.ok({"run", "-t", "latest", "w", "--force"});
  CHECK(tagged() == box.last_run());
  CHECK(tagged() != first);
  CHECK(box.json({"tags", "list", "--json"}).size() == 1);
  CHECK(output_of(box, {"run", "w", "--force"}, 2).find("'--force' needs '--tag'") !=
        std::string::npos);
}

TEST_CASE("ps of a workflow shows only this workflow of the runs that have it") {
  const Sandbox box;
  const std::string name = make_run(box);
  box.ok({"run", "-q", "download"});
  const Json all = box.json({"ps", "download", "-a", "--json"});
  REQUIRE(all.size() == 2);
  CHECK(all[1]["run"] == name);
  CHECK(all[0]["workflow"] == "download");
  CHECK(named(box.ok({"ps", "train"})) ==
        "RUN  WORKFLOW  STATUS  SUBMITTED  DURATION  TAG\n"
        "RUN  train  done  TIME  SPAN  -\n");
  CHECK(box.json({"ps", "download", "-n", "1", "--json"}).size() == 1);
  CHECK(box.json({"ps", name, "--json"}).size() == 2);

  CHECK(output_of(box, {"ps", "tran"}, 2) ==
        "error: there is no run 'tran', and no run of this project has a workflow of this name\n"
        "hint: did you mean 'train'?\n");
  box.workflows("workflows:\n  - {name: later, provider: bash, commands: [ls]}\n");
  CHECK(
      output_of(box, {"ps", "later"}, 2).find("the workflow has not run yet: 'dstack run later'") !=
      std::string::npos);
  CHECK(output_of(box, {"ps", "later", "-a", "--json"}, 2).find("'later'") != std::string::npos);
  CHECK(output_of(box, {"ps", "later", "--all-projects"}, 2).find("no run has a workflow") !=
        std::string::npos);
}

TEST_CASE("the code of a run is restored as it was") {
  const Sandbox box;
  box.file("src/a.txt", "then");
  const std::string name = make_run(box);
  box.file("src/a.txt", "now");
  const Path to = box.root() / "code";
  box.ok({"code", name, "-o", to.string()});
  CHECK(read_file(to / "src/a.txt").value_or("") == "then");
  CHECK(output_of(box, {"code", name, "-o", to.string()}, 1).find("is not empty") !=
        std::string::npos);
  CHECK(output_of(box, {"code", name, "-o", "x", "--diff"}, 2).find("'--diff'") !=
        std::string::npos);
  CHECK(named(box.ok({"code"})).find("snapshot HASH, 2 files") != std::string::npos);
}

TEST_CASE("show has the details of a run") {
  const Sandbox box;
  const std::string name = make_run(box);
  const std::string page = named(box.ok({"show"}));
  CHECK(page.find("train (bash") != std::string::npos);
  CHECK(page.find("JOB  WORKFLOW  STATUS  DURATION  HISTORY\n") != std::string::npos);
  const Json run = box.json({"show", name, "--json"});
  CHECK(run["run"] == name);
  CHECK(run["status"] == "done");
  CHECK(run["code"]["commit"].is_null());
  CHECK(run["workflows"][1]["inputs"] ==
        Json::array({Json{
            {"workflow", "download"}, {"folder", nullptr}, {"tag", nullptr}, {"run", name}}}));
  CHECK(run["workflows"][0]["artifacts"][0]["path"] == "data");
  CHECK(run["jobs"][1]["index"] == 0);
  CHECK(run["jobs"][1]["attempts"] == 1);
  CHECK(run["jobs"][1]["history"].back()["status"] == "done");
}

TEST_CASE("show has what followed the two dashes, each argument as it was") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: say, provider: bash, commands: 'echo ${{ run.args }}'}\n");
  CHECK(box.ok({"run", "-q", "say", "--", "a b", "", "--c=d"}) == "a b  --c=d\n");
  CHECK(box.json({"show", "--json"})["arguments"] == Json::array({"a b", "", "--c=d"}));
  box.ok({"run", "-q", "say"});
  CHECK(box.json({"show", "--json"})["arguments"] == Json::array());
}

TEST_CASE("a program that a PATH for a shell hides is explained") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: t, provider: bash, environment: {PATH: '/opt/bin:$PATH'}, "
      "commands: ls}\n");
  const auto checked = box.run({"validate"});
  CHECK(Sandbox::code(checked) == 0);
  CHECK(checked.err.find("warning: .dstack/workflows.yaml:2:45: PATH of workflow 't' will be "
                         "'/opt/bin:$PATH', as written: '$PATH' is not expanded") !=
        std::string::npos);
  const std::string failed = output_of(box, {"run", "t"}, 125);
  CHECK(failed.find("'$PATH' and '~' are not expanded in 'environment'") != std::string::npos);
  CHECK(failed.find("write '${{ env.PATH }}' there") != std::string::npos);
  box.workflows(
      "workflows:\n  - {name: t, provider: bash, environment: {PATH: '/opt/bin:${{ env.PATH }}'}, "
      "commands: ls}\n");
  box.ok({"run", "t"});
}

TEST_CASE("the PATH of a container is not that of the caller") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: t, provider: docker, image: busybox, commands: ls, environment: {"
      "PATH: '/x:${{ env.PATH }}'}}\n");
  CHECK(box.refused({"validate"}, 2)
            .find("'PATH' is not the container's here, but that of this machine") !=
        std::string::npos);
}

TEST_CASE("providers are listed with what is wrong with them") {
  const Sandbox box;
  REQUIRE(make_folders(box.home() / "plugins"));
  REQUIRE(write_file_atomically(box.home() / "plugins/libbroken.so", "not a library", Durable::no));
  const Json list = box.json({"providers", "list", "--json"});
  bool broken = false;
  bool bash = false;
  for (const Json& entry : list) {
    if (entry["name"] == "broken") {
      broken = true;
      CHECK(entry["status"] == "refused");
      CHECK_FALSE(entry["reason"].get<std::string>().empty());
    }
    bash = bash || (entry["name"] == "bash" && entry["status"] == "ok");
  }
  CHECK(broken);
  CHECK(bash);
  CHECK(box.ok({"providers", "list"}).find("refused") != std::string::npos);
  CHECK(box.ok({"providers", "show", "bash"}).find("commands") != std::string::npos);
  CHECK(output_of(box, {"providers", "show", "bsh"}, 2).find("did you mean 'bash'?") !=
        std::string::npos);
  CHECK(box.ok({"doctor"}).find("libbroken.so") != std::string::npos);
}

TEST_CASE("the doctor names home, programs and providers") {
  const Sandbox box;
  const Json checks = box.json({"doctor", "--json"});
  std::vector<std::string> subjects;
  for (const Json& check : checks)
    subjects.push_back(check["check"].get<std::string>());
  for (const char* subject :
       {"home", "machine", "git", "uv", "python", "docker", "podman", "plugins"})
    CHECK(std::find(subjects.begin(), subjects.end(), subject) != subjects.end());
}

TEST_CASE("the doctor reports all errors of the settings, and still checks the machine") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml",
                                "stop_grace: soon\nresources: {cpu: 0, ram: 1GB}\n",
                                Durable::no));

  const auto output = box.run({"doctor"});

  CHECK(Sandbox::code(output) == 1);
  for (const char* words : {"'stop_grace' must be a duration",
                            "'cpu' must be a whole number, at least 1",
                            "unknown key 'ram'",
                            "config.yaml:2:",
                            "ok      machine",
                            "limits    memory"})
    CHECK(output.out.find(words) != std::string::npos);
}

TEST_CASE("the doctor reports damaged secrets, with which nothing can run") {
  const Sandbox box;
  const auto added =
      process::run(box.command({"secrets", "add", "--user", "TOKEN"}), "a-long-value");
  REQUIRE(added);
  REQUIRE(process::succeeded(added->status));
  CHECK(box.ok({"doctor"}).find("secrets   1 secret") != std::string::npos);
  fs::permissions(box.home() / "secrets", fs::perms(0755));

  const auto output = box.run({"doctor"});

  CHECK(Sandbox::code(output) == 1);
  CHECK(output.out.find("error   secrets") != std::string::npos);
  CHECK(output.out.find("a-long-value") == std::string::npos);
}

TEST_CASE("the doctor reports the source of its figures, and which GPUs are hidden") {
  Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml",
                                "resources: {cpu: 7, gpus: [{name: V100, memory: 16GB}, {name: "
                                "A100, memory: 80GB}]}\n",
                                Durable::no));
  box.set("CUDA_VISIBLE_DEVICES=1");
  const std::string found = box.ok({"doctor"});
  CHECK(found.find("memory, A100 80.0 GB (1)\n") != std::string::npos);
  CHECK(found.find("cores, GPUs from config.yaml, not as detected\n") != std::string::npos);
  CHECK(found.find("CUDA_VISIBLE_DEVICES=1 hides 1 GPU\n") != std::string::npos);
}

TEST_CASE("a note on jobs names their workflow where there are several") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml",
                                "resources: {gpus: [{name: V100, memory: 16GB}]}\n",
                                Durable::no));
  box.workflows(
      "workflows:\n"
      "  - {name: prepare, provider: bash, commands: 'true'}\n"
      "  - {name: train, provider: bash, commands: 'true', resources: {gpu: 1}, deps: prepare}\n");
  CHECK(box.run({"run", "prepare"}).err.find("note: this job sees no GPU") != std::string::npos);
  CHECK(box.run({"run", "train"}).err.find("note: prepare: this job sees no GPU") !=
        std::string::npos);
}
