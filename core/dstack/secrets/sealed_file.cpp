#include "dstack/secrets/sealed_file.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/key.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::secrets {

namespace {

/// There is one key: it is never replaced, so that each file of each run can be read.
constexpr const char* key_id = "0000000000000001";

Path folder_of_key(const Path& folder) {
  return folder / "env_files";
}

Result<void> make_private_folder(const Path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno("cannot make the folder '{}'", folder.string());
  return check_private(folder);
}

/// The key, made where there is none; by one process at a time.
Result<Key> provide_key(const Path& folder) {
  DSTACK_CHECK(make_folders(folder.parent_path()));
  DSTACK_CHECK(make_private_folder(folder));
  const Path own = folder_of_key(folder);
  DSTACK_CHECK(make_private_folder(own));
  DSTACK_TRY(const Fd lock, open_file((own / "lock").string(), O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_exclusive(lock.get(), Wait::yes));
  auto key = read_key(own, key_id);
  if (key || key.error().code != ErrorCode::not_found)
    return key;
  Key made{key_id, random_key()};
  DSTACK_CHECK(write_key(own, made));
  return made;
}

}  // namespace

Result<void> write_sealed(const Path& folder,
                          const Path& file,
                          std::string_view bound,
                          std::string_view text) {
  DSTACK_CHECK(start_crypto());
  DSTACK_TRY(const Key key, provide_key(folder));
  return write_file_atomically(
      file, seal(text, bound, derive_key(key.bytes, "files")), Durable::yes, 0600);
}

Result<std::string> read_sealed(const Path& folder, const Path& file, std::string_view bound) {
  DSTACK_CHECK(start_crypto());
  DSTACK_TRY(const Key key, read_key(folder_of_key(folder), key_id));
  DSTACK_TRY(const std::string sealed, read_file(file));
  auto text = open(sealed, bound, derive_key(key.bytes, "files"));
  if (!text)
    return fail(ErrorCode::unavailable, "'{}' is damaged", file.string());
  return *std::move(text);
}

}  // namespace dstack::secrets
