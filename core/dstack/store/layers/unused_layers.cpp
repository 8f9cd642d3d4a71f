#include "dstack/store/layers/unused_layers.hpp"

#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/store/layers/large_files.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// Enough for the code and the inputs of the workflows that somebody works on.
constexpr std::size_t most_kept = 20;
constexpr const char* removed = ".removed";

/// What the boots before this one have left: their names say of which machine they are.
void remove_layers_of_earlier_boots(const Path& current) {
  boost::system::error_code error;
  for (fs::directory_iterator each(current.parent_path(), error), end; !error && each != end;
       each.increment(error)) {
    const std::string name = each->path().filename().string();
    if (each->path() != current && name.starts_with(process::machine_id() + "-"))
      (void)remove_tree(each->path());
  }
}

}  // namespace

/// The layer's name goes first, so that nobody finds a part of it.
void remove_if_unused(const Path& layer) {
  const std::string lock_path = layer.string() + ".lock";
  const auto lock = open_file(lock_path, O_RDWR);
  const auto is_free = lock ? lock_exclusive(lock->get(), Wait::no) : Failure(lock.error());
  if (!is_free || !*is_free)
    return;
  const std::string away = layer.string() + removed;
  if (::rename(layer.c_str(), away.c_str()) != 0)
    return;
  ::unlink(lock_path.c_str());
  forget_large_files(layer);
  (void)remove_tree(away);
}

Result<Fd> lock_layer(const Path& layer) {
  const std::string path = layer.string() + ".lock";
  for (;;) {
    DSTACK_TRY(Fd lock, open_file(path, O_RDWR | O_CREAT, 0600));
    // As long as somebody has it so, nobody has it alone.
    while (::flock(lock.get(), LOCK_SH) != 0)
      if (errno != EINTR)
        return fail_errno("cannot lock the layer '{}'", layer.string());

    struct stat status {};

    if (::fstat(lock.get(), &status) != 0 || status.st_nlink == 0)
      continue;  // it went with its layer meanwhile
    (void)::futimens(lock.get(), nullptr);
    return lock;
  }
}

std::vector<std::string> layers_by_last_use(const Path& folder) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  boost::system::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    struct stat status {};

    const std::string name = each->path().filename().string();
    if (name.find('.') == std::string::npos &&
        ::stat((each->path().string() + ".lock").c_str(), &status) == 0)
      found.emplace_back(-files::file_state(status)->modified, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [time, name] : found)
    names.push_back(std::move(name));
  return names;
}

void remove_unused_layers(const Path& folder) {
  remove_layers_of_earlier_boots(folder);
  const auto names = layers_by_last_use(folder);
  for (std::size_t i = most_kept; i < names.size(); ++i)
    remove_if_unused(folder / names[i]);
  boost::system::error_code error;  // of one that was killed meanwhile
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    if (each->path().string().ends_with(removed))
      (void)remove_tree(each->path());
}

}  // namespace dstack::store
