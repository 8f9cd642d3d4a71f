#include "dstack/trust/trusted_folders.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/json.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/trust/ownership.hpp"

#include <algorithm>
#include <cstdlib>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::trust {

namespace {

constexpr const char* variable = "DSTACK_TRUST";

bool belongs_to_caller(const std::string& folder) {
  struct stat status {};

  return ::stat(folder.c_str(), &status) != 0 || status.st_uid == ::geteuid();
}

std::string user_folder() {
  const auto home = nonempty_environment_variable("HOME");
  if (home && belongs_to_caller(*home))
    return *home;
  const passwd* user = ::getpwuid(::geteuid());
  if (user != nullptr && user->pw_dir != nullptr)
    return user->pw_dir;
  return home.value_or("/");
}

auto place_of(std::vector<TrustedFolder>& folders, const Path& folder) {
  return std::lower_bound(
      folders.begin(), folders.end(), folder, [](const TrustedFolder& each, const Path& wanted) {
        return each.folder.string() < wanted.string();
      });
}

Failure damaged(const Path& file) {
  return fail(ErrorCode::configuration, "'{}' is damaged", file.string())
      .with_hint("remove it, and trust the folders again");
}

}  // namespace

Path trusted_folders_file() {
  const auto set = nonempty_environment_variable("XDG_CONFIG_HOME");
  const Path folder = set && set->starts_with('/') ? Path(*set) : Path(user_folder()) / ".config";
  return folder / "dstack" / "trusted-folders.json";
}

Result<TrustedFolders> TrustedFolders::load(const Path& file) {
  TrustedFolders trusted;
  trusted.file_ = file;
  if (::access(file.c_str(), F_OK) != 0)
    return trusted;
  DSTACK_TRY(const Exposure exposure, OwnershipWalk().look_at(file, Kind::file));
  if (!exposure.empty())
    return fail(ErrorCode::configuration,
                "the list of trusted folders '{}' is not used: {}",
                file.string(),
                exposure.describe())
        .with_hint(
            "it must be yours, and closed to others; XDG_CONFIG_HOME may name another place");
  DSTACK_TRY(const std::string text, read_file(file));
  const auto json = parse_json(text, "'" + file.string() + "'");
  if (!json || !json->is_object())
    return damaged(file);
  for (const auto& [folder, since] : json->items()) {
    if (!folder.starts_with('/') || !since.is_string())
      return damaged(file);
    trusted.folders_.insert(place_of(trusted.folders_, folder),
                            {folder, parse_time(since.get<std::string>())});
  }
  return trusted;
}

bool TrustedFolders::add(const Path& folder) {
  const auto place = place_of(folders_, folder);
  if (place != folders_.end() && place->folder == folder)
    return false;
  folders_.insert(place, {folder, now()});
  return true;
}

bool TrustedFolders::remove(const Path& folder) {
  return std::erase_if(folders_, [&](const TrustedFolder& each) { return each.folder == folder; }) >
         0;
}

Result<void> TrustedFolders::save() const {
  Json json = Json::object();
  for (const TrustedFolder& each : folders_)
    json[each.folder.string()] = render_time(each.since.value_or(Timestamp()));
  DSTACK_TRY(const Exposure exposure, OwnershipWalk().look_at(file_.parent_path(), Kind::folder));
  if (!exposure.empty())
    return fail(ErrorCode::configuration,
                "the list of trusted folders cannot be kept in '{}': {}",
                file_.parent_path().string(),
                exposure.describe())
        .with_hint("set XDG_CONFIG_HOME to a folder of your own");
  DSTACK_CHECK(make_folders(file_.parent_path()));
  return write_file_atomically(file_, render_json_pretty(json) + "\n", Durable::yes, 0600);
}

TrustVariable trust_variable() {
  TrustVariable found;
  const char* value = ::secure_getenv(variable);
  if (value == nullptr)
    return found;
  for (const std::string_view part : split(value, ':')) {
    if (part.starts_with('/'))
      found.folders.push_back({real_path(std::string(part)), std::nullopt});
    else if (!part.empty())
      found.passed_over.emplace_back(part);
  }
  return found;
}

std::vector<Path> all_trusted_folders() {
  std::vector<Path> all;
  for (TrustedFolder& each : trust_variable().folders)
    all.push_back(std::move(each.folder));
  if (const auto list = TrustedFolders::load(trusted_folders_file()))
    for (const TrustedFolder& each : list->folders())
      all.push_back(each.folder);
  return all;
}

bool is_trusted(const Path& folder) {
  const std::string real = real_path(folder).string();
  const auto all = all_trusted_folders();
  return std::any_of(
      all.begin(), all.end(), [&](const Path& each) { return is_below(real, each.string()); });
}

}  // namespace dstack::trust
