#include "dstack/store/records/sqlite_error.hpp"

#include "dstack/base/file.hpp"
#include "dstack/store/records/rebuild.hpp"

#include <cerrno>
#include <cstring>

#include <sqlite3.h>
#include <sys/statvfs.h>

namespace dstack::store {

namespace {

/// What kept the system from doing it; 0: it does not say. SQLite calls a database that it cannot
/// write on a full disk read-only, and does not always remember why.
int cause_of(int code, int system_error, const std::string& file) {
  const int kind = code & 0xff;
  if (kind == SQLITE_FULL)
    return system_error == EDQUOT ? EDQUOT : ENOSPC;
  if (kind == SQLITE_NOMEM)
    return ENOMEM;
  if (kind != SQLITE_IOERR && kind != SQLITE_READONLY && kind != SQLITE_CANTOPEN)
    return 0;

  struct statvfs space {};

  const Path folder = Path(file).parent_path();
  if (system_error == 0 && !file.empty() && ::statvfs(folder.c_str(), &space) == 0 &&
      (space.f_bavail == 0 || (space.f_files > 0 && space.f_favail == 0)))
    return ENOSPC;
  return system_error;
}

}  // namespace

Failure sqlite_failure(int code,
                       const std::string& message,
                       int system_error,
                       const std::string& file) {
  const std::string name =
      file.empty() ? "the run database" : fmt::format("the run database '{}'", file);
  const int cause = cause_of(code, system_error, file);
  const bool is_writing = (code & 0xff) != SQLITE_CANTOPEN && code != SQLITE_IOERR_READ;
  switch (code & 0xff) {
    case SQLITE_NOMEM:
      return fail_errno_of(ENOMEM, "{} cannot be used", name);
    case SQLITE_CONSTRAINT:
      return fail(ErrorCode::conflict, "{}: {}", name, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorCode::unavailable, "{} was in use by other commands for ten seconds", name)
          .with_hint("run the command again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(ErrorCode::damaged, "{} is damaged: {}", name, message)
          .with_hint("{}", how_to_repair);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      if (cause == ENOSPC || cause == EDQUOT || cause == EIO || cause == EMFILE || cause == ENFILE)
        return fail_errno_of(cause, "cannot {} {}", is_writing ? "write" : "open", name);
      return fail(ErrorCode::unavailable,
                  "{}: {}{}",
                  name,
                  message,
                  cause == 0 ? "" : fmt::format(" ({})", std::strerror(cause)))
          .with_hint("DSTACK_HOME names the folder to use; it must be one that you can write to");
    default:
      break;
  }
  if (cause != 0)
    return fail_errno_of(cause, "cannot {} {}", is_writing ? "write" : "read", name);
  return fail(ErrorCode::internal, "{}: {}", name, message);
}

}  // namespace dstack::store
