// What the machine may refuse: a home that cannot be written, a disk that fills.
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/sandbox.hpp"
#include "support/users.hpp"

#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

TEST_CASE("a home that cannot be written is named, with the way to choose another") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  REQUIRE(make_folders(box.home()));
  REQUIRE(::chmod(box.home().c_str(), 0555) == 0);
  REQUIRE(::chmod(box.root().c_str(), 0755) == 0);
  if (!test::user_reaches_build())
    SKIP("an ordinary user cannot reach the build folder");

  const auto output = process::run(test::as_ordinary_user(box.command({"run", "w"})));
  REQUIRE(output);
  REQUIRE(::chmod(box.home().c_str(), 0755) == 0);

  CHECK(Sandbox::code(*output) != 0);
  CHECK(output->err.find(box.home().string()) != std::string::npos);
  CHECK(output->err.find("DSTACK_HOME") != std::string::npos);
}

TEST_CASE(
    "a disk that fills while artifacts are stored fails the run with the cause and leaves the "
    "store whole") {
  if (::geteuid() != 0)
    SKIP("only root can mount a small disk");
  Sandbox box;
  // Files that are copied into the store; larger ones become its objects.
  box.workflows(R"(workflows:
  - {name: big, provider: bash, commands: ["mkdir out; for i in $(seq 150); do head -c 60000 /dev/urandom > out/$i; done"], artifacts: [out]}
  - {name: small, provider: bash, commands: ["mkdir out; echo 1 > out/x"], artifacts: [out]}
)");
  REQUIRE(make_folders(box.home()));
  // The mount goes with the namespace; everything that the runs start lives in it, too.
  const std::string program = DSTACK_BINARY;
  const std::string script =
      "mount -t tmpfs -o size=14m none \"$DSTACK_HOME\" || exit 99\n" + program +
      " run big; echo \"big $?\"\n" + program + " show --json; ls $DSTACK_HOME/tmp\n" + program +
      " run small; echo \"small $?\"\n" + program + " artifacts list $(" + program +
      " ps -n 1 --json | grep -o '\"run\": *\"[^\"]*' | head -1 | sed 's/.*\"//')\n";
  process::Command command = box.command({});
  command.argv = {"unshare", "-m", "--propagation", "private", "bash", "-c", script};

  const auto output = process::run(command, {}, std::chrono::seconds(60));

  REQUIRE(output);
  INFO(output->out);
  INFO(output->err);
  if (Sandbox::code(*output) == 99 || output->err.starts_with("unshare: "))
    SKIP("this machine does not let root mount");
  CHECK(output->out.find("big 125") != std::string::npos);
  CHECK(output->err.find("No space left on device") != std::string::npos);
  CHECK(output->out.find("small 0") != std::string::npos);
  CHECK(output->out.find("out/x") != std::string::npos);
}

TEST_CASE("a run that a typo keeps from starting has stored none of the code") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, comands: [\"true\"]}\n");
  box.file("data/large", std::string(2'000'000, 'x'));
  CHECK(box.refused({"run", "w"}, 2).find("'comands'") != std::string::npos);
  boost::system::error_code none;
  CHECK(fs::directory_iterator(box.home() / "objects", none) == fs::directory_iterator());

  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"wc -c < data/large\"]}\n");
  CHECK(box.ok({"run", "w"}) == "2000000\n");
  CHECK(fs::directory_iterator(box.home() / "objects", none) != fs::directory_iterator());
}

TEST_CASE("a home that was there before, open to everybody, lets nobody else read what is kept") {
  const Sandbox box;
  fs::create_directories(box.home());
  fs::permissions(box.home(), fs::add_perms | fs::others_read | fs::others_exe);
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "w"});
  std::size_t looked_at = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(box.home())) {
    INFO(entry.path().string());
    CHECK((entry.status().permissions() & (fs::group_all | fs::others_all)) == 0);
    ++looked_at;
  }
  CHECK(looked_at > 5);
  CHECK(box.run({"doctor"}).out.find("chmod -R go-rwx") == std::string::npos);

  fs::permissions(box.home() / "database.sqlite", fs::add_perms | fs::others_read);
  CHECK(box.run({"doctor"}).out.find("chmod -R go-rwx") != std::string::npos);
}

TEST_CASE("a plugins folder that cannot be read is reported by the listing, the doctor and a run") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: mine}\n");
  REQUIRE(make_folders(box.home()));
  // Root may read everything; a file where the folder should be cannot be read by anybody.
  box.ok({"ps"});
  boost::system::error_code ignored;
  fs::remove(box.home() / "plugins", ignored);
  REQUIRE(write_file_atomically(box.home() / "plugins", "", Durable::no));
  const std::string trouble =
      "the plugins folder '" + (box.home() / "plugins").string() + "' cannot be read: ";
  CHECK(box.run({"providers", "list"}).err.find(trouble) != std::string::npos);
  CHECK(box.run({"doctor"}).out.find(trouble) != std::string::npos);
  CHECK(box.run({"validate"}).err.find(trouble) != std::string::npos);
  CHECK(box.run({"run", "w", "--dry-run"}).err.find(trouble) != std::string::npos);
}

TEST_CASE("the supervisor is spared when memory runs out, and no job inherits that") {
  const Sandbox box;
  const Path pipe = box.root() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"cat /proc/$PPID/oom_score_adj "
      "/proc/self/oom_score_adj; cat " +
      pipe.string() + "\"]}\n");
  const std::string name = box.start({"w"});
  std::ofstream gate(pipe.string());  // opens when the job does
  const auto supervisor =
      process::parse_identity(*read_file(box.home() / "runs" / name / run::file_names::run_lock));
  REQUIRE(supervisor);
  const auto score = [](const std::string& process) {
    return read_kernel_file("/proc/" + process + "/oom_score_adj").value_or("");
  };
  const std::string own = score("self");
  // Root may, but in some containers.
  const auto tried =
      process::run({{"sh", "-c", "echo -500 > /proc/self/oom_score_adj"}, {}, "", {}});
  const bool may = tried && process::succeeded(tried->status) && own == "0\n";
  CHECK(score(std::to_string(supervisor->pid)) == (may ? "-500\n" : own));
  gate << "over\n";
  gate.close();
  box.wait(name);
  CHECK(box.ok({"logs", name}) == own + own + "over\n");
}
