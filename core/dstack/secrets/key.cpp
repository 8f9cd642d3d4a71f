#include "dstack/secrets/key.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::secrets {

namespace {

constexpr std::string_view first_line = "dstack key 1";
constexpr std::string_view prefix = "key-";
constexpr std::size_t id_bytes = 8;

std::string sum_of(const KeyBytes& key) {
  return sign("the sum of a key", derive_key(key, "keysum")).substr(0, 16);
}

Failure refuse(const Path& path, const std::string& why, std::string hint) {
  return fail(ErrorCode::unavailable, "'{}' {}, and is not used", path.string(), why)
      .with_hint("{}", hint);
}

std::string describe_user(uid_t id) {
  const auto name = user_name(id);
  return name ? "'" + *name + "'" : fmt::format("user {}", id);
}

/// Root is not advised to take over the files of a user.
std::string how_to_own(const std::string& quoted, uid_t owner) {
  if (::geteuid() == 0)
    return fmt::format("run dstack as {}, or with a DSTACK_HOME of your own", describe_user(owner));
  return fmt::format("as root, 'chown {} {}' makes it yours", ::geteuid(), quoted);
}

/// Also what a write that was cut off has left.
std::vector<Path> key_files(const Path& folder) {
  std::vector<Path> found;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().filename().string().starts_with(prefix))
      found.push_back(entry->path());
  return found;
}

Failure damaged(const Path& path) {
  return fail(ErrorCode::unavailable, "the key '{}' is damaged", path.string())
      .with_hint("restore the file from a backup; without it the secrets cannot be read");
}

}  // namespace

Result<void> check_private(const Path& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT)
      return fail(ErrorCode::not_found, "there is no '{}'", path.string());
    return fail_errno("cannot inspect '{}'", path.string());
  }
  const std::string quoted = shell_quote(path.string());
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
    return refuse(path,
                  S_ISLNK(status.st_mode) ? "is a link" : "is neither a file nor a folder",
                  "inspect it, and move it away");
  if (status.st_uid != ::geteuid())
    return refuse(path,
                  fmt::format("belongs to {}", describe_user(status.st_uid)),
                  how_to_own(quoted, status.st_uid));
  if ((status.st_mode & 077U) != 0)
    return refuse(
        path,
        "is accessible to other users",
        fmt::format("'chmod go= {}' fixes it; whoever could read it may know the secrets", quoted));
  return {};
}

Path key_file(const Path& folder, const std::string& id) {
  return folder / (std::string(prefix) + id);
}

Key new_key() {
  return {random_hex(id_bytes), random_key()};
}

Result<void> write_key(const Path& folder, const Key& key) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.bytes.data()), KeyBytes::size);
  std::string digits = to_hex(bytes);
  std::string text = fmt::format("{}\n{}\n{}\n", first_line, digits, sum_of(key.bytes));
  const auto written = write_file_atomically(key_file(folder, key.id), text, Durable::yes, 0600);
  wipe(digits);
  wipe(text);
  return written;
}

Result<Key> read_key(const Path& folder, const std::string& id) {
  const Path path = key_file(folder, id);
  DSTACK_CHECK(check_private(path));
  DSTACK_TRY(const Fd file, open_file(path.string(), O_RDONLY | O_NOFOLLOW));
  DSTACK_TRY(std::string text, read_all(file.get()));
  const auto lines = split(text, '\n');
  auto bytes = lines.size() == 4 && lines[0] == first_line && lines[3].empty() ? from_hex(lines[1])
                                                                               : std::nullopt;
  if (!bytes || bytes->size() != KeyBytes::size) {
    wipe(text);
    return damaged(path);
  }
  Key key{id, {}};
  std::copy(bytes->begin(), bytes->end(), key.bytes.data());
  const bool whole = same(lines[2], sum_of(key.bytes));
  wipe(*bytes);
  wipe(text);
  if (!whole)
    return damaged(path);
  return key;
}

bool has_keys(const Path& folder) {
  const auto files = key_files(folder);
  return std::any_of(files.begin(), files.end(), [](const Path& file) {
    return file.filename().string().size() == prefix.size() + 2 * id_bytes;
  });
}

void remove_other_keys(const Path& folder, const std::string& id) {
  for (const Path& file : key_files(folder))
    if (file != key_file(folder, id))
      ::unlink(file.c_str());
}

}  // namespace dstack::secrets
