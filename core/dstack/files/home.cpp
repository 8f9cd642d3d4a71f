#include "dstack/files/home.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/files/believed_home.hpp"
#include "dstack/files/reserve.hpp"

#include <cerrno>
#include <cstring>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::files {

namespace {

std::string user_folder() {
  if (auto home = nonempty_environment_variable("HOME"))
    return *std::move(home);
  if (const passwd* user = ::getpwuid(::getuid()); user != nullptr && user->pw_dir != nullptr)
    return user->pw_dir;
  return "/";
}

Failure fail_to_write(const Home& home, const Path& what, int error_number) {
  const auto set = nonempty_environment_variable("DSTACK_HOME");
  std::string hint = "set DSTACK_HOME to a folder that you can write to";
  if (set)
    hint = fmt::format("DSTACK_HOME is '{}'; set it to a folder that you can write to", *set);
  std::string message = fmt::format("cannot write to dstack's home '{}'", home.root.string());
  if (what != home.root)
    message += fmt::format(", folder '{}'", what.filename().string());
  return fail(ErrorCode::unavailable, "{}: {}", message, std::strerror(error_number))
      .with_hint("{}", hint);
}

Result<void> make_folder(const Home& home, const Path& folder, mode_t mode) {
  if (::mkdir(folder.c_str(), mode) == 0)
    return {};
  const int error_number = errno;
  struct stat status;
  if (::stat(folder.c_str(), &status) != 0)
    return fail_to_write(home, folder, error_number);
  if (!S_ISDIR(status.st_mode))
    return fail_to_write(home, folder, ENOTDIR);
  return {};
}

}  // namespace

Home home_from_environment() {
  const auto set = nonempty_environment_variable("DSTACK_HOME");
  const Path path = set ? Path(*set) : Path(user_folder()) / ".dstack";
  boost::system::error_code error;
  const Path absolute = path.is_absolute() ? path : fs::current_path(error) / path;
  // One spelling for one place: the versions of the library differ in what they leave at the end.
  std::string text = absolute.lexically_normal().string();
  while (text.size() > 1 && (text.ends_with("/.") || text.ends_with('/')))
    text.resize(text.size() - (text.back() == '.' ? 2 : 1));
  return Home{text.empty() ? Path("/") : Path(text)};
}

Result<void> prepare_home(const Home& home) {
  if (auto parents = make_folders(home.root.parent_path()); !parents)
    return fail(ErrorCode::unavailable,
                "cannot make dstack's home '{}': {}",
                home.root.string(),
                parents.error().message)
        .with_hint("set DSTACK_HOME to a folder that you can write to");
  DSTACK_CHECK(make_folder(home, home.root, 0700));
  // Another user may have made it first.
  DSTACK_CHECK(believe_home(home));
  // Says so before anything is half made: a folder may be there and yet refuse.
  if (::access(home.root.c_str(), W_OK | X_OK) != 0)
    return fail_to_write(home, home.root, errno);
  // The root may have been there before, open to everybody.
  for (const char* name :
       {"plugins", "environments", "objects", "packs", "trees", "layers", "index", "runs", "tmp"})
    DSTACK_CHECK(make_folder(home, home.root / name, 0700));
  keep_reserve(home);
  return {};
}

}  // namespace dstack::files
