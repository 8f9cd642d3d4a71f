// Rows of a run as values, whatever columns its tables have, and back.
#include "dstack/base/text.hpp"
#include "dstack/store/records/connection.hpp"
#include "dstack/store/records/run_file.hpp"
#include "dstack/store/records/run_name.hpp"

#include <algorithm>
#include <map>

namespace dstack::store {

namespace {

// Names of other runs, when they were moved.
constexpr std::string_view tag_table = "tag";

using Values = std::map<std::string, Json, std::less<>>;

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes)
    hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::string bytes_of(const std::string& hex) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(value(hex[i]) << 4 | value(hex[i + 1]));
  return bytes;
}

/// As JSON: a number, a text, null, or {"hex": …}.
void append_value(std::string& to, const Query& query, int column) {
  if (query.is_null(column)) {
    to += "null";
  } else if (query.is_integer(column)) {
    to += std::to_string(query.integer(column));
  } else {
    std::string text = query.text(column);
    to += find_invalid_utf8(text) ? fmt::format("{{\"hex\":\"{}\"}}", hex_of(text))
                                  : render_json(Json(std::move(text)));
  }
}

void bind(Query& query, const Json& value) {
  if (value.is_number_integer())
    query.bind(value.get<std::int64_t>());
  else if (value.is_string())
    query.bind(value.get<std::string>());
  else if (value.is_object())
    query.bind(bytes_of(json_string(value, "hex")));
  else
    query.bind_null();
}

/// `"TABLE":[{COLUMN:VALUE,…},…]`, of the rows that the statement gives for the run; how many.
Result<std::size_t> append_rows(std::string& to,
                                Database& database,
                                std::string_view table,
                                const std::string& sql,
                                RunId run) {
  DSTACK_TRY(Query query, database.query(sql));
  query.bind(run);
  to += fmt::format("\"{}\":[", table);
  for (std::size_t count = 0;; ++count) {
    DSTACK_TRY(const bool row, query.step());
    if (!row) {
      to += ']';
      return count;
    }
    to += count == 0 ? "{" : ",{";
    for (int column = 0; column < query.columns(); ++column) {
      to += fmt::format("{}\"{}\":", column == 0 ? "" : ",", query.name(column));
      append_value(to, query, column);
    }
    to += '}';
  }
}

Result<std::vector<std::string>> names_from(Database& database,
                                            std::string_view sql,
                                            std::string_view argument) {
  DSTACK_TRY(Query query, database.query(sql));
  query.bind(argument);
  std::vector<std::string> names;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return names;
    names.push_back(query.text(0));
  }
}

Result<std::vector<std::string>> columns_of(Database& database, const std::string& table) {
  return names_from(database, "select name from pragma_table_info(?)", table);
}

/// `others` replace what the row says of these columns. Columns that the table lacks are left out.
Result<void> insert(Database& database,
                    const std::string& table,
                    const Json& row,
                    const Values& others,
                    std::string_view how = "insert or replace") {
  DSTACK_TRY(const auto columns, columns_of(database, table));
  std::string names;
  std::string places;
  std::vector<Json> values;
  for (const std::string& column : columns) {
    const auto other = others.find(column);
    const Json* value = other == others.end() ? json_member(row, column) : &other->second;
    if (value == nullptr)
      continue;
    names += (names.empty() ? "" : ", ") + column;
    places += places.empty() ? "?" : ", ?";
    values.push_back(*value);
  }
  if (values.empty())
    return {};
  DSTACK_TRY(Query query,
             database.query(fmt::format("{} into {} ({}) values ({})", how, table, names, places)));
  for (const Json& value : values)
    bind(query, value);
  return query.run();
}

const Json* first_row(const Json& tables, std::string_view table) {
  const Json* rows = json_member(tables, table);
  return rows != nullptr && rows->is_array() && !rows->empty() ? &rows->front() : nullptr;
}

Result<std::optional<std::int64_t>> find_number(Database& database,
                                                std::string_view sql,
                                                const Json& value) {
  DSTACK_TRY(Query query, database.query(sql));
  bind(query, value);
  DSTACK_TRY(const bool row, query.step());
  return row ? std::optional(query.integer(0)) : std::nullopt;
}

/// The row of the project, which other runs may have made by now.
Result<std::int64_t> project_of(Database& database, const RunFile& file) {
  const Json* row = first_row(file.tables, "project");
  const Json* path = row == nullptr ? nullptr : json_member(*row, "path");
  if (path == nullptr)
    return fail(ErrorCode::damaged, "the record of run '{}' names no project", file.run);
  DSTACK_CHECK(insert(database, "project", *row, {{"id", nullptr}}, "insert or ignore"));
  DSTACK_TRY(const auto id, find_number(database, "select id from project where path = ?", *path));
  if (!id)
    return fail(ErrorCode::internal, "the project of run '{}' was not accepted", file.run);
  return *id;
}

Result<void> remove_rows(Database& database, RunId run) {
  for (const char* sql : {"delete from tag where run = ?", "delete from run where id = ?"}) {
    DSTACK_TRY(Query query, database.query(sql));
    DSTACK_CHECK(query.bind(run).run());
  }
  return {};
}

/// The id that it had, or null: another run has it now.
Result<Json> free_id(Database& database, RunId wanted) {
  DSTACK_TRY(const auto taken, find_number(database, "select id from run where id = ?", wanted));
  return taken || wanted <= 0 ? Json(nullptr) : Json(wanted);
}

}  // namespace

Result<void> reserve_number(Database& database, const std::string& name) {
  const auto numbered = parse_run_name(name);
  if (!numbered)
    return {};
  DSTACK_TRY(Query query,
             database.query("insert into run_name (pair, last) values (?1, ?2) "
                            "on conflict (pair) do update set last = max(last, ?2)"));
  return query.bind(numbered->pair).bind(numbered->number).run();
}

Result<std::int64_t> steps_on_record(Database& database, std::string_view run) {
  DSTACK_TRY(Query query,
             database.query("select (finished_at is not null) + (started_at is not null) + "
                            "(select coalesce(sum(steps), 0) from job where job.run = run.id) "
                            "from run where name = ?"));
  DSTACK_TRY(const bool row, query.bind(run).step());
  return row ? query.integer(0) : -1;
}

Result<std::string> render_rows(Database& database, RunId run) {
  std::string text = "{";
  DSTACK_TRY(const std::size_t count,
             append_rows(text, database, "run", "select * from run where id = ?", run));
  if (count == 0)
    return fail(ErrorCode::not_found, "there is no run {}", run);
  text += ',';
  DSTACK_CHECK(
      append_rows(text,
                  database,
                  "project",
                  "select * from project where id = (select project from run where id = ?)",
                  run));
  // An older version's database, of which as much is saved as there is, lacks some.
  DSTACK_TRY(const auto existing,
             names_from(database, "select name from sqlite_master where type = ?", "table"));
  for (const std::string_view table : tables_of_runs) {
    if (std::find(existing.begin(), existing.end(), table) == existing.end())
      continue;
    text += ',';
    DSTACK_CHECK(append_rows(
        text, database, table, fmt::format("select * from {} where run = ?", table), run));
  }
  text += '}';
  return text;
}

Result<void> put_on_record(Database& database, const RunFile& file) {
  const Json* row = first_row(file.tables, "run");
  if (row == nullptr || json_string(*row, "name") != file.run)
    return fail(ErrorCode::damaged, "the record of run '{}' is of another run", file.run);
  DSTACK_TRY(const auto before,
             find_number(database, "select id from run where name = ?", file.run));
  if (before)
    DSTACK_CHECK(remove_rows(database, *before));
  DSTACK_TRY(const std::int64_t project, project_of(database, file));
  DSTACK_TRY(const Json wanted, free_id(database, before.value_or(file.id)));
  DSTACK_CHECK(insert(database, "run", *row, {{"id", wanted}, {"project", project}}, "insert"));
  const RunId run = database.last_row_id();
  DSTACK_CHECK(reserve_number(database, file.run));
  for (const std::string_view table : tables_of_runs)
    if (const Json* rows = json_member(file.tables, table); rows != nullptr && table != tag_table)
      for (const Json& each : *rows)
        DSTACK_CHECK(
            insert(database, std::string(table), each, {{"run", run}, {"project", project}}));
  DSTACK_CHECK(put_tags_on_record(database, file));
  return {};
}

Result<std::size_t> put_tags_on_record(Database& database, const RunFile& file) {
  const Json* rows = json_member(file.tables, "tag");
  DSTACK_TRY(const auto run, find_number(database, "select id from run where name = ?", file.run));
  if (rows == nullptr || !run)
    return 0;
  DSTACK_TRY(const std::int64_t project, project_of(database, file));
  std::size_t count = 0;
  for (const Json& row : *rows) {
    DSTACK_TRY(
        Query query,
        database.query("insert into tag (project, workflow, tag, run, created_at, combination) "
                       "values (?, ?, ?, ?, ?, ?) on conflict do update "
                       "set run = excluded.run, created_at = excluded.created_at, "
                       "combination = excluded.combination "
                       "where excluded.created_at > created_at"));
    query.bind(project).bind(json_string(row, "workflow")).bind(json_string(row, "tag"));
    query.bind(*run).bind(json_integer(row, "created_at"));
    DSTACK_CHECK(query.bind(json_string(row, "combination")).run());
    if (database.changes() > 0)
      ++count;
  }
  return count;
}

}  // namespace dstack::store
