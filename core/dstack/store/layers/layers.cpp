#include "dstack/store/layers/layers.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/process/identity.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// So few that hundreds of names fit into one call of the kernel's; 16 digits collide for nobody.
constexpr std::size_t digits_of_name = 16;
// Enough for the code and the inputs of the workflows that somebody works on.
constexpr std::size_t most_kept = 20;
constexpr const char* removed = ".removed";

std::string name_of(const job::TreeReference& tree) {
  return sha256(tree.tree.render() + tree.times.render()).render().substr(0, digits_of_name);
}

/// As long as somebody has it so, nobody has it alone.
Result<void> lock_shared(int fd) {
  while (::flock(fd, LOCK_SH) != 0)
    if (errno != EINTR)
      return fail_errno("cannot lock a layer");
  return {};
}

/// What the boots before this one have left: their names say of which machine they are.
void remove_earlier_boots(const files::Home& home) {
  const Path current = layers_folder(home);
  boost::system::error_code error;
  for (fs::directory_iterator each(home.layers(), error), end; !error && each != end;
       each.increment(error)) {
    const std::string name = each->path().filename().string();
    if (each->path() != current && name.starts_with(process::machine_id() + "-"))
      (void)remove_tree(each->path());
  }
}

/// Layers of a folder, the one that was used last first.
std::vector<std::string> by_last_use(const Path& folder) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  boost::system::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    struct stat status {};

    const std::string name = each->path().filename().string();
    if (name.size() == digits_of_name && name.find('.') == std::string::npos &&
        ::stat((each->path().string() + ".lock").c_str(), &status) == 0)
      found.emplace_back(-files::file_state(status)->modified, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [time, name] : found)
    names.push_back(std::move(name));
  return names;
}

/// Each edit of a project makes a layer. The name goes first, so that nobody finds a part of one.
void remove_unused(const Path& folder) {
  const auto names = by_last_use(folder);
  for (std::size_t i = most_kept; i < names.size(); ++i) {
    const std::string at = (folder / names[i]).string();
    const auto lock = open_file(at + ".lock", O_RDWR);
    const auto is_free = lock ? lock_exclusive(lock->get(), Wait::no) : Failure(lock.error());
    if (is_free && *is_free && ::rename(at.c_str(), (at + removed).c_str()) == 0)
      (void)remove_tree(at + removed);
  }
  boost::system::error_code error;  // of one that was killed meanwhile
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    if (each->path().string().ends_with(removed))
      (void)remove_tree(each->path());
}

/// Nobody else makes it meanwhile.
Result<void> lay_out(const ObjectStore& objects, const job::TreeReference& tree, const Path& at) {
  const Path draft = at.string() + ".new";
  DSTACK_CHECK(remove_tree(draft));
  if (auto laid_out = objects.lay_out(tree, draft, LayOut::shared); !laid_out) {
    (void)remove_tree(draft);
    return laid_out;
  }
  if (::rename(draft.c_str(), at.c_str()) != 0)
    return fail_errno("cannot put the layer '{}' in place", at.string());
  remove_earlier_boots(objects.home());
  remove_unused(at.parent_path());
  return {};
}

}  // namespace

Path layers_folder(const files::Home& home) {
  return home.layers() / (process::machine_id() + "-" + process::boot_id());
}

Result<Layer> provide_layer(const ObjectStore& objects, const job::TreeReference& tree) {
  const Path folder = layers_folder(objects.home());
  DSTACK_CHECK(make_folders(folder));
  Layer layer{name_of(tree), {}};
  const Path at = folder / layer.name;
  DSTACK_TRY(layer.use, open_file(at.string() + ".lock", O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_shared(layer.use.get()));
  (void)::futimens(layer.use.get(), nullptr);
  if (::access(at.c_str(), F_OK) == 0)
    return layer;
  const std::string making = at.string() + ".making";
  DSTACK_TRY(const Fd alone, open_file(making, O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_until_stopped(alone.get()));
  if (::access(at.c_str(), F_OK) == 0)
    return layer;
  DSTACK_CHECK(lay_out(objects, tree, at));
  ::unlink(making.c_str());
  return layer;
}

}  // namespace dstack::store
