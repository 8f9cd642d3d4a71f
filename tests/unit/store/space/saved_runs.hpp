// Runs that have saved folders, and what the store holds of them.
#pragma once

#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/tree_text.hpp"
#include "dstack/store/space/unneeded.hpp"
#include "unit/store/fixture.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dstack::store {

/// Content by path.
using Folder = std::map<std::string, std::string>;

class SavedRuns {
 public:
  explicit SavedRuns(const files::Home& home) : home_(home) {}

  /// A finished run whose code is this folder.
  RunId save(const std::string& name, const Folder& folder) {
    Records records = value_of(Records::open(home_));
    const RunId run = begin(records, name, folder);
    require_ok(records.apply(run, run_change(job::Status::done, 2)));
    return run;
  }

  /// One that is not over.
  RunId begin(Records& records, const std::string& name, const Folder& folder) {
    ObjectStore objects(home_);
    NewRun run = new_run(name);
    run.code.snapshot = capture(objects, folder);
    return value_of(records.create_run(run));
  }

  static job::TreeReference capture(ObjectStore& objects, const Folder& folder) {
    const TemporaryFolder source = make_test_folder();
    for (const auto& [path, content] : folder)
      write_file(source.path() / path, content);
    std::vector<std::string> warnings;
    return value_of(objects.capture_folder(source.path(), warnings));
  }

  void remove(RunId run) {
    Records records = value_of(Records::open(home_));
    require_ok(records.remove_run(run));
    value_of(free_removed(ObjectStore(home_), records));
  }

  void collect() {
    Records records = value_of(Records::open(home_));
    value_of(free_unneeded(ObjectStore(home_), records, Effect::remove));
  }

  /// What is read of a run's code.
  Folder read(RunId run) {
    Records records = value_of(Records::open(home_));
    const ObjectStore objects(home_);
    for (const RunRecord& record : value_of(records.find_runs({})))
      if (record.id == run) {
        Folder folder;
        for (const TreeFile& file : value_of(objects.list(record.code.snapshot)))
          folder[file.path] = value_of(objects.read_blob(file.digest));
        return folder;
      }
    FAIL("there is no such run");
    return {};
  }

  /// Names of all files that are objects; of packs what is in them.
  std::set<std::string> stored() const {
    std::set<std::string> names;
    for (const char* kind : {"objects", "trees"})
      for (fs::recursive_directory_iterator each(home_.root / kind), end; each != end; ++each)
        if (fs::is_regular_file(each->path()))
          names.insert(each->path().lexically_relative(home_.root).string());
    ObjectStore objects(home_);
    for (const Digest& pack : objects.packs().names()) {
      const auto entries = objects.packs().entries(pack);
      REQUIRE(entries);
      for (const Packed& entry : *entries)
        if (!objects.packs().is_erased(pack, entry))
          names.insert("packed " + entry.digest.render());
    }
    return names;
  }

  /// Whether any file of the home has these bytes in it.
  bool holds(const std::string& bytes) const {
    for (fs::recursive_directory_iterator each(home_.root), end; each != end; ++each)
      if (fs::is_regular_file(each->path()) &&
          read_file(each->path()).value_or("").find(bytes) != std::string::npos)
        return true;
    return false;
  }

  const files::Home& home() const { return home_; }

 private:
  files::Home home_;
};

}  // namespace dstack::store
