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

std::string render(const RunFile& file) {
  const std::string record = render_json(Json{{"format", 1},
                                              {"schema", schema_version},
                                              {"run", file.run},
                                              {"id", file.id},
                                              {"steps", file.steps},
                                              {"tables", file.tables}});
  std::string text(before_hash);
  text += sha256(record).render();
  text += before_record;
  text += record;
  text += after_record;
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

Result<void> write_run_file(const files::Home& home, const RunFile& file) {
  return write_file_atomically(
      file_of(home, file.run), render(file), Durable::no, 0600, home.temporary());
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
