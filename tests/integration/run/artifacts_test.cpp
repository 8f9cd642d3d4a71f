#include "dstack/base/text.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/sandbox.hpp"

#include <fstream>
#include <iterator>

#include <sys/stat.h>

using namespace dstack;
using dstack::test::Sandbox;

TEST_CASE("a tagged run's artifacts feed a later run, and nothing is run again") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: download, provider: bash, commands: ["mkdir data; date +%N > data/x; cat data/x"], artifacts: [./data/]}
  - {name: train, provider: bash, depends-on: ["download:latest"], commands: ["cat data/x"]}
)");
  const std::string made = box.ok({"run", "download", "-t", "latest"});
  CHECK(box.ok({"run", "train"}) == made);
  CHECK(box.json({"tags", "list", "--json"})[0]["workflow"] == "download");
}

TEST_CASE("a missing tag is reported with the command that makes one, before anything starts") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: download, provider: bash, commands: ["true"]}
  - {name: train, provider: bash, depends-on: ["download:latest"], commands: ["true"]}
)");
  const auto output = box.run({"run", "train"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("dstack tags add latest") != std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("artifacts come back as they were: x bit, empty folders, links, times") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    artifacts: [out]
    commands:
      - mkdir -p out/empty out/sub
      - echo run > out/sub/tool; chmod +x out/sub/tool; ln -s sub/tool out/link; touch -d 2020-01-02T03:04:05Z out/sub/tool
)");
  box.ok({"run", "w"});
  const std::string name = box.last_run();
  const Path to = box.root() / "got";
  box.ok({"artifacts", "download", name, "-o", to.string()});

  CHECK(fs::is_directory(to / "out" / "empty"));
  CHECK(fs::read_symlink(to / "out" / "link") == Path("sub/tool"));

  struct stat status {};

  REQUIRE(::stat((to / "out" / "sub" / "tool").c_str(), &status) == 0);
  CHECK((status.st_mode & 0111) == 0111);
  CHECK(status.st_mtime == 1577934245);
}

TEST_CASE("a job that ends well without one of its artifacts has failed, and the rest is partial") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    retry: 2
    artifacts: [log, model, "*.csv", {path: plots, optional: true}]
    commands: ["mkdir log; echo x > log/x"]
  - {name: needs, provider: bash, depends-on: [w], commands: ["true"]}
)");
  const std::string said = box.refused({"run", "needs", "-t", "t"}, 1);
  CHECK(said.find("w failed (missing artifact)") != std::string::npos);
  CHECK(said.find("it did not make 'model' and nothing matches '*.csv'") != std::string::npos);
  CHECK(said.find("plots") == std::string::npos);
  CHECK(box.refused({"run", "-q", "w"}, 1).find("error: w failed (missing artifact): it ended") !=
        std::string::npos);
  box.refused({"run", "-q", "needs"}, 1);

  const Json run = box.json({"show", "--json"});
  const Json job = run["jobs"][0];
  CHECK(job["cause"] == "artifact");
  CHECK(job["exit_code"] == 0);
  const auto statuses = Sandbox::statuses(job);
  CHECK(std::count(statuses.begin(), statuses.end(), "running") == 1);
  CHECK(run["jobs"][1]["status"] == "skipped");
  CHECK(run["workflows"][0]["artifacts"][0]["partial"] == true);
  CHECK(box.json({"artifacts", "list", "--json"})[0]["path"] == "log/x");
  CHECK(box.json({"tags", "list", "--json"}).empty());
}

TEST_CASE("an optional artifact need not be there, and is saved when it is") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    artifacts: [{path: plots, optional: true}, {path: "*.csv", optional: true}]
    commands: ["[ $MAKE = no ] || { mkdir plots; touch plots/a b.csv; }"]
)");
  box.ok({"run", "w", "-e", "MAKE=no"});
  CHECK(box.json({"artifacts", "list", "--json"}).empty());
  box.ok({"run", "w", "-e", "MAKE=yes"});
  CHECK(box.json({"artifacts", "list", "--json"}).size() == 2);
}

TEST_CASE("what a failed job made of its artifacts is kept as partial") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: bad
    provider: bash
    commands: ["mkdir out; echo x > out/x; exit 3"]
    artifacts: [out, missing]
)");
  CHECK(box.refused({"run", "bad"}, 3).find("bad failed (exit 3)") != std::string::npos);
  const std::string name = box.last_run();
  CHECK(box.json({"artifacts", "list", name, "--json"}).size() == 1);
  CHECK(box.refused({"tags", "add", "t", name}, 1).find("--partial") != std::string::npos);
  CHECK(Sandbox::code(box.run({"tags", "add", "t", name, "--partial"})) == 0);
}

TEST_CASE("a pattern saves all that it matches, each at its path, for who comes after") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    working_dir: sub
    artifacts: ["*.csv", "out/**/*.pt"]
    commands: ["mkdir -p out/a/b; echo 1 > x.csv; touch y.csv z.txt out/m.pt out/a/b/n.pt out/log"]
  - {name: needs, provider: bash, depends-on: [w], commands: ["cat sub/x.csv; find sub -type f | wc -l"]}
)");
  CHECK(box.ok({"run", "-q", "needs"}).find("1\nneeds | 4") != std::string::npos);
  const Json files = box.json({"artifacts", "list", "--json"});
  REQUIRE(files.size() == 4);
  CHECK(files[0]["artifact"] == "sub/*.csv");
  CHECK(files[0]["path"] == "sub/x.csv");
  CHECK(files[3]["path"] == "sub/out/m.pt");
  const Path to = box.root() / "got";
  box.ok({"artifacts", "download", box.last_run(), "-o", to.string()});
  CHECK(fs::exists(to / "w/sub/out/a/b/n.pt"));
  CHECK_FALSE(fs::exists(to / "w/sub/z.txt"));
}

TEST_CASE("a warning is not shown as the cause of a failure") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, artifacts: [out], commands: [\"mkdir out; echo a > out/f\"]}\n"
      "  - {name: b, provider: bash, artifacts: [out], commands: [\"mkdir out; echo b > out/f\"]}\n"
      "  - {name: c, provider: bash, depends-on: [a, b], commands: [\"exit 9\"]}\n");
  const auto output = box.run({"run", "c"});
  CHECK(Sandbox::code(output) == 9);
  CHECK(output.err.find("warning: c: 1 file came from more than one place") != std::string::npos);
  CHECK(output.err.find("c failed (exit 9)\n") != std::string::npos);
  const Json job = box.json({"show", box.last_run(), "--json"})["jobs"][2];
  CHECK(job["reason"].is_null());
  CHECK(job["warnings"].size() == 1);
}

TEST_CASE("of two dependencies with the same file the later wins, with a warning") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: a, provider: bash, commands: ["mkdir d; echo a > d/x; echo a > d/only-a"], artifacts: [d]}
  - {name: b, provider: bash, commands: ["mkdir d; echo b > d/x"], artifacts: [d]}
  - {name: both, provider: bash, depends-on: [a, b], commands: ["cat d/x d/only-a"]}
)");
  const auto output = box.run({"run", "both"});
  CHECK(output.out.find("b\n") != std::string::npos);
  CHECK(output.err.find("d/x") != std::string::npos);
}

TEST_CASE("an artifact through a link that leaves the workspace is refused") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"ln -s /etc out\"], artifacts: "
      "[out/ssl]}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 125);
  CHECK(output.err.find("out/ssl") != std::string::npos);
}

TEST_CASE("an artifact that cannot be stored takes no other with it, nor how the job ended") {
  const Sandbox box;
  const auto workflow = [&](const std::string& end) {
    box.workflows(
        "workflows:\n  - name: w\n    provider: bash\n    artifacts: [bad, good]\n"
        "    commands:\n      - mkdir good; echo x > good/f; head -c 100000 /dev/zero > "
        "good/large\n"
        "      - ln -s /etc bad; exit " +
        end + "\n");
  };

  workflow("5");
  auto output = box.run({"run", "w"});

  CHECK(Sandbox::code(output) == 5);
  CHECK(output.err.find("(exit 5): the artifact 'bad' could not be stored: ") != std::string::npos);
  const std::string still = "what the job made is still in '";
  const std::size_t at = output.err.find(still);
  REQUIRE(at != std::string::npos);
  const std::size_t begin = at + still.size();
  const Path left = output.err.substr(begin, output.err.find('\'', begin) - begin);
  // Whoever changes it there does not change what was saved.
  CHECK(fs::hard_link_count(left / "good/large") == 1);
  REQUIRE(write_file_atomically(left / "good/f", "y", Durable::no));
  std::ofstream((left / "good/large").string()) << "changed";
  CHECK(box.ok({"artifacts", "cat", box.last_run(), "good/large"}) == std::string(100'000, '\0'));
  CHECK(box.ok({"artifacts", "list"}).find("good/f") != std::string::npos);

  workflow("0");
  output = box.run({"run", "w"});

  CHECK(Sandbox::code(output) == 125);
  const Json job = box.json({"show", "--json"})["jobs"][0];
  CHECK(job["cause"] == "lost");
  CHECK(job["exit_code"] == 0);
  CHECK(box.ok({"artifacts", "list"}).find("good/f") != std::string::npos);
}

TEST_CASE("what could not be saved when a job ended is saved later") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    artifacts: [bad, good]\n"
      "    commands:\n      - mkdir good; echo x > good/f; ln -s /etc bad; echo e > edit\n");
  CHECK(box.run({"run", "w"}).err.find("'dstack artifacts rescue") != std::string::npos);
  const std::string run = box.last_run();
  auto output = box.run({"artifacts", "rescue", run});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.err.find("the artifact 'bad' could not be stored: ") != std::string::npos);

  // Somebody looks into the folder that the message names.
  const Path workspace = files::Home{box.home()}.job(run, 0) / run::file_names::workspace;
  fs::remove(workspace / "bad");
  fs::create_directories(workspace / "bad");
  std::ofstream((workspace / "bad/y").string()) << "y\n";
  output = box.run({"artifacts", "rescue", run});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.err.find("saved 'bad' of workflow 'w': 1 file, 2 B") != std::string::npos);
  CHECK(box.ok({"artifacts", "cat", run, "bad/y"}) == "y\n");
  CHECK(box.ok({"artifacts", "cat", run, "good/f"}) == "x\n");
  CHECK(box.ok({"code", run, "--changes"}).find("A  edit\n") != std::string::npos);
  CHECK_FALSE(fs::exists(workspace));
  output = box.run({"artifacts", "rescue", run});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.err.find("nothing is left to save") != std::string::npos);
}

TEST_CASE("a run that is not over has nothing to rescue") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, artifacts: [out], commands: [\"mkdir out; "
      "tail -f /dev/null\"]}\n");
  const std::string run = std::string(trim(box.ok({"run", "w", "-d", "-q"})));
  const auto output = box.run({"artifacts", "rescue", run});
  CHECK(output.err.find("is not over") != std::string::npos);
  box.ok({"stop", run, "-x"});
}

TEST_CASE("the code of a run can be written to a folder") {
  const Sandbox box;
  box.file("src/a.txt", "v1\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "w"});
  box.file("src/a.txt", "v2\n");
  const std::string name = box.last_run();
  box.ok({"code", name, "-o", (box.root() / "code").string()});
  CHECK(*read_file(box.root() / "code" / "src" / "a.txt") == "v1\n");
}

namespace {

mode_t mode_of(const Path& path) {
  struct stat status {};

  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

/// A run of a workflow with the artifact 'out', whose commands are these; its name.
std::string made(const Sandbox& box, const std::string& commands) {
  box.workflows("workflows:\n  - {name: w, provider: bash, artifacts: [out], commands: ['" +
                commands + "']}\n");
  box.ok({"run", "w"});
  return box.last_run();
}

}  // namespace

TEST_CASE("a download writes through no link of its folder") {
  const Sandbox box;
  const Path victim = box.root() / "victim";
  fs::create_directories(victim);
  const std::string to = (box.root() / "got").string();
  const std::string link = made(box, "mkdir out; ln -s " + victim.string() + " out/cache");
  const std::string folder = made(box, "mkdir -p out/cache; echo new > out/cache/f");
  box.ok({"artifacts", "download", link, "-o", to});

  const std::string said = box.refused({"artifacts", "download", folder, "-o", to}, 1);
  CHECK(said.find("a link or a file has the path of a folder: '" + to + "/out/cache'") !=
        std::string::npos);
  CHECK(fs::is_symlink(to + "/out/cache"));

  box.ok({"artifacts", "download", folder, "-o", to, "--force"});
  CHECK(fs::is_empty(victim));
  CHECK_FALSE(fs::is_symlink(to + "/out/cache"));
  CHECK(*read_file(to + "/out/cache/f") == "new\n");
}

TEST_CASE("the folder of a download may be a link itself") {
  const Sandbox box;
  const std::string run = made(box, "mkdir out; echo x > out/f");
  fs::create_directories(box.root() / "disk");
  fs::create_symlink(box.root() / "disk", box.root() / "got");
  box.ok({"artifacts", "download", run, "-o", (box.root() / "got").string()});
  CHECK(*read_file(box.root() / "disk/out/f") == "x\n");
}

TEST_CASE("a name of 255 bytes is stored, listed, and downloaded twice") {
  const Sandbox box;
  const std::string name(255, 'n');
  const std::string run = made(box, "mkdir out; echo 1 > out/" + name);
  CHECK(box.json({"artifacts", "list", run, "--json"})[0]["path"] == "out/" + name);
  const Path to = box.root() / "got";
  box.ok({"artifacts", "download", run, "-o", to.string()});
  REQUIRE(write_file_atomically(to / "out" / "other", "2", Durable::no));
  fs::rename(to / "out" / "other", to / "out" / name);
  box.ok({"artifacts", "download", run, "-o", to.string(), "--force"});
  CHECK(*read_file(to / "out" / name) == "1\n");
}

TEST_CASE("a downloaded sparse file takes as little as the job's") {
  const Sandbox box;
  const std::string run =
      made(box, "mkdir out; truncate -s 50M out/data.mdb; echo end >> out/data.mdb");
  const Path to = box.root() / "got";
  box.ok({"artifacts", "download", run, "-o", to.string()});

  struct stat status {};

  REQUIRE(::stat((to / "out/data.mdb").c_str(), &status) == 0);
  CHECK(status.st_size == 50 * 1024 * 1024 + 4);
  CHECK(status.st_blocks * 512 < 1024 * 1024);
}

TEST_CASE("a download has the modes of the umask, less what was closed, and stays closed") {
  const Sandbox box;
  const std::string run = made(
      box,
      "umask 022; mkdir -p out/private; cd out; touch plain tool key private/inner; chmod 755 tool;"
      " chmod 600 key; chmod 700 private");
  const Path to = box.root() / "got";
  const mode_t umask = GENERATE(mode_t{0002}, mode_t{0027});
  const mode_t before = ::umask(umask);
  box.ok({"artifacts", "download", run, "-o", to.string()});
  CHECK(mode_of(to / "out/plain") == (0666U & ~umask));
  CHECK(mode_of(to / "out/tool") == (0777U & ~umask));
  CHECK(mode_of(to / "out/key") == 0600);
  CHECK(mode_of(to / "out/private") == 0700);
  CHECK(mode_of(to / "out/private/inner") == (0666U & ~umask));

  REQUIRE(write_file_atomically(to / "out/plain", "of the user", Durable::no));
  REQUIRE(::chmod((to / "out/plain").c_str(), 0600) == 0);
  box.ok({"artifacts", "download", run, "-o", to.string(), "--force"});
  ::umask(before);
  CHECK(read_file(to / "out/plain")->empty());
  CHECK(mode_of(to / "out/plain") == 0600);
}

TEST_CASE("many small files are saved as one, and are whatever is done with them") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - name: many
    provider: bash
    artifacts: [out]
    commands:
      - mkdir out; for i in $(seq 2000); do echo "file $i" > out/$i; done
      - chmod +x out/7; chmod 600 out/8; head -c 70000 /dev/zero > out/large
  - {name: next, provider: bash, depends-on: [many], artifacts: [out],
     commands: ["cat out/1999; test -x out/7; test -z \"$(find out/8 -perm /077)\"; echo new > out/2000"]}
)");
  CHECK(box.ok({"run", "-q", "next"}) == "next | file 1999\n");
  const Path store = box.home() / "packs";
  CHECK(std::distance(fs::directory_iterator(store), fs::directory_iterator()) == 1);
  const std::string run = box.last_run();
  CHECK(box.ok({"artifacts", "cat", run, "out/1234", "-w", "many"}) == "file 1234\n");
  CHECK(box.ok({"artifacts", "cat", run, "out/2000", "-w", "next"}) == "new\n");

  const Path to = box.root() / "got";
  box.ok({"artifacts", "download", run, "-w", "next", "-o", to.string()});
  CHECK(*read_file(to / "out/1") == "file 1\n");
  CHECK(*read_file(to / "out/2000") == "new\n");

  struct stat status {};

  REQUIRE(::stat((to / "out/7").c_str(), &status) == 0);
  CHECK((status.st_mode & 0100) != 0);
  REQUIRE(::stat((to / "out/8").c_str(), &status) == 0);
  CHECK((status.st_mode & 077) == 0);
  // They are known to be the same.
  CHECK(box.run({"artifacts", "download", run, "-w", "next", "-o", to.string()})
            .err.find("2001 were already up to date") != std::string::npos);
}

TEST_CASE("a private key of the project is one in a job, and in the code that is written out") {
  const Sandbox box;
  box.file("secrets/key", "k");
  REQUIRE(::chmod((box.project() / "secrets/key").c_str(), 0600) == 0);
  REQUIRE(::chmod((box.project() / "secrets").c_str(), 0700) == 0);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"stat -c %a secrets/key "
      "secrets\"]}\n");
  CHECK(box.ok({"run", "-q", "w"}) == "600\n700\n");
  box.ok({"code", box.last_run(), "-o", (box.root() / "then").string()});
  CHECK(mode_of(box.root() / "then/secrets/key") == 0600);
  CHECK(mode_of(box.root() / "then/secrets") == 0700);
}

TEST_CASE(
    "an artifact that is not below the working directory is taken from the project's folder") {
  const Sandbox box;
  box.file("sub/run.sh",
           "mkdir -p ../out/deep; echo m > ../out/deep/model; echo t > ../table.csv\n");
  box.workflows(R"(workflows:
  - {name: w, provider: bash, working_dir: sub, commands: [sh run.sh], artifacts: [out, "*.csv"]}
  - {name: next, provider: bash, depends-on: [w], commands: ["cat out/deep/model table.csv"]}
)");
  CHECK(box.ok({"run", "-q", "next"}) == "next | m\nnext | t\n");
  const Json files = box.json({"artifacts", "list", "--json"});
  REQUIRE(files.size() == 2);
  CHECK(files[0]["path"] == "table.csv");
  CHECK(files[1]["path"] == "out/deep/model");
}

TEST_CASE("what is there below the working directory is the artifact, wherever else it is") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: w, provider: bash, working_dir: sub, commands: ["mkdir out ../out; touch out/a ../out/b"], artifacts: [out]}
)");
  box.ok({"run", "w"});
  const Json files = box.json({"artifacts", "list", "--json"});
  REQUIRE(files.size() == 1);
  CHECK(files[0]["path"] == "sub/out/a");
}

TEST_CASE("code and inputs at the other place of an artifact are not what the job made") {
  const Sandbox box;
  box.file("sub/x", "x");
  box.file("notes.csv", "code");
  box.file("data/d", "input");
  box.file(".gitignore", "data\n");
  const auto run = [&](const std::string& artifact, const std::string& command) {
    box.workflows(
        "workflows:\n  - {name: w, provider: bash, working_dir: sub, inputs: [data], "
        "commands: [\"" +
        command + "\"], artifacts: [\"" + artifact + "\"]}\n");
    return box.run({"run", "w"});
  };
  const auto is_missing = [&](const std::string& artifact, const std::string& sentence) {
    const auto output = run(artifact, "true");
    INFO(output.err);
    CHECK(Sandbox::code(output) == 1);
    CHECK(output.err.find(sentence) != std::string::npos);
    CHECK(box.json({"artifacts", "list", "--json"}).empty());
  };
  is_missing("*.csv", "nothing matches 'sub/*.csv' (nor '*.csv')");
  is_missing("data", "it did not make 'sub/data' (nor 'data')");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, working_dir: sub, commands: [\"true\"], "
      "artifacts: [data], inputs: [{path: data, link: true}]}\n");
  CHECK(Sandbox::code(box.run({"run", "w"})) == 1);
  // Beside a new file, or changed, they are.
  CHECK(Sandbox::code(run("data", "touch ../data/new")) == 0);
  CHECK(box.json({"artifacts", "list", "--json"}).size() == 2);
  CHECK(Sandbox::code(run("*.csv", "echo more >> ../notes.csv")) == 0);
  CHECK(box.json({"artifacts", "list", "--json"})[0]["path"] == "notes.csv");
}

TEST_CASE(
    "a job that did not end well says which of its artifacts were saved, and which were not") {
  const Sandbox box;
  const auto [commands, options, saved] = GENERATE(table<const char*, const char*, const char*>({
      {"mkdir a; touch a/x b; sleep 600",
       "timeout: 5s, ",
       "of its artifacts 'a' and 'b' were saved, and 'c' was not there when it ended"},
      {"sleep 600",
       "timeout: 1s, ",
       "nothing was saved: 'a', 'b' and 'c' were not there when it ended"},
      {"touch b; exit 3",
       "",
       "of its artifacts 'b' was saved, and 'a' and 'c' were not there when it ended"},
      {"exit 3", "", ""},
  }));
  box.workflows(std::string("workflows:\n  - {name: w, provider: bash, ") + options +
                "commands: ['" + commands +
                "'], artifacts: [a, b, c, {path: d, optional: true}]}\n");
  const auto output = box.run({"run", "w"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == (*options == '\0' ? 3 : 124));
  const std::string warning = *saved == '\0' ? "of its artifacts" : saved;
  CHECK((output.err.find(warning) != std::string::npos) == (*saved != '\0'));
}
