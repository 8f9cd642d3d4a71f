#include "dstack/trust/ownership.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"
#include "dstack/trust/access_list.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>

#include <pwd.h>
#include <unistd.h>

namespace dstack::trust {

namespace {

constexpr int most_links = 40;

/// Looked up only where the group of the process is another one: after `newgrp`, for example.
gid_t group_of_login() {
  static const gid_t group = [] {
    const passwd* user = ::getpwuid(::geteuid());
    return user == nullptr ? ::getegid() : user->pw_gid;
  }();
  return group;
}

bool is_group_of_process(gid_t group) {
  return group == 0 || group == ::getegid() || group == group_of_login();
}

/// A user namespace that knows all users has one line: from 0, as 0, all of them.
bool knows_all_users() {
  const auto map = read_kernel_file("/proc/self/uid_map");
  if (!map)
    return true;
  std::vector<std::string> words;
  for (const std::string_view word : split(trim(*map), ' '))
    if (!word.empty())
      words.emplace_back(word);
  return words == std::vector<std::string>{"0", "0", "4294967295"};
}

bool stands_for_unknown_owners(uid_t owner) {
  static const std::optional<uid_t> stand_in = []() -> std::optional<uid_t> {
    if (knows_all_users())
      return std::nullopt;
    const auto text = read_kernel_file("/proc/sys/kernel/overflowuid");
    return text ? parse_number<uid_t>(trim(*text)) : std::nullopt;
  }();
  return owner == stand_in;
}

void add_once(std::vector<std::string>& list, const std::string& path) {
  if (std::find(list.begin(), list.end(), path) == list.end())
    list.push_back(path);
}

void add_once(std::vector<Exposure::Foreign>& list, const std::string& path, uid_t owner) {
  if (std::none_of(list.begin(), list.end(), [&](const auto& each) { return each.path == path; }))
    list.push_back({path, owner});
}

/// What is still to be walked, after a link put its target in front.
void put_in_front(std::deque<std::string>& rest, const std::string& path) {
  const auto parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    if (!part->empty() && *part != ".")
      rest.emplace_front(*part);
}

std::string below(const std::string& folder, const std::string& name) {
  return folder == "/" ? "/" + name : folder + "/" + name;
}

std::string above(const std::string& folder) {
  const std::size_t slash = folder.rfind('/');
  return slash == 0 ? "/" : folder.substr(0, slash);
}

std::string owner_of(uid_t user) {
  const auto name = user_name(user);
  return name ? fmt::format("user '{}'", *name) : fmt::format("user {}", user);
}

}  // namespace

const Caller& this_caller() {
  static const Caller caller{::geteuid(), is_group_of_process, stands_for_unknown_owners};
  return caller;
}

std::string Exposure::describe() const {
  if (foreign.empty())
    return fmt::format("others can write to {}", quoted_list(writable));
  // Of each owner the last: what the path leads to, rather than the folders above it.
  std::vector<std::string> parts;
  for (auto each = foreign.begin(); each != foreign.end(); ++each)
    if (std::none_of(each + 1, foreign.end(), [&](const Foreign& later) {
          return later.owner == each->owner;
        }))
      parts.push_back(fmt::format("'{}' belongs to {}", each->path, owner_of(each->owner)));
  return join(parts, " and ");
}

bool OwnershipWalk::is_foreign(const struct stat& status, bool is_last, Kind kind) const {
  if (status.st_uid == 0 || status.st_uid == caller_->user)
    return false;
  const bool may_be_of_system = kind == Kind::program || (!is_last && S_ISDIR(status.st_mode));
  return !may_be_of_system || !caller_->is_unknown_owner(status.st_uid);
}

/// Of a file whose mode lets its group write, or whom its access control list names.
bool OwnershipWalk::group_is_others(const std::string& path, gid_t group) const {
  const Writers writers = writers_beside_owner(path);
  const bool by_user = std::any_of(writers.users.begin(), writers.users.end(), [&](uid_t user) {
    return user != 0 && user != caller_->user;
  });
  return by_user || (writers.owning_group && !caller_->is_own_group(group)) ||
         !std::all_of(writers.groups.begin(), writers.groups.end(), caller_->is_own_group);
}

/// In a sticky folder, such as /tmp, nobody can rename or remove the files of another user.
bool OwnershipWalk::is_writable(const std::string& path,
                                const struct stat& status,
                                bool is_last,
                                Kind kind) const {
  if (S_ISLNK(status.st_mode))
    return false;
  const bool by_all = (status.st_mode & S_IWOTH) != 0;
  const bool by_group = (status.st_mode & S_IWGRP) != 0;
  if (!by_all && !(by_group && group_is_others(path, status.st_gid)))
    return false;
  const bool is_guarded = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  return !is_guarded || (is_last && kind == Kind::folder);
}

Result<Exposure> OwnershipWalk::look_at(const Path& path, Kind kind) {
  Exposure exposure;
  std::deque<std::string> rest;
  put_in_front(rest, path.is_absolute() ? path.string() : fs::absolute(path).string());
  std::string at = "/";
  int links = 0;
  for (;;) {
    const bool is_last = rest.empty();
    if (is_last || !closed_folders_.contains(at)) {
      struct stat status {};

      if (::lstat(at.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
          return exposure;
        return fail_errno("'{}' cannot be inspected", at);
      }
      const bool foreign = is_foreign(status, is_last, kind);
      const bool writable = is_writable(at, status, is_last, kind);
      if (foreign)
        add_once(exposure.foreign, at, status.st_uid);
      if (writable)
        add_once(exposure.writable, at);
      if (S_ISLNK(status.st_mode)) {
        boost::system::error_code error;
        const Path target = fs::read_symlink(at, error);
        if (error || ++links > most_links)
          return fail(ErrorCode::unavailable, "the link '{}' is broken", at);
        at = target.is_absolute() ? "/" : above(at);
        put_in_front(rest, target.string());
        continue;
      }
      if (!is_last && S_ISDIR(status.st_mode) && !foreign && !writable)
        closed_folders_.insert(at);
    }
    if (is_last)
      return exposure;
    const std::string name = rest.front();
    rest.pop_front();
    at = name == ".." ? above(at) : below(at, name);
  }
}

}  // namespace dstack::trust
