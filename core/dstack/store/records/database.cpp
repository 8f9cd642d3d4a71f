#include "dstack/store/records/database.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/files/locks.hpp"
#include "dstack/store/records/sqlite_calls.hpp"
#include "dstack/store/records/sqlite_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace dstack::store {

namespace {

// Long enough for a whole queue of other commands, each of which takes about a millisecond.
constexpr int busy_milliseconds = 10'000;

// A short command must not pay for a checkpoint, so the log is left behind when it ends; but the
// first to open the database afterwards reads the whole log, so it is kept to about a megabyte.
constexpr const char* checkpoint_pages = "pragma wal_autocheckpoint = 256";

/// For a lock that the file system refuses SQLite reports, by the reason, that the database is in
/// use, that its users disagree, or an error of reading or writing.
Result<void> check_locks(int code, const std::string& file) {
  const int kind = code & 0xff;
  if (file.empty() || (kind != SQLITE_BUSY && kind != SQLITE_PROTOCOL && kind != SQLITE_IOERR &&
                       kind != SQLITE_PERM))
    return {};
  auto tried = files::try_locks_in(Path(file).parent_path());
  if (tried)
    return {};
  return fail(std::move(tried).error());
}

/// Why the last call has failed that SQLite made for a file of the database; 0: it does not know.
int last_error_of_files(sqlite3* database) {
  int error = 0;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
      error != 0)
    return error;
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr)
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

const char* verb_of(int code) {
  if ((code & 0xff) == SQLITE_CANTOPEN)
    return "open";
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
    return "sync";
  return code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ ? "read" : "write";
}

/// `name`: of the database's file.
Failure fail_sqlite(sqlite3* database, const std::string& name) {
  const int code = sqlite3_extended_errcode(database);
  const std::string message = sqlite3_errmsg(database);
  FailedCall failed = last_failed_call();
  const int kind = code & 0xff;
  if (failed.error == 0 && kind == SQLITE_READONLY)
    failed = last_failed_open();
  // Of these two kinds alone SQLite keeps it.
  if (failed.error == 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN))
    failed = {code == SQLITE_IOERR_NOMEM ? ENOMEM : sqlite3_system_errno(database), verb_of(code)};
  // A sync is no call that can be watched.
  if (failed.error == 0 && kind == SQLITE_IOERR)
    failed.error = last_error_of_files(database);
  if (auto checked = check_locks(code, name); !checked)
    return Failure(std::move(checked).error());
  return sqlite_failure(code, message, failed, name);
}

Failure fail_sqlite(sqlite3* database) {
  const char* file = sqlite3_db_filename(database, nullptr);
  return fail_sqlite(database, file == nullptr ? "" : file);
}

/// In place of sqlite3_busy_timeout(), which would wait for a lock that the file system refuses.
/// `count` is how often it was called for the same lock; 0 gives up.
int wait_for_lock(void* database, int count) {
  static constexpr std::array delays = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
  const char* file = sqlite3_db_filename(static_cast<sqlite3*>(database), nullptr);
  if (count == 0 && file != nullptr && !check_locks(SQLITE_BUSY, file))
    return 0;
  const auto step = static_cast<std::size_t>(count);
  const auto known = static_cast<std::ptrdiff_t>(std::min(step, delays.size()));
  const int waited = std::accumulate(delays.begin(), delays.begin() + known, 0) +
                     (count - static_cast<int>(known)) * delays.back();
  if (waited >= busy_milliseconds)
    return 0;
  sqlite3_sleep(step < delays.size() ? delays[step] : delays.back());
  return 1;
}

/// A file: URI of a path, for the one option that has no flag.
std::string immutable_uri(const Path& path) {
  std::string uri = "file:";
  for (const char c : path.string()) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr char hex[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', hex[byte >> 4], hex[byte & 15]};
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

int open_flags(Database::Open how) {
  constexpr int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (how) {
    case Database::Open::read_write:
      return common | SQLITE_OPEN_READWRITE;
    case Database::Open::create:
      return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Database::Open::read_only:
      return common | SQLITE_OPEN_READONLY;
    case Database::Open::immutable:
      return common | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    case Database::Open::memory:
      return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY;
  }
  return common;
}

/// The log's name is durable before anybody writes to it: whoever finds no log, or an empty one,
/// which somebody may have made a moment ago, syncs the folder. The log stays when the last
/// connection closes.
Result<void> keep_log(const Path& path) {
  const std::string log = path.string() + "-wal";
  struct stat status;
  if (::stat(log.c_str(), &status) == 0 && status.st_size > 0)
    return {};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno("cannot inspect '{}'", path.string());
  // SQLite gives it the database's mode, too.
  if (const auto made = open_file(log, O_RDWR | O_CREAT, status.st_mode & 0777); !made)
    return sqlite_failure(SQLITE_CANTOPEN,
                          "unable to open database file",
                          {made.error().number, "open"},
                          path.string());
  return sync_folder(path.parent_path());
}

std::string file_name(const Path& path, Database::Open how) {
  if (how == Database::Open::memory)
    return ":memory:";
  return how == Database::Open::immutable ? immutable_uri(path) : path.string();
}

}  // namespace

Query::Query(Query&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      bind_error_(other.bind_error_) {}

Query::~Query() {
  if (statement_ == nullptr)
    return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::string_view text) {
  // Texts are bound by value: a caller's temporary may be gone when the statement steps.
  const int code = sqlite3_bind_text64(statement_,
                                       ++bound_,
                                       text.data() ? text.data() : "",
                                       text.size(),
                                       SQLITE_TRANSIENT,
                                       SQLITE_UTF8);
  if (code != SQLITE_OK)
    bind_error_ = code;
  return *this;
}

Query& Query::bind(std::int64_t number) {
  if (const int code = sqlite3_bind_int64(statement_, ++bound_, number); code != SQLITE_OK)
    bind_error_ = code;
  return *this;
}

Query& Query::bind(const std::optional<std::int64_t>& number) {
  return number ? bind(*number) : bind_null();
}

Query& Query::bind_null() {
  if (const int code = sqlite3_bind_null(statement_, ++bound_); code != SQLITE_OK)
    bind_error_ = code;
  return *this;
}

Result<bool> Query::step() {
  if (bind_error_ != 0)
    return sqlite_failure(bind_error_, sqlite3_errstr(bind_error_), {}, "");
  forget_failed_call();
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  return fail_sqlite(database_);
}

Result<void> Query::run() {
  DSTACK_TRY(bool row, step());
  while (row) {
    DSTACK_TRY(row, step());
  }
  return {};
}

std::string Query::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> Query::optional_integer(int column) const {
  if (is_null(column))
    return std::nullopt;
  return integer(column);
}

int Query::columns() const {
  return sqlite3_column_count(statement_);
}

std::string Query::name(int column) const {
  const char* text = sqlite3_column_name(statement_, column);
  return text == nullptr ? "" : text;
}

bool Query::is_integer(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_INTEGER;
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

void Database::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<Database> Database::open(const Path& path, Open how) {
  watch_sqlite_calls();
  if (how == Open::read_write)
    DSTACK_CHECK(keep_log(path));
  sqlite3* raw = nullptr;
  forget_failed_call();
  const int code = sqlite3_open_v2(file_name(path, how).c_str(), &raw, open_flags(how), nullptr);
  Database database(raw);
  if (code != SQLITE_OK && raw == nullptr)
    return fail_errno_of(ENOMEM, "the run database cannot be opened");
  if (code != SQLITE_OK)
    return fail_sqlite(raw, path.string());
  sqlite3_busy_handler(raw, wait_for_lock, raw);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  DSTACK_CHECK(database.execute("pragma synchronous = full"));
  DSTACK_CHECK(database.execute(checkpoint_pages));
  return database;
}

Result<void> Database::execute(const char* sql) {
  forget_failed_call();
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return fail_sqlite(database_.get());
  return {};
}

void Database::roll_back() {
  // SQLite may have rolled back itself (a full disk, no memory); that error is ignored.
  sqlite3_exec(database_.get(), "rollback", nullptr, nullptr, nullptr);
}

Result<Query> Database::query(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end())
    return Query(database_.get(), found->second->statement.get());
  sqlite3_stmt* statement = nullptr;
  forget_failed_call();
  const int code = sqlite3_prepare_v3(database_.get(),
                                      sql.data(),
                                      static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT,
                                      &statement,
                                      nullptr);
  if (code != SQLITE_OK)
    return fail_sqlite(database_.get());
  auto kept = std::make_unique<Kept>();
  kept->sql = sql;
  kept->statement.reset(statement);
  const std::string_view key = kept->sql;
  statements_.emplace(key, std::move(kept));
  return Query(database_.get(), statement);
}

std::int64_t Database::last_row_id() const {
  return sqlite3_last_insert_rowid(database_.get());
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(database_.get());
}

Result<std::string> Database::find_damage() {
  std::string all;
  for (const char* check : {"pragma integrity_check", "pragma foreign_key_check"}) {
    DSTACK_TRY(Query found, query(check));
    for (;;) {
      DSTACK_TRY(const bool row, found.step());
      if (!row)
        break;
      if (const std::string text = found.text(0); text != "ok")
        all += fmt::format("{}{}", all.empty() ? "" : "; ", text);
    }
  }
  return all;
}

Result<Transaction> Transaction::begin(Database& database) {
  DSTACK_TRY(Query begin, database.query("begin immediate"));
  DSTACK_CHECK(begin.run());
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ != nullptr)
    database_->roll_back();
}

Result<void> Transaction::commit() {
  DSTACK_TRY(Query commit, database_->query("commit"));
  if (auto committed = commit.run(); !committed) {
    // It may have been written whole before the disk refused to say that it is safe.
    if (committed.error().code == ErrorCode::internal)
      committed.error().message += "; what was to be recorded may be on record or not";
    return committed;
  }
  database_ = nullptr;
  return {};
}

}  // namespace dstack::store
