// Listings of more runs than are read at once.
#include "captured.hpp"
#include "dstack/base/text.hpp"
#include "unit/store/fixture.hpp"
#include "views/run_pages.hpp"
#include "views/run_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

using namespace dstack;
using namespace dstack::cli;
using namespace dstack::store;
using dstack::test::Captured;

namespace {

constexpr std::size_t run_count = 300;

/// Many runs, of which the oldest has the longest name, workflow, outcome and tag.
Records fill(const TestHome& test) {
  Records records = test.open();
  NewRun oldest = new_run("unbelievable-hippopotamus-1");
  oldest.workflows = {{"the-longest-name-of-a-workflow", "bash"}};
  oldest.jobs = {{0, "aaaaaaaaaaaa"}};
  const RunId id = value_of(records.create_run(oldest));
  RunChanges failed = run_change(job::Status::failed, 2000);
  failed.workflows.push_back({.workflow = 0,
                              .status = job::Status::failed,
                              .at = at(2000),
                              .cause = job::Cause::artifact});
  failed.jobs.push_back({.job = 0, .status = job::Status::failed, .at = at(2000)});
  require_ok(records.apply(id, failed));
  require_ok(records.add_tags(
      "/project", "the-longest-tag", {"the-longest-name-of-a-workflow"}, id, Records::Force::no));
  for (std::size_t i = 1; i < run_count; ++i) {
    NewRun run = new_run(fmt::format("r-{}", i));
    run.workflows = {{"w", "bash"}};
    run.jobs = {{0, "aaaaaaaaaaaa"}};
    value_of(records.create_run(run));
  }
  return records;
}

}  // namespace

TEST_CASE("pages have every run once, newest first, and are small") {
  const TestHome test;
  Records records = fill(test);
  auto pages = value_of(RunPages::open(records, {.project = "/project"}));
  CHECK(pages.has_more());
  std::vector<RunId> ids;
  std::size_t count = 0;
  do {
    CHECK(pages.page().size() < run_count / 2);
    ++count;
    for (const RunRecord& run : pages.page())
      ids.push_back(run.id);
  } while (value_of(pages.next()));

  CHECK(count == 3);
  CHECK(std::is_sorted(ids.rbegin(), ids.rend()));
  CHECK(std::set(ids.begin(), ids.end()).size() == run_count);
}

TEST_CASE("pages end at the number that was asked for") {
  const TestHome test;
  Records records = fill(test);
  for (const std::size_t most : std::vector<std::size_t>{1, 128, 129, 256, 299, 1000}) {
    auto pages = value_of(RunPages::open(records, {.most = most}));
    std::size_t count = 0;
    do {
      count += pages.page().size();
    } while (value_of(pages.next()));
    CHECK(count == std::min(most, run_count));
  }
}

TEST_CASE("of a filter with a workflow, pages have that workflow alone") {
  const TestHome test;
  Records records = test.open();
  value_of(records.create_run(new_run("r-1")));

  const auto pages = value_of(RunPages::open(records, {.workflow = "train"}));

  REQUIRE(pages.page().size() == 1);
  REQUIRE(pages.page()[0].workflows.size() == 1);
  CHECK(pages.page()[0].workflows[0].name == "train");
}

TEST_CASE("a table of several pages is aligned like one that is made at once") {
  const TestHome test;
  Records records = fill(test);
  ::setenv("COLUMNS", "300", 1);
  for (const bool terminal : {false, true}) {
    const Captured captured;
    ui::Stream stream = terminal ? captured.terminal() : captured.plain();
    stream.colour = false;
    auto pages = value_of(RunPages::open(records, {}));
    RunTable table(stream, RunTable::Projects::shown, value_of(records.listing_bounds()));
    std::string parts;
    do {
      parts += table.take(records, pages.page());
    } while (value_of(pages.next()));

    const auto lines = split(trim(parts), '\n');
    REQUIRE(lines.size() == run_count + 1);
    const std::size_t status = lines[0].find("STATUS");
    for (const std::string_view line : lines)
      CHECK(line.substr(status - 2, 2) == "  ");
    if (!terminal)  // where no age is as long as it might be
      CHECK(parts == RunTable(stream, RunTable::Projects::shown, {})
                         .take(records, value_of(records.find_runs({}))));
  }
  ::unsetenv("COLUMNS");
}
