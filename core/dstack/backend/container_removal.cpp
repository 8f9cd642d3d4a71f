// Removes a job's container, for the agent that started it, the runner of a killed agent, or the
// supervisor when both are dead.
#include "dstack/backend/container.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"

#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace dstack::backend {

namespace {

using namespace std::chrono_literals;

constexpr const char* folder_inside = "/workspace";

Result<ContainerRecord> read_container_record(const Path& file) {
  DSTACK_TRY(const std::string text, read_file(file));
  DSTACK_TRY(const Json json, parse_json(text, "the record of a container"));
  ContainerRecord record;
  if (const Json* engine = json_member(json, "engine"); engine != nullptr)
    record.engine = parse_engine_address(*engine);
  record.job = json_string(json, "job");
  record.image = json_string(json, "image");
  record.workspace = json_string(json, "workspace");
  record.since = json_integer(json, "since");
  record.created = json_boolean(json, "created");
  return record;
}

Result<std::vector<std::string>> containers_of(const Engine& engine, const std::string& job) {
  const Json filter = {{"label", {"dstack.job=" + job}}};
  DSTACK_TRY(
      const Json list,
      engine.ask("GET", "/containers/json?all=1&filters=" + http::encode(render_json(filter))));
  std::vector<std::string> ids;
  for (const Json& container : list)
    ids.push_back(json_string(container, "Id"));
  return ids;
}

/// The process that requested a container may have been killed before the answer; the engine
/// creates it all the same. So a container that does not exist yet is waited for.
Result<std::vector<std::string>> containers_to_remove(const Engine& engine,
                                                      const ContainerRecord& record) {
  const auto until = std::chrono::steady_clock::now() + 3s;
  for (;;) {
    DSTACK_TRY(auto ids, containers_of(engine, record.job));
    if (!ids.empty() || record.created || std::chrono::steady_clock::now() >= until)
      return ids;
    std::this_thread::sleep_for(50ms);
  }
}

/// Kills and removes it, with the volumes that its image made for it. One that is being removed, or
/// was removed before, is not an error.
Result<void> remove(const Engine& engine, const std::string& id) {
  const auto removed = engine.ask("DELETE", fmt::format("/containers/{}?force=1&v=1", id));
  if (!removed && removed.error().code == ErrorCode::unavailable)
    return Failure(removed.error());
  return {};
}

/// Whether something in the folder belongs to somebody else, or cannot be read.
bool holds_foreign_files(const Path& folder, std::int64_t since) {
  struct stat known {};

  if (::lstat(folder.c_str(), &known) != 0)
    return false;
  const std::int64_t changed =
      std::int64_t{known.st_ctim.tv_sec} * 1'000'000'000 + known.st_ctim.tv_nsec;
  if (known.st_uid != ::geteuid() && changed >= since)
    return true;
  if (!S_ISDIR(known.st_mode))
    return false;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (holds_foreign_files(entry->path(), since))
      return true;
  return static_cast<bool>(error);
}

Json own_words(const ContainerRecord& record, bool rootless, const std::string& folder) {
  // Root of a rootless engine is this user.
  return Json::array({"own",
                      std::to_string(rootless ? 0 : ::geteuid()),
                      std::to_string(rootless ? 0 : ::getegid()),
                      std::to_string(record.since),
                      folder});
}

Result<void> take_ownership_as_root(const ContainerRecord& record) {
  process::Command command;
  command.argv = own_words(record, false, record.workspace).get<std::vector<std::string>>();
  command.argv.insert(command.argv.begin(), container_init());
  DSTACK_TRY(const auto output, process::run(std::move(command)));
  if (!process::succeeded(output.status))
    return fail(ErrorCode::unavailable, "{}", std::string(trim(output.err)));
  return {};
}

/// Only root may change the owner of files, and an ordinary user is root only in a container:
/// another one of the same image, with access to the workspace alone.
Result<void> take_ownership_through(const Engine& engine, const ContainerRecord& record) {
  DSTACK_TRY(const bool rootless, engine.is_rootless());
  const auto bind = [](const std::string& source, const std::string& target) {
    return Json{{"Type", "bind"}, {"Source", source}, {"Target", target}};
  };
  Json request = {{"Image", record.image},
                  {"User", "0:0"},
                  {"Entrypoint", {"/.dstack-container-init"}},
                  {"Cmd", own_words(record, rootless, folder_inside)},
                  {"WorkingDir", "/"},
                  {"Labels", {{"dstack.job", record.job}}},
                  {"NetworkDisabled", true}};
  request["HostConfig"] = {
      {"Mounts",
       {bind(record.workspace, folder_inside), bind(container_init(), "/.dstack-container-init")}},
      {"NetworkMode", "none"},
      {"UsernsMode", "host"},
      {"SecurityOpt", {"label=disable"}}};
  DSTACK_TRY(const Json created, engine.ask("POST", "/containers/create", request));
  const std::string path = "/containers/" + json_string(created, "Id");
  auto started = engine.ask("POST", path + "/start");
  auto ended = started ? engine.ask("POST", path + "/wait") : std::move(started);
  DSTACK_CHECK(remove(engine, json_string(created, "Id")));
  if (!ended)
    return Failure(std::move(ended).error());
  if (json_integer(*ended, "StatusCode") != 0)
    return fail(ErrorCode::unavailable, "the owner of some of them cannot be changed");
  return {};
}

Result<void> take_ownership(const Engine& engine, const ContainerRecord& record) {
  if (!holds_foreign_files(record.workspace, record.since))
    return {};
  auto given =
      ::geteuid() == 0 ? take_ownership_as_root(record) : take_ownership_through(engine, record);
  if (!given)
    return fail(ErrorCode::unavailable,
                "files that the container wrote to '{}' still belong to its user: {}",
                record.workspace,
                given.error().message);
  return {};
}

}  // namespace

Result<void> write_container_record(const Path& file, const ContainerRecord& record) {
  return write_file_atomically(file,
                               render_json({{"engine", render(record.engine)},
                                            {"job", record.job},
                                            {"image", record.image},
                                            {"workspace", record.workspace},
                                            {"since", record.since},
                                            {"created", record.created}}) +
                                   "\n",
                               Durable::content,
                               0600);
}

Result<void> remove_container(const Path& file) {
  if (::access(file.c_str(), F_OK) != 0)
    return {};
  DSTACK_TRY(const ContainerRecord record, read_container_record(file));
  DSTACK_TRY(const Engine engine, Engine::open(record.engine));
  DSTACK_TRY(const auto ids, containers_to_remove(engine, record));
  for (const std::string& id : ids)
    DSTACK_CHECK(remove(engine, id));
  DSTACK_CHECK(take_ownership(engine, record));
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return fail_errno("'{}' cannot be removed", file.string());
  return {};
}

}  // namespace dstack::backend
