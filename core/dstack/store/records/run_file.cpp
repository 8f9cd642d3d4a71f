#include "dstack/store/records/run_file.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::string_view before_hash = "{\"sha256\":\"";
constexpr std::string_view before_record = "\",\"record\":";
constexpr std::string_view after_record = "}\n";
constexpr std::size_t hash_size = 64;

Path file_of(const files::Home& home, const std::string& run) {
  return home.run(run) / "record.json";
}

Failure fail_damaged(const Path& path) {
  return fail(ErrorCode::damaged, "'{}' is damaged", path.string());
}

Result<std::string> name_of(Database& database, RunId run) {
  DSTACK_TRY(Query query, database.query("select name from run where id = ?"));
  DSTACK_TRY(const bool row, query.bind(run).step());
  return row ? Result<std::string>(query.text(0))
             : fail(ErrorCode::not_found, "there is no run {}", run);
}

/// `name`: filled in.
Result<std::string> render_rows_of(Database& database, RunId run, std::string& name) {
  DSTACK_TRY(std::string its_name, name_of(database, run));
  name = std::move(its_name);
  DSTACK_TRY(const std::int64_t steps, steps_on_record(database, name));
  std::string text = fmt::format("{}{:0>{}}{}", before_hash, "", hash_size, before_record);
  const std::size_t record = text.size();
  text += fmt::format(R"({{"format":1,"schema":{},"run":{},"id":{},"steps":{},"tables":)",
                      schema_version,
                      render_json(Json(name)),
                      run,
                      steps);
  DSTACK_TRY(const std::string tables, render_rows(database, run));
  text += tables;
  text += '}';
  text.replace(
      before_hash.size(), hash_size, sha256(std::string_view(text).substr(record)).render());
  text += after_record;
  return text;
}

/// As they are at one moment.
Result<std::string> render(Database& database, RunId run, std::string& name) {
  DSTACK_CHECK(database.execute("begin deferred"));
  auto text = render_rows_of(database, run, name);
  (void)database.execute("rollback");
  return text;
}

Result<RunFile> parse(std::string_view text, const Path& path) {
  const std::size_t begin = before_hash.size() + hash_size + before_record.size();
  if (text.size() < begin + after_record.size() || !text.starts_with(before_hash) ||
      !text.ends_with(after_record))
    return fail_damaged(path);
  const auto hash = Digest::parse(text.substr(before_hash.size(), hash_size));
  const std::string_view record = text.substr(begin, text.size() - begin - after_record.size());
  if (!hash || sha256(record) != *hash)
    return fail_damaged(path);
  DSTACK_TRY(const Json json, parse_json(record, path.string()));
  RunFile file{json_string(json, "run"), json_integer(json, "id"), json_integer(json, "steps"), {}};
  if (const Json* tables = json_member(json, "tables"))
    file.tables = *tables;
  if (json_integer(json, "format") != 1 || file.run.empty() || !file.tables.is_object())
    return fail(ErrorCode::unavailable, "'{}' was written by another dstack", path.string());
  return file;
}

}  // namespace

Result<void> write_run_file(const files::Home& home, Database& database, RunId run) {
  std::string name;
  DSTACK_TRY(const std::string text, render(database, run, name));
  // Whoever removes the run removes its file in a transaction of his own: before this one, and then
  // there is no such run any more, or after it.
  DSTACK_TRY(const Transaction alone, Transaction::begin(database));
  DSTACK_CHECK(name_of(database, run));
  return write_file_atomically(file_of(home, name), text, Durable::no, 0600, home.temporary());
}

Result<RunFile> collect(Database& database, RunId run) {
  std::string name;
  DSTACK_TRY(const std::string text, render(database, run, name));
  return parse(text, name);
}

bool has_run_file(const files::Home& home, const std::string& run) {
  return ::access(file_of(home, run).c_str(), F_OK) == 0;
}

Result<RunFile> read_run_file(const files::Home& home, const std::string& run) {
  const Path path = file_of(home, run);
  if (!has_run_file(home, run))
    return fail(ErrorCode::not_found, "there is no '{}'", path.string());
  DSTACK_TRY(const std::string text, read_file(path));
  DSTACK_TRY(RunFile file, parse(text, path));
  // A folder that was copied or renamed says nothing of the run that its name is.
  return file.run == run ? Result<RunFile>(std::move(file)) : fail_damaged(path);
}

Result<void> remove_run_file(const files::Home& home, const std::string& run) {
  if (::unlink(file_of(home, run).c_str()) == 0 || errno == ENOENT || errno == ENOTDIR)
    return {};
  return fail_errno("cannot remove '{}'", file_of(home, run).string());
}

std::vector<std::string> run_folders(const files::Home& home) {
  std::vector<std::string> names;
  boost::system::error_code error;
  for (fs::directory_iterator next(home.runs(), error), end; !error && next != end;
       next.increment(error))
    if (is_folder(next->path()))
      names.push_back(next->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace dstack::store
