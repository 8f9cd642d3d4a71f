// Removing while others capture, record and read, and are killed. DSTACK_TEST_ROUNDS is how often
// something is removed; the default is quick.
#include "support/wait.hpp"
#include "unit/store/space/saved_runs.hpp"

#include <cstdlib>
#include <random>

#include <signal.h>
#include <sys/wait.h>

using namespace dstack;
using namespace dstack::store;

namespace {

std::size_t rounds() {
  const char* set = std::getenv("DSTACK_TEST_ROUNDS");
  return set != nullptr ? static_cast<std::size_t>(std::atoi(set)) : 40;
}

/// Of a few contents, so that nearly all of what one saves another has saved, or has just lost.
Folder random_folder(std::mt19937& random) {
  Folder folder;
  const std::size_t files = random() % 10 == 0 ? 600 : 1 + random() % 5;
  for (std::size_t i = 0; i < files; ++i)
    folder[std::to_string(random() % 3) + "/" + std::to_string(i)] =
        "content " + std::to_string(files > 500 ? i : random() % 8);
  return folder;
}

bool is_whole(const ObjectStore& objects, const job::TreeReference& tree, const Folder& folder) {
  const auto files = objects.list(tree);
  if (!files || files->size() != folder.size())
    return false;
  for (const TreeFile& file : *files) {
    const auto content = objects.read_blob(file.digest);
    if (!content || *content != folder.at(file.path))
      return false;
  }
  return true;
}

/// Saves, records and reads until it is killed. Exits with 1 when something it needs has gone.
[[noreturn]] void save_for_ever(const files::Home& home, unsigned seed) {
  std::mt19937 random(seed);
  Records records = value_of(Records::open(home));
  for (unsigned number = 1;; ++number) {
    const Folder folder = random_folder(random);
    job::TreeReference tree;
    std::optional<RunId> run;
    {
      ObjectStore objects(home);
      NewRun made = new_run("s" + std::to_string(seed) + "-a-" + std::to_string(number));
      tree = made.code.snapshot = SavedRuns::capture(objects, folder);
      auto created = records.create_run(made);
      if (created)
        run = *created;
    }
    // A read is of what a row names, or of what was held before.
    if (!run || !is_whole(ObjectStore(home), tree, folder))
      ::_exit(1);
    const ObjectStore reader(home);
    const bool is_held = bool(reader.hold(tree));
    if (!records.apply(*run, run_change(job::Status::done, 2)))
      ::_exit(1);
    if (is_held && !is_whole(reader, tree, folder))
      ::_exit(1);
  }
}

pid_t start_saver(const files::Home& home, unsigned seed) {
  const pid_t child = ::fork();
  if (child == 0)
    save_for_ever(home, seed);
  return child;
}

void remove_some(SavedRuns& runs, std::mt19937& random) {
  Records records = value_of(Records::open(runs.home()));
  for (const RunRecord& run : value_of(records.find_runs({})))
    if (job::is_final(run.status) && random() % 3 != 0)
      require_ok(records.remove_run(run.id));
  value_of(free_removed(ObjectStore(runs.home()), records));
}

}  // namespace

TEST_CASE("nothing that somebody needs goes while runs are saved, removed and killed") {
  const TestHome test;
  test.open();
  SavedRuns runs(test.home());
  std::mt19937 random(1);
  unsigned seed = 1;
  std::vector<pid_t> savers = {start_saver(test.home(), ++seed), start_saver(test.home(), ++seed)};
  for (std::size_t round = 0; round < rounds(); ++round) {
    if (random() % 2 == 0)
      remove_some(runs, random);
    else
      runs.collect();
    pid_t& saver = savers[random() % savers.size()];
    int status = 0;
    if (random() % 4 == 0) {
      ::kill(saver, SIGKILL);
      ::waitpid(saver, &status, 0);
      REQUIRE(WIFSIGNALED(status));  // and not of itself before
      saver = start_saver(test.home(), ++seed);
    }
  }
  for (const pid_t saver : savers) {
    int status = 0;
    ::kill(saver, SIGKILL);
    ::waitpid(saver, &status, 0);
    CHECK(WIFSIGNALED(status));
  }
  Records records = test.open();
  for (const RunRecord& run : value_of(records.find_runs({})))
    CHECK(ObjectStore(test.home()).list(run.code.snapshot));
}

TEST_CASE("one who removes may be killed anywhere, and the runs that stay are whole") {
  const TestHome test;
  SavedRuns runs(test.home());
  std::mt19937 random(7);
  std::map<RunId, Folder> model;
  for (unsigned number = 1; number <= rounds(); ++number) {
    const Folder folder = random_folder(random);
    model[runs.save("a-a-" + std::to_string(number), folder)] = folder;
    const pid_t child = ::fork();
    if (child == 0) {
      SavedRuns(test.home()).remove(model.begin()->first);
      SavedRuns(test.home()).collect();
      ::_exit(0);
    }
    test::let_pass(std::chrono::microseconds(random() % 8000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Records records = test.open();
    std::erase_if(
        model, [&](const auto& run) { return value_of(records.needed_trees(run.first)).empty(); });
    for (const auto& [run, saved] : model)
      REQUIRE(runs.read(run) == saved);
  }
}
