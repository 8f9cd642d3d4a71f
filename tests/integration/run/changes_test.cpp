// What jobs leave beside their artifacts: kept up to a limit, shown, and freed with the run.
#include "support/sandbox.hpp"
#include "support/secrets.hpp"
#include "support/text.hpp"
#include "support/wait.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

void workflow(const Sandbox& box, const std::string& commands, const std::string& more = "") {
  box.workflows("workflows:\n  - name: w\n    provider: bash\n" + more +
                "    commands:\n      - |\n        " + commands + "\n");
}

void settings(const Sandbox& box, const std::string& text) {
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml", text, Durable::no));
}

/// Bytes of all files below the home.
/// Without the reserve, which every home has.
std::uint64_t bytes_of_home(const Sandbox& box) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(box.home()))
    if (entry.symlink_status().type() == fs::regular_file && entry.path().filename() != "reserve")
      bytes += fs::file_size(entry.path());
  return bytes;
}

}  // namespace

TEST_CASE("what a job left beside its artifacts is kept, and the end of the run says so") {
  const Sandbox box;
  box.file("note.txt", "mine\n");
  box.file(".gitignore", "outputs/\n");
  workflow(box,
           "echo more >> note.txt; mkdir outputs out; echo last > outputs/last.ckpt; "
           "echo a > out/a; exit $CODE",
           "    artifacts: [out]\n");
  const std::string code = GENERATE("0", "3");
  const auto output = box.run({"run", "w", "-e", "CODE=" + code});
  const std::string run = box.last_run();
  CHECK(Sandbox::code(output) == std::stoi(code));
  CHECK(holds(output.err, "2 changed files are not artifacts: dstack code " + run + " --changes"));
  CHECK(box.ok({"code", run, "--changes"}) == "M  note.txt\nA  outputs/last.ckpt\n");
  CHECK(box.json({"code", run, "--changes", "--json"})[1]["size"] == 5);
  CHECK(holds(box.ok({"show", run}), "2 files beside the artifacts: dstack code " + run));
  const std::string got = (box.root() / "got").string();
  box.ok({"code", run, "--changes", "-o", got});
  CHECK(read_file(Path(got) / "outputs/last.ckpt").value() == "last\n");
  const auto applied = box.run({"code", run, "--changes", "--apply"});
  CHECK(applied.out == "written    note.txt\n");
  CHECK(holds(applied.err, "1 new file that .gitignore names was left out"));
  CHECK(read_file(box.project() / "note.txt").value() == "mine\nmore\n");
}

TEST_CASE("what is beyond keep_changes is dropped and named, the largest first") {
  const Sandbox box;
  settings(box, "keep_changes: 1MB\n");
  workflow(box,
           "head -c 3000000 /dev/zero > big.bin; head -c 900000 /dev/zero > b; echo s > small");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(holds(output.err,
              "warning: w: 1 file (3.0 MB) that it left beside its artifacts was not kept: "
              "'big.bin' (3.0 MB); list what is needed in 'artifacts', or raise 'keep_changes' in "
              "config.yaml, which is 1.0 MB"));
  CHECK(box.ok({"code", "--changes"}) == "A  b\nA  small\n");
  test::wait_until([&] {  // removed behind the run's end
    return !fs::exists(box.home() / "runs" / box.last_run() / "0" / "workspace");
  });
  CHECK(bytes_of_home(box) < 2'000'000);
}

TEST_CASE("with keep_changes: 0 nothing is kept, and nothing is said") {
  const Sandbox box;
  settings(box, "keep_changes: 0\n");
  add_secret(box, {"TOKEN"}, "s3cret-of-the-test");
  workflow(box, "echo $TOKEN > leftover");
  const auto output = box.run({"run", "w"});
  CHECK_FALSE(holds(output.err, "leftover"));
  CHECK_FALSE(holds(output.err, "--changes"));
  CHECK(box.ok({"code", "--changes"}).empty());
}

TEST_CASE("removing a run frees what its jobs left") {
  const Sandbox box;
  workflow(box, "head -c 5000000 /dev/urandom > scratch.bin");
  box.ok({"run", "w"});
  const std::string first = box.last_run();
  CHECK(bytes_of_home(box) > 5'000'000);
  box.ok({"rm", first, "-y"});
  CHECK(bytes_of_home(box) < 1'000'000);
}

TEST_CASE("caches, environments and repositories that a job made are not kept") {
  const Sandbox box;
  workflow(box,
           "mkdir -p __pycache__ cache/sub env x/.git; touch __pycache__/m.pyc cache/CACHEDIR.TAG "
           "cache/sub/entry env/pyvenv.cfg env/lib x/.git/HEAD");
  const auto output = box.run({"run", "w"});
  CHECK_FALSE(holds(output.err, "--changes"));
  CHECK(box.ok({"code", "--changes"}).empty());
  CHECK_FALSE(fs::exists(box.home() / "runs" / box.last_run() / "kept"));
}

TEST_CASE("nothing is kept of a job in the project itself, nor of one that was aborted") {
  const Sandbox box;
  workflow(box, "echo x > left.txt", "    workspace: project\n");
  CHECK_FALSE(holds(box.run({"run", "w"}).err, "--changes"));
  CHECK(fs::exists(box.project() / "left.txt"));
  CHECK(box.ok({"code", "--changes"}).empty());
}

TEST_CASE("secrets in what a job left are reported, and never shown") {
  const Sandbox box;
  add_secret(box, {"TOKEN"}, "s3cret-of-the-test");
  workflow(box, "mkdir logs; echo \"token=$TOKEN\" > logs/debug.txt; echo a > logs/clean.txt");
  const std::string expected =
      "warning: what w changed beside its artifacts contains secrets: 'logs/debug.txt' contains "
      "the secret 'TOKEN'; anyone who gets it can read them";
  CHECK(holds(box.run({"run", "w"}).err, expected));
  const auto listed = box.run({"code", "--changes"});
  CHECK(holds(listed.err, expected));
  CHECK_FALSE(holds(listed.out + listed.err, "s3cret-of-the-test"));
}
