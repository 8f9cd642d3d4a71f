#include "dstack/store/records/sqlite_error.hpp"

#include "dstack/base/file.hpp"
#include "dstack/store/records/rebuild.hpp"

#include <cerrno>
#include <cstring>
#include <optional>

#include <sqlite3.h>
#include <sys/statvfs.h>

namespace dstack::store {

namespace {

/// That somebody may not, rather than that something does not work.
bool is_refusal(int error) {
  return error == EACCES || error == EPERM || error == EROFS || error == ENOENT || error == EISDIR;
}

/// What kept the system from doing it; 0: it does not say. SQLite calls a database that it cannot
/// write on a full disk read-only.
int cause_of(int code, const FailedCall& failed, const std::string& file) {
  if (failed.error != 0)
    return failed.error;
  const int kind = code & 0xff;
  if (kind == SQLITE_FULL)
    return ENOSPC;
  if (kind == SQLITE_NOMEM)
    return ENOMEM;
  if (kind != SQLITE_IOERR && kind != SQLITE_READONLY && kind != SQLITE_CANTOPEN)
    return 0;

  struct statvfs space {};

  const Path folder = Path(file).parent_path();
  if (!file.empty() && ::statvfs(folder.c_str(), &space) == 0 &&
      (space.f_bavail == 0 || (space.f_files > 0 && space.f_favail == 0)))
    return ENOSPC;
  return 0;
}

/// Those that SQLite reports although the system did what it was asked for.
std::optional<Failure> own_failure(int code, const std::string& message, const std::string& name) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return fail(ErrorCode::conflict, "{}: {}", name, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorCode::unavailable, "{} was in use by other commands for ten seconds", name)
          .with_hint("run the command again");
    default:
      return std::nullopt;
  }
}

}  // namespace

Failure sqlite_failure(int code,
                       const std::string& message,
                       const FailedCall& failed,
                       const std::string& file) {
  const std::string name =
      file.empty() ? "the run database" : fmt::format("the run database '{}'", file);
  if (auto own = own_failure(code, message, name))
    return *std::move(own);
  const int cause = cause_of(code, failed, file);
  const int kind = code & 0xff;
  const bool is_refused = kind == SQLITE_READONLY || kind == SQLITE_CANTOPEN ||
                          kind == SQLITE_PERM || kind == SQLITE_AUTH;
  if (is_refused && (cause == 0 || is_refusal(cause)))
    return fail(ErrorCode::unavailable,
                "{}: {}{}",
                name,
                message,
                cause == 0 ? "" : fmt::format(" ({})", std::strerror(cause)))
        .with_hint("DSTACK_HOME names the folder to use; it must be one that you can write to");
  if (cause != 0) {
    Error error = system_error(
        cause, fmt::format("cannot {} {}", failed.error == 0 ? "write" : failed.doing, name));
    // Even on a full disk, what was not synced has been written: it may take effect.
    if (code == SQLITE_IOERR_FSYNC)
      error.code = ErrorCode::internal;
    return fail(std::move(error));
  }
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB)
    return fail(ErrorCode::damaged, "{} is damaged: {}", name, message)
        .with_hint("{}", how_to_repair);
  return fail(ErrorCode::internal, "{}: {}", name, message);
}

}  // namespace dstack::store
