#include "dstack/store/records/rebuild.hpp"

#include "dstack/base/log.hpp"
#include "dstack/base/time.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/store/records/open_database.hpp"
#include "dstack/store/records/run_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::array suffixes = {"", "-wal", "-shm"};

/// Of a database that is whole, or empty: of one that can be opened and read from end to end.
Result<Database> open_whole(const files::Home& home) {
  DSTACK_TRY(Database database, open_existing(home));
  DSTACK_TRY(const std::string damage, database.find_damage());
  if (!damage.empty())
    return fail(ErrorCode::damaged, "the run database '{}': {}", home.database().string(), damage);
  return database;
}

/// The files of all runs that have one, those recorded first before the others; what has none is
/// `others`.
std::vector<RunFile> read_run_files(const files::Home& home, std::vector<std::string>& others) {
  std::vector<RunFile> files;
  for (const std::string& run : run_folders(home))
    if (auto file = read_run_file(home, run))
      files.push_back(*std::move(file));
    else
      others.push_back(run);
  std::sort(
      files.begin(), files.end(), [](const RunFile& a, const RunFile& b) { return a.id < b.id; });
  return files;
}

/// Of a damaged database, as far as it can be read: the runs in `names`.
std::vector<RunFile> salvage(const files::Home& home, const std::vector<std::string>& names) {
  std::vector<RunFile> files;
  auto database = Database::open(home.database(), Database::Open::read_only);
  if (names.empty() || !database)
    return files;
  for (const std::string& name : names) {
    auto query = database->query("select id from run where name = ?");
    if (!query)
      break;
    const auto row = query->bind(name).step();
    if (!row || !*row)
      continue;
    const RunId id = query->integer(0);
    if (auto file = collect(*database, id); file && file->run == name)
      files.push_back(*std::move(file));
  }
  return files;
}

/// One that cannot be taken is left out, and the others are made all the same.
Result<std::size_t> put_all(Database& database, const std::vector<RunFile>& files) {
  std::size_t count = 0;
  for (const RunFile& file : files) {
    DSTACK_TRY(Transaction transaction, Transaction::begin(database));
    auto put = put_on_record(database, file);
    if (!put) {
      log::warning(fmt::format("run '{}' was not brought back: {}", file.run, render(put.error())));
      continue;
    }
    DSTACK_CHECK(transaction.commit());
    ++count;
  }
  return count;
}

/// What the files have beyond the rows.
Result<void> complete(Database& database, const std::vector<RunFile>& files, Rebuilt& rebuilt) {
  for (const RunFile& file : files) {
    DSTACK_TRY(Transaction transaction, Transaction::begin(database));
    DSTACK_TRY(const std::int64_t steps, steps_on_record(database, file.run));
    if (steps < file.steps) {
      DSTACK_CHECK(put_on_record(database, file));
      ++rebuilt.runs;
    } else {
      DSTACK_TRY(const std::size_t tags, put_tags_on_record(database, file));
      rebuilt.tags += tags;
    }
    DSTACK_CHECK(transaction.commit());
  }
  return {};
}

/// Under a name of its own, with its log, so that nothing of it is lost.
Result<Path> move_away(const Path& database) {
  std::string time = render_time(now()).substr(0, 19);
  std::erase_if(time, [](char c) { return c == ':' || c == '-'; });
  const std::string kept = database.string() + ".damaged-" + time;
  bool is_any = false;
  // The database last: as long as it is there, its log is looked for beside it.
  for (auto suffix = suffixes.rbegin(); suffix != suffixes.rend(); ++suffix) {
    if (::rename((database.string() + *suffix).c_str(), (kept + *suffix).c_str()) == 0)
      is_any = is_any || *suffix != std::string_view("-shm");
    else if (errno != ENOENT)
      return fail_errno("cannot rename '{}{}'", database.string(), *suffix);
  }
  return is_any ? Path(kept) : Path();
}

void forget_known(std::vector<std::string>& others, const std::vector<RunFile>& files) {
  std::erase_if(others, [&](const std::string& name) {
    return std::any_of(
        files.begin(), files.end(), [&](const RunFile& file) { return file.run == name; });
  });
}

Result<void> make_anew(const files::Home& home, std::vector<RunFile> files, Rebuilt& rebuilt) {
  auto salvaged = salvage(home, rebuilt.others);
  forget_known(rebuilt.others, salvaged);
  std::move(salvaged.begin(), salvaged.end(), std::back_inserter(files));
  DSTACK_TRY(const files::StagingFolder staging, files::StagingFolder::make(home, "database"));
  const Path draft = staging.path() / "database.sqlite";
  DSTACK_CHECK(write_database(draft, [&](Database& database) -> Result<void> {
    DSTACK_TRY(rebuilt.runs, put_all(database, files));
    return {};
  }));
  DSTACK_TRY(rebuilt.kept, move_away(home.database()));
  return publish_database(draft, home);
}

/// Folders of runs that the database knows, but which have no file of their own.
void forget_recorded(Database& database, std::vector<std::string>& others) {
  std::erase_if(others, [&](const std::string& name) {
    const auto steps = steps_on_record(database, name);
    return steps && *steps >= 0;
  });
}

/// Runs that an older version made have no file yet.
Result<void> keep_others(Database& database, const files::Home& home) {
  std::vector<RunId> runs;
  {
    DSTACK_TRY(Query query, database.query("select id, name from run"));
    for (;;) {
      DSTACK_TRY(const bool row, query.step());
      if (!row)
        break;
      const std::string name = query.text(1);
      if (is_folder(home.run(name)) && !read_run_file(home, name))
        runs.push_back(query.integer(0));
    }
  }
  for (const RunId run : runs)
    DSTACK_CHECK(write_run_file(home, database, run));
  return {};
}

}  // namespace

std::string find_database_damage(const files::Home& home) {
  if (!has_database(home) && run_folders(home).empty())
    return {};
  auto database = open_whole(home);
  if (!database)
    return database.error().message;
  const auto checked = check_log(*database, home);
  return checked ? std::string() : checked.error().message;
}

Result<Rebuilt> rebuild_database(const files::Home& home) {
  DSTACK_TRY(const Fd alone, lock_database(home));
  Rebuilt rebuilt;
  std::vector<RunFile> files = read_run_files(home, rebuilt.others);
  auto whole = open_whole(home);
  if (!whole) {
    rebuilt.damage = whole.error().message;
    DSTACK_CHECK(make_anew(home, std::move(files), rebuilt));
    DSTACK_TRY(Database made, open_existing(home));
    DSTACK_CHECK(keep_others(made, home));
    DSTACK_CHECK(begin_log(made));
    return rebuilt;
  }
  DSTACK_CHECK(complete(*whole, files, rebuilt));
  forget_recorded(*whole, rebuilt.others);
  DSTACK_CHECK(keep_others(*whole, home));
  DSTACK_CHECK(begin_log(*whole));
  return rebuilt;
}

bool can_rebuild(const files::Home& home, const std::string& run) {
  return has_run_file(home, run);
}

}  // namespace dstack::store
