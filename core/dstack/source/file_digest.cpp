#include "dstack/source/file_digest.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/file_digest.hpp"
#include "dstack/files/beneath.hpp"

#include <climits>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::source {

namespace {

Result<Digest> digest_of_link(int root, const std::string& path) {
  const Fd link(files::open_beneath(root, path, O_PATH | O_NOFOLLOW));
  char target[PATH_MAX];
  const ssize_t size = link ? ::readlinkat(link.get(), "", target, sizeof target) : -1;
  if (size < 0)
    return fail_errno("cannot read '{}'", path);
  return sha256({target, static_cast<std::size_t>(size)});
}

}  // namespace

Result<Digest> digest_of(int root, const std::string& path, files::EntryType type) {
  if (type == files::EntryType::link)
    return digest_of_link(root, path);
  const Fd file(files::open_beneath(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!file)
    return fail_errno("cannot read '{}'", path);
  return hash_file(file.get());
}

}  // namespace dstack::source
