#include "dstack/store/objects/damage.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/store/objects/removal_lock.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

namespace dstack::store {

namespace {

constexpr const char* what_heals =
    "saving the same content again replaces it, so run again what made it; 'dstack doctor --store "
    "--repair' looks for another copy, and lists what else is damaged";

std::string name_aside(Kind kind, const Digest& digest) {
  switch (kind) {
    case Kind::executable:
      return digest.render() + ".x";
    case Kind::tree:
      return digest.render() + ".tree";
    case Kind::times:
      return digest.render() + ".t";
    case Kind::blob:
    case Kind::pack:
      break;
  }
  return digest.render();
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Only the very file that was read: somebody may have stored it anew meanwhile.
void move_aside(const Path& object, const Path& aside, int file) {
  struct stat read {};

  struct stat there {};

  if (::fstat(file, &read) != 0 || ::lstat(object.c_str(), &there) != 0 ||
      !is_same_file(read, there))
    return;
  if (::rename(object.c_str(), aside.c_str()) != 0) {
    log::warning(fmt::format("the damaged object '{}' stays where it is", object.string()));
    return;
  }
  if (::lstat(aside.c_str(), &there) == 0 && !is_same_file(read, there))
    (void)::renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, object.c_str(), RENAME_NOREPLACE);
}

}  // namespace

Failure Damage::found(Kind kind, const Digest& digest, int file, std::string_view how) const {
  const Path object = home_.root / object_name(kind, digest);
  note("");
  move_aside(object, folder() / name_aside(kind, digest), file);
  return fail(ErrorCode::damaged, "the store holds a damaged object: '{}' {}", object.string(), how)
      .with_hint("{}", what_heals);
}

Failure Damage::found_in_pack(const Digest& digest) const {
  note(digest.render() + ".packed");
  return fail(ErrorCode::damaged,
              "the store holds a damaged pack in '{}': it has other bytes for '{}'",
              (home_.root / "packs").string(),
              digest.render())
      .with_hint("{}", what_heals);
}

Failure Damage::found_missing(Kind kind, const Digest& digest) const {
  const std::string name = name_aside(kind, digest);
  const Path object = home_.root / object_name(kind, digest);

  const bool was_damaged = is_aside(kind, digest);
  note(was_damaged ? "" : name + ".missing");
  return fail(ErrorCode::damaged,
              "the store lacks '{}'{}",
              object.string(),
              was_damaged
                  ? fmt::format(": it was damaged, and is '{}' now", (folder() / name).string())
                  : "")
      .with_hint("{}", what_heals);
}

bool Damage::is_aside(Kind kind, const Digest& digest) const {
  struct stat status {};

  return ::lstat((folder() / name_aside(kind, digest)).c_str(), &status) == 0;
}

bool Damage::is_in_pack(const Digest& digest) const {
  struct stat status {};

  return ::lstat((folder() / (digest.render() + ".packed")).c_str(), &status) == 0;
}

std::int64_t Damage::stamp() const {
  struct stat status {};

  if (::stat(folder().c_str(), &status) != 0)
    return 0;
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

/// Best effort: in a store that cannot be written nothing is stored anew either.
void Damage::note(const std::string& name) const {
  ::mkdir(folder().c_str(), 0700);
  if (!name.empty())
    (void)Fd(::open((folder() / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  // What was remembered of unchanged files is not believed any more, as after a removal.
  if (const auto lock = RemovalLock::open(home_))
    (void)(*lock)->begin_generation();
  ::utimensat(AT_FDCWD, folder().c_str(), nullptr, 0);
}

}  // namespace dstack::store
