#include "dstack/provider/discovery/replaceable.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <deque>

#include <sys/stat.h>
#include <unistd.h>

namespace dstack::provider {

namespace {

constexpr int most_links = 40;

bool belongs_to_others(const struct stat& status) {
  return status.st_uid != 0 && status.st_uid != ::geteuid();
}

/// In a sticky folder, such as /tmp, nobody can rename or remove the files of another user.
bool lets_others_write(const struct stat& status) {
  if (S_ISLNK(status.st_mode) || (status.st_mode & (S_IWGRP | S_IWOTH)) == 0)
    return false;
  return !S_ISDIR(status.st_mode) || (status.st_mode & S_ISVTX) == 0;
}

void add_once(std::vector<std::string>& list, const std::string& path) {
  if (std::find(list.begin(), list.end(), path) == list.end())
    list.push_back(path);
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

}  // namespace

Result<void> ReplacementCheck::walk(const Path& file, Findings& findings) {
  std::deque<std::string> rest;
  put_in_front(rest, file.string());
  std::string at = "/";
  int links = 0;
  for (;;) {
    if (!safe_folders_.contains(at)) {
      struct stat status {};

      if (::lstat(at.c_str(), &status) != 0)
        return fail_errno("'{}' cannot be inspected", at);
      const bool foreign = belongs_to_others(status);
      const bool writable = lets_others_write(status);
      if (foreign)
        add_once(findings.foreign, at);
      if (writable)
        add_once(findings.writable, at);
      if (S_ISLNK(status.st_mode)) {
        boost::system::error_code error;
        const Path target = fs::read_symlink(at, error);
        if (error || ++links > most_links)
          return fail(ErrorCode::unavailable, "the link '{}' is broken", at);
        at = target.is_absolute() ? "/" : Path(at).parent_path().string();
        put_in_front(rest, target.string());
        continue;
      }
      if (S_ISDIR(status.st_mode) && !foreign && !writable)
        safe_folders_.insert(at);
    }
    if (rest.empty())
      return {};
    const std::string name = rest.front();
    rest.pop_front();
    at = name == ".." ? Path(at).parent_path().string() : below(at, name);
    if (at.empty())
      at = "/";
  }
}

Result<void> ReplacementCheck::examine(const Path& file) {
  Findings findings;
  DSTACK_CHECK(walk(fs::absolute(file), findings));
  if (!findings.foreign.empty())
    return fail(ErrorCode::configuration,
                "others could replace it, because {}{} to another user",
                quoted_list(findings.foreign),
                findings.foreign.size() == 1 ? " belongs" : " belong")
        .with_hint("copy it to a folder that belongs to you or to root");
  if (!findings.writable.empty())
    return fail(ErrorCode::configuration,
                "others could replace it, because they can write to {}",
                quoted_list(findings.writable))
        .with_hint("chmod go-w {}", shell_join(findings.writable));
  return {};
}

}  // namespace dstack::provider
