// Whatever is missing, empty, torn or of another run in a run's folder, after a power cut or a
// mistake: the run is over or lives after the next command, every command answers, and `rm` leaves
// nothing. The states are drawn; the number of a draw that failed is in its output, and
// DSTACK_FIRST_DRAW=N DSTACK_DRAWS=1 repeats it.
#include "dstack/base/text.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "faults.hpp"
#include "support/job_log.hpp"
#include "support/kill.hpp"

#include <array>
#include <cstdlib>
#include <random>

#include <fcntl.h>
#include <signal.h>

using namespace dstack;
using namespace dstack::test;
namespace names = dstack::run::file_names;

namespace {

constexpr unsigned few_draws = 25;

constexpr const char* workflows = R"(workflows:
  - name: long
    provider: bash
    artifacts: [part]
    commands: ["mkdir part; echo p > part/f; echo started; sleep 1000"]
  - {name: after, provider: bash, depends-on: [long], commands: ["true"]}
  - {name: short, provider: bash, artifacts: [part], commands: ["mkdir part; echo p > part/f"]}
)";

unsigned number(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::atoi(text));
}

/// What becomes of one file.
enum class Fate { stays, goes, empty, torn, foreign };

class Draw {
 public:
  explicit Draw(unsigned number) : random_(number) {}

  bool one_in(unsigned n) { return std::uniform_int_distribution<unsigned>(1, n)(random_) == 1; }

  template <typename T, std::size_t size>
  T of(const std::array<T, size>& all) {
    return all[std::uniform_int_distribution<std::size_t>(0, size - 1)(random_)];
  }

  Fate fate() {
    return one_in(2) ? Fate::stays
                     : of(std::array{Fate::goes, Fate::empty, Fate::torn, Fate::foreign});
  }

 private:
  std::mt19937 random_;
};

/// A run that is going on, whose supervisor has been killed, and one that is over.
class Damaged {
 public:
  Damaged() {
    box_.workflows(workflows);
    box_.ok({"run", "short"});
    other_ = box_.last_run();
    run_ = box_.start({"after"});
    wait_for_log(box_, run_, "started\n");
    REQUIRE(kill_process_of(folder() / names::run_lock));
  }

  Path folder() const { return box_.home() / "runs" / run_; }

  /// The runner is killed, or the job as well.
  void kill(Draw& draw) {
    if (draw.one_in(3))
      return;
    is_runner_dead_ = true;
    REQUIRE(kill_process_of(folder() / "0" / names::runner));
    const std::string id = box_.json({"show", run_, "--json"})["jobs"][0]["job"];
    if (draw.one_in(2))
      for (const pid_t pid : process::with_environment("JOB_ID", id))
        ::kill(pid, SIGKILL);
  }

  /// In words, for the output of a test that fails.
  std::string damage(Draw& draw) {
    std::string said;
    for (const char* file : {names::run_lock, names::changes, names::supervisor_log})
      said += damage(file, draw.fate());
    for (const char* file : {names::lock,
                             names::runner,
                             names::states,
                             names::exit_record,
                             names::log,
                             names::log_times})
      said += damage(std::string("0/") + file, draw.fate());
    for (const char* whole : {"mailbox", "0/workspace", "0", ""})
      if (draw.one_in(8))
        said += damage(whole, Fate::goes);
    return said;
  }

  const Sandbox& box() const { return box_; }

  const std::string& run() const { return run_; }

 private:
  std::string damage(const std::string& file, Fate fate) {
    const Path path = folder() / file;
    const std::string text = read_file(path).value_or("");
    switch (fate) {
      case Fate::stays:
        return {};
      case Fate::goes:
        wait_until([&] { return remove_tree(path).has_value(); });  // its runner may write there
        return "no '" + file + "'; ";
      case Fate::empty:
        return replace(path, "") + "empty '" + file + "'; ";
      case Fate::torn:
        return replace(path, text.substr(0, text.size() / 2)) + "torn '" + file + "'; ";
      case Fate::foreign:
        return replace(path, read_file(box_.home() / "runs" / other_ / file).value_or("")) +
               "another run's '" + file + "'; ";
    }
    return {};
  }

  /// In place, as a lock that is held stays with its file.
  static std::string replace(const Path& path, const std::string& text) {
    if (fs::exists(path.parent_path())) {
      const auto file = open_file(path.string(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      REQUIRE(file);
      REQUIRE(write_all(file->get(), text));
    }
    return {};
  }

  Sandbox box_;
  std::string run_;
  std::string other_;
  bool is_runner_dead_ = false;
};

std::string status_of(const Sandbox& box, const std::string& run) {
  return box.json({"show", run, "--json"})["status"].get<std::string>();
}

bool is_over(const std::string& status) {
  return status == "done" || status == "failed" || status == "stopped" || status == "aborted";
}

/// Nothing of the kind of a run that neither ends nor lives: its job is there, or its end is near.
void check_answers(Damaged& damaged, Draw& draw) {
  const Sandbox& box = damaged.box();
  const std::string& run = damaged.run();
  using Words = std::vector<std::string>;
  const Words words = draw.of(std::array<Words, 6>{Words{"ps"},
                                                   Words{"show", run},
                                                   Words{"logs", run},
                                                   Words{"stop", "-y", run},
                                                   Words{"stop", "-x", "-y", run},
                                                   Words{"stop", "--all", "-y"}});
  INFO("dstack " << join(words, " "));
  const auto output = box.run(words);
  INFO(output.out << output.err);
  CHECK(Sandbox::code(output) == 0);
  if (words[0] == "stop")
    CHECK(is_over(status_of(box, run)));
  wait_until([&] {
    return is_over(status_of(box, run)) || !process::with_environment("RUN_NAME", run).empty();
  });
  box.ok({"ps", "-a"});
  box.ok({"stop", "-x", "-y", run});
  CHECK(is_over(status_of(box, run)));
  box.ok({"logs", "-f", run});
  box.ok({"rm", "-y", run});
  CHECK_FALSE(fs::exists(damaged.folder()));
  require_nothing_left(box);
}

}  // namespace

TEST_CASE("a run can be ended and forgotten, whatever its folder lacks") {
  const unsigned first = number("DSTACK_FIRST_DRAW", 1);
  const unsigned draws = number("DSTACK_DRAWS", few_draws);
  for (unsigned i = first; i < first + draws; ++i) {
    Draw draw(i);
    Damaged damaged;
    damaged.kill(draw);
    const std::string damage = damaged.damage(draw);
    INFO("draw " << i << ": " << damage);
    check_answers(damaged, draw);
  }
}
