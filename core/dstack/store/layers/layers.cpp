#include "dstack/store/layers/layers.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/process/identity.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// So few that hundreds of names fit into one call of the kernel's; 16 digits collide for nobody.
constexpr std::size_t digits_of_name = 16;

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
