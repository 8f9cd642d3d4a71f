// What is removed from the store, and what stays.
#include "dstack/store/space/unneeded.hpp"

#include "unit/store/space/saved_runs.hpp"

#include <algorithm>
#include <random>

using namespace dstack;
using namespace dstack::store;

namespace {

Folder many_files(const std::string& about, std::size_t count) {
  Folder folder;
  for (std::size_t i = 0; i < count; ++i)
    folder[std::to_string(i % 5) + "/" + std::to_string(i)] = about + " " + std::to_string(i);
  return folder;
}

/// The objects that runs need, found without the code under test: by walking their trees.
std::set<std::string> needed_by(const files::Home& home) {
  std::set<std::string> names;
  const ObjectStore objects(home);
  Records records = value_of(Records::open(home));
  const auto name = [&](Kind kind, const Digest& digest) {
    const bool is_file = fs::exists(home.root / object_name(kind, digest));
    names.insert(is_file ? object_name(kind, digest) : "packed " + digest.render());
  };
  for (const RunRecord& run : value_of(records.find_runs({}))) {
    name(Kind::times, run.code.snapshot.times);
    std::vector<Digest> trees = {run.code.snapshot.tree};
    while (!trees.empty()) {
      const Digest tree = trees.back();
      trees.pop_back();
      name(Kind::tree, tree);
      for (const TreeEntry& entry : value_of(objects.read_tree(tree)).entries)
        if (entry.type == files::EntryType::folder)
          trees.push_back(entry.digest);
        else
          name(Kind::blob, entry.digest);
    }
  }
  return names;
}

/// What is stored and not needed, or needed and not stored.
std::set<std::string> difference(const SavedRuns& runs) {
  const auto stored = runs.stored();
  const auto needed = needed_by(runs.home());
  std::set<std::string> names;
  std::set_symmetric_difference(stored.begin(),
                                stored.end(),
                                needed.begin(),
                                needed.end(),
                                std::inserter(names, names.end()));
  return names;
}

}  // namespace

TEST_CASE("a run that is removed takes along what no other run needs") {
  const TestHome test;
  SavedRuns runs(test.home());
  const Folder both = {{"shared", "in both"}, {"folder/deep", "below"}};
  const RunId first = runs.save("a-a-1", both);
  Folder more = both;
  more["own"] = "the password of the second run";
  more["folder/own"] = "another line";
  const RunId second = runs.save("a-a-2", more);
  REQUIRE(runs.holds("the password of the second run"));

  runs.remove(second);

  CHECK(difference(runs) == std::set<std::string>());
  CHECK_FALSE(runs.holds("the password of the second run"));
  CHECK_FALSE(runs.holds("another line"));
  CHECK(runs.read(first) == both);
}

TEST_CASE("of a pack the part that nobody needs is erased, and the rest can be read") {
  const TestHome test;
  SavedRuns runs(test.home());
  Folder folder = many_files("content", 700);
  folder["secret"] = "only in the first";
  const RunId first = runs.save("a-a-1", folder);
  folder.erase("secret");
  for (std::size_t i = 0; i < 300; ++i)
    folder.erase(std::to_string(i % 5) + "/" + std::to_string(i));
  const RunId second = runs.save("a-a-2", folder);
  REQUIRE(runs.holds("only in the first"));

  runs.remove(first);

  CHECK(difference(runs) == std::set<std::string>());
  CHECK_FALSE(runs.holds("only in the first"));
  CHECK_FALSE(runs.holds("content 299"));
  CHECK(runs.read(second) == folder);

  SECTION("what was erased is stored again when it comes again") {
    Folder again = many_files("content", 700);
    const RunId third = runs.save("a-a-3", again);

    CHECK(runs.read(third) == again);
    CHECK(runs.read(second) == folder);
  }
  SECTION("a pack goes with its last content") {
    runs.remove(second);

    CHECK(ObjectStore(test.home()).packs().names().empty());
    CHECK(runs.stored().empty());
  }
}

TEST_CASE("an input of a removed run stays while another run has it") {
  const TestHome test;
  SavedRuns runs(test.home());
  ObjectStore objects(test.home());
  Records records = test.open();
  NewRun run = new_run("a-a-1");
  run.inputs = {SavedRuns::capture(objects, {{"data", "of an input"}})};
  const RunId first = value_of(records.create_run(run));
  run.name = "a-a-2";
  const RunId second = value_of(records.create_run(run));
  for (const RunId id : {first, second})
    require_ok(records.apply(id, run_change(job::Status::done, 2)));

  objects = ObjectStore(test.home());  // without pins
  require_ok(records.remove_run(first));
  value_of(free_removed(objects, records));
  CHECK(runs.holds("of an input"));
  require_ok(records.remove_run(second));
  value_of(free_removed(objects, records));
  CHECK_FALSE(runs.holds("of an input"));
}

TEST_CASE("what a removal that was killed has left goes with the next one") {
  const TestHome test;
  SavedRuns runs(test.home());
  const RunId run = runs.save("a-a-1", {{"file", "left behind"}});
  Records records = test.open();
  require_ok(records.remove_run(run));  // and not free_removed()
  REQUIRE(runs.holds("left behind"));

  value_of(free_removed(ObjectStore(test.home()), records));

  CHECK_FALSE(runs.holds("left behind"));
  CHECK(value_of(records.removed_trees()).empty());
}

TEST_CASE("without the index of trees, or with a damaged one, the same goes and stays") {
  const TestHome test;
  SavedRuns runs(test.home());
  const Folder kept = {{"a/b/c", "kept"}, {"d", "also kept"}};
  const RunId first = runs.save("a-a-1", kept);
  const RunId second = runs.save("a-a-2", {{"a/b/c", "kept"}, {"e", "goes"}});
  const Path index = test.home().index() / "trees";
  REQUIRE(fs::exists(index));
  const std::string damage = GENERATE("lost", "torn", "changed");
  if (damage == "lost")
    fs::remove(index);
  else if (damage == "torn")
    fs::resize_file(index, fs::file_size(index) - 5);
  else
    std::fstream(index.string(), std::ios::in | std::ios::out).seekp(40).put('x');

  runs.remove(second);

  CHECK(difference(runs) == std::set<std::string>());
  CHECK(runs.read(first) == kept);
}

TEST_CASE("a damaged tree of a run keeps everything in place") {
  const TestHome test;
  SavedRuns runs(test.home());
  const RunId first = runs.save("a-a-1", {{"a", "kept"}});
  const RunId second = runs.save("a-a-2", {{"b", "would go"}});
  Records records = test.open();
  const auto tree = value_of(records.needed_trees(first)).front().tree;
  const Path file = test.home().root / object_name(Kind::tree, tree);
  fs::permissions(file, fs::owner_all);
  write_file(file, "not a tree");
  fs::remove(test.home().index() / "trees");

  require_ok(records.remove_run(second));
  const auto freed = free_removed(ObjectStore(test.home()), records);

  CHECK_THAT(failure_of(freed).message, Catch::Contains("damaged object"));
  CHECK(runs.holds("would go"));
  // Nor later, when it has been moved aside.
  CHECK(failure_of(free_removed(ObjectStore(test.home()), records)).code == ErrorCode::damaged);
  CHECK(runs.holds("would go"));
}

TEST_CASE("a tree that was remembered is not trusted after anything was removed") {
  const TestHome test;
  SavedRuns runs(test.home());
  runs.save("a-a-1", {{"a", "1"}});
  const RunId second = runs.save("a-a-2", {{"b", "2"}});
  const std::uint64_t before = ObjectStore(test.home()).generation();
  REQUIRE(before != 0);
  CHECK(ObjectStore(test.home()).generation() == before);

  runs.remove(second);

  CHECK(ObjectStore(test.home()).generation() != before);
}

TEST_CASE("looking removes nothing and counts what would go") {
  const TestHome test;
  SavedRuns runs(test.home());
  runs.save("a-a-1", {{"a", "kept"}});
  ObjectStore objects(test.home());
  SavedRuns::capture(objects, {{"b", "nobody's"}});  // never recorded
  objects = ObjectStore(test.home());
  Records records = test.open();
  const auto before = runs.stored();

  const Removed seen = value_of(free_unneeded(objects, records, Effect::look));

  CHECK(seen.objects == 3);  // the file, its folder, the times
  CHECK(runs.stored() == before);
  CHECK(value_of(free_unneeded(objects, records, Effect::remove)).objects == 3);
  CHECK(difference(runs) == std::set<std::string>());
}

TEST_CASE("after any sequence of saves and removals the store holds what its runs need") {
  const auto seed = GENERATE(range(0U, 12U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const TestHome test;
  SavedRuns runs(test.home());
  std::map<RunId, Folder> model;
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (std::size_t step = 0; step < 12; ++step) {
    const std::size_t choice = below(6);
    if (choice < 3 || model.empty()) {
      Folder folder;
      const std::size_t files = below(8) == 0 ? 520 + below(200) : 1 + below(6);
      for (std::size_t i = 0; i < files; ++i)
        folder[std::to_string(below(4)) + "/" + std::to_string(i)] =
            "content " + std::to_string(files > 500 ? i : below(6));
      model[runs.save("a-a-" + std::to_string(step + 1), folder)] = folder;
    } else if (choice < 5) {
      const auto victim =
          std::next(model.begin(), static_cast<std::ptrdiff_t>(below(model.size())));
      runs.remove(victim->first);
      model.erase(victim);
    } else {
      runs.collect();
    }
    for (const auto& [run, folder] : model)
      REQUIRE(runs.read(run) == folder);
  }
  CHECK(difference(runs) == std::set<std::string>());
  runs.collect();
  CHECK(difference(runs) == std::set<std::string>());
}
