#include "dstack/python/unused.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/python/build.hpp"
#include "dstack/python/compiled.hpp"
#include "dstack/python/content_record.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace dstack::python {

namespace {

bool is_used_since(const Path& folder, std::chrono::hours age) {
  struct stat status;
  if (::stat(lock_of(folder).c_str(), &status) != 0 && ::stat(folder.c_str(), &status) != 0)
    return true;
  return std::chrono::seconds(::time(nullptr) - status.st_mtim.tv_sec) < age;
}

/// Command lines and environment variables of all processes that can be looked at.
std::string texts_of_processes() {
  std::string all;
  boost::system::error_code error;
  for (fs::directory_iterator each("/proc", error), end; !error && each != end;
       each.increment(error)) {
    const std::string name = each->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos ||
        name == std::to_string(::getpid()))
      continue;
    for (const char* file : {"cmdline", "environ"})
      all += read_kernel_file(each->path() / file).value_or("") + '\n';
  }
  return all;
}

std::vector<Path> folders_in(const Path& parent) {
  std::vector<Path> found;
  boost::system::error_code error;
  for (fs::directory_iterator each(parent, error), end; !error && each != end;
       each.increment(error)) {
    struct stat status;
    if (::lstat(each->path().c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      found.push_back(each->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

template <typename Belongs>
std::vector<UnusedFolder> find_unused(const Path& parent,
                                      std::chrono::hours age,
                                      const Belongs& belongs) {
  std::vector<UnusedFolder> unused;
  for (const Path& folder : folders_in(parent))
    if (!is_used_since(folder, age))
      if (auto with = belongs(folder))
        unused.push_back({folder, *std::move(with)});
  if (unused.empty())
    return unused;
  const std::string used = texts_of_processes();
  std::erase_if(unused, [&](const UnusedFolder& each) {
    return used.find(each.folder.string()) != std::string::npos;
  });
  return unused;
}

}  // namespace

Path lock_of(const Path& folder) {
  return folder.string() + ".lock";
}

void note_use(const Path& folder) {
  (void)::utimensat(AT_FDCWD, lock_of(folder).c_str(), nullptr, 0);
}

std::vector<UnusedFolder> unused_environments(const files::Home& home, std::chrono::hours age) {
  return find_unused(home.environments(), age, [](const Path& folder) {
    using With = std::optional<std::vector<Path>>;
    const std::string name = folder.filename().string();
    // Others belong to one of these.
    if (name.find('.') != std::string::npos)
      return With();
    return With({compiled_folder(folder),
                 content_record_of(compiled_folder(folder)),
                 log_of(folder),
                 content_record_of(folder),
                 changed_mark_of(folder),
                 Path(folder.string() + ".stage")});
  });
}

std::vector<UnusedFolder> unused_tools(const files::Home& home, std::chrono::hours age) {
  return find_unused(home.tools(), age, [](const Path& folder) {
    using With = std::optional<std::vector<Path>>;
    return folder.string().ends_with(".stage") ? With() : With({Path(folder.string() + ".stage")});
  });
}

Result<void> remove_unused(const UnusedFolder& unused) {
  const std::string path = lock_of(unused.folder).string();
  DSTACK_TRY(const Fd lock, open_file(path, O_RDWR | O_CREAT));
  DSTACK_TRY(const bool is_held, lock_exclusive(lock.get(), Wait::no));
  if (!is_held)
    return {};
  // With a name that no job finds, so that none gets a part of it.
  const Path away = unused.folder.string() + ".removed";
  DSTACK_CHECK(remove_tree(away));
  if (::rename(unused.folder.c_str(), away.c_str()) != 0 && errno != ENOENT)
    return fail_errno("cannot remove '{}'", unused.folder.string());
  DSTACK_CHECK(remove_tree(away));
  for (const Path& each : unused.with)
    DSTACK_CHECK(remove_tree(each));
  ::unlink(path.c_str());
  return {};
}

}  // namespace dstack::python
