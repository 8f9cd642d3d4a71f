// SQLite, as far as the records need it: a connection, statements that are kept prepared,
// transactions that roll back unless committed. Knows no table. Internal to store/; its source is
// the only one that calls sqlite3.
#pragma once

#include "dstack/base/file.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace dstack::store {

/// The text of schema.sql, and the version that it makes.
extern const char* const schema_sql;
constexpr int schema_version = 10;

/// One use of a prepared statement. Binds in order, then steps; the statement is released with this
/// object.
class Query {
 public:
  Query(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  Query& bind(std::string_view text);
  Query& bind(std::int64_t number);
  Query& bind(const std::optional<std::int64_t>& number);
  Query& bind_null();

  /// True: a row is there. False: no more rows.
  Result<bool> step();
  /// Runs a statement that gives no rows.
  Result<void> run();

  // Of the current row, columns from 0.
  int columns() const;
  std::string name(int column) const;
  bool is_integer(int column) const;
  std::string text(int column) const;
  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  bool is_null(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int bind_error_ = 0;
};

class Database {
 public:
  enum class Open {
    read_write,  ///< an existing file
    create,      ///< a new file
    read_only,
    immutable,  ///< of a folder that cannot be written, where no write-ahead log is left
    memory,
  };

  static Result<Database> open(const Path& path, Open how);
  Database(Database&&) noexcept = default;
  Database& operator=(Database&&) noexcept = default;

  /// One or more statements without rows or parameters.
  Result<void> execute(const char* sql);
  /// Rolls back the transaction, if there is one.
  void roll_back();
  /// Prepared on first use and kept.
  Result<Query> query(std::string_view sql);
  std::int64_t last_row_id() const;
  /// Rows that the last statement changed.
  std::int64_t changes() const;
  /// What is wrong with the file: everything that SQLite finds when it reads all of it. Empty:
  /// nothing.
  Result<std::string> find_damage();

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  struct Kept {
    std::string sql;
    std::unique_ptr<sqlite3_stmt, Finalize> statement;
  };

  explicit Database(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
  // After the connection, so that they are destroyed before it. The keys are views of their own
  // elements' text.
  std::unordered_map<std::string_view, std::unique_ptr<Kept>> statements_;
};

/// Begins with the write lock taken (BEGIN IMMEDIATE): reading first and locking later would meet
/// "database is locked" under load, which waiting does not resolve.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  /// Durable when it returns.
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;
};

}  // namespace dstack::store
