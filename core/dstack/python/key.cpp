#include "dstack/python/key.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file_digest.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"
#include "dstack/python/settings.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace dstack::python {

namespace {

/// Changes when the environment built for the same input changes.
constexpr std::string_view format = "dstack-environment 4";

/// Each value is preceded by its length, so that different sequences never hash the same bytes.
void add(Sha256& hash, std::string_view value) {
  hash.update(std::to_string(value.size()));
  hash.update(":");
  hash.update(value);
}

Result<void> add_file(Sha256& hash, const Path& path) {
  DSTACK_TRY(const Fd file, open_source(path));
  DSTACK_TRY(const Digest content, hash_file(file.get()));
  add(hash, content.render());
  return {};
}

bool is_no_code(const std::string& name) {
  return name == ".git" || name == "__pycache__";
}

/// The files of a folder: names, x bits, contents; links as links.
Result<void> add_folder(Sha256& hash, const Path& folder) {
  std::map<std::string, Path> entries;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (std::string name = entry->path().filename().string(); !is_no_code(name))
      entries[std::move(name)] = entry->path();
  if (error)
    return fail_errno_of(error.value(), "cannot read folder '{}'", folder.string());
  for (const auto& [name, path] : entries) {
    struct stat status {};

    if (::lstat(path.c_str(), &status) != 0)
      return fail_errno("cannot read '{}'", path.string());
    add(hash, name);
    if (S_ISLNK(status.st_mode)) {
      add(hash, "link");
      add(hash, fs::read_symlink(path, error).string());
    } else if (S_ISDIR(status.st_mode)) {
      add(hash, "folder");
      DSTACK_CHECK(add_folder(hash, path));
    } else if (S_ISREG(status.st_mode)) {
      add(hash, (status.st_mode & S_IXUSR) != 0 ? "program" : "file");
      DSTACK_CHECK(add_file(hash, path));
    }
  }
  add(hash, "end of folder");
  return {};
}

/// A project that refers to its neighbours (`../shared`) is built from the whole code.
bool reaches_outside(const Path& project) {
  for (const char* name : {"pyproject.toml", "setup.py", "setup.cfg"})
    if (const auto text = read_file(project / name); text && text->find("../") != std::string::npos)
      return true;
  return false;
}

/// A lock names the members of a workspace; a project alone only says that some come from one.
bool takes_from_workspace(const Path& project) {
  const auto text = read_file(project / "pyproject.toml");
  return text && text->find("workspace") != std::string::npos;
}

/// Wheels have their versions in their names: names and sizes suffice.
void add_wheels(Sha256& hash, const Path& folder) {
  std::vector<std::string> lines;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    boost::system::error_code no_size;
    const auto size = fs::file_size(entry->path(), no_size);
    lines.push_back(fmt::format(
        "{} {}", entry->path().filename().string(), no_size ? "-" : std::to_string(size)));
  }
  std::sort(lines.begin(), lines.end());
  add(hash, join(lines, "\n"));
}

/// `${NAME}` in a requirement file is replaced by the installers.
void add_variables(Sha256& hash,
                   std::string_view text,
                   const Lookup& environment,
                   const JobInput& job) {
  for (std::size_t at = text.find("${"); at != std::string_view::npos;
       at = text.find("${", at + 2)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string_view::npos)
      return;
    add(hash,
        file_variable(environment, job, std::string(text.substr(at + 2, end - at - 2)))
            .value_or(""));
  }
}

Result<void> add_piece(Sha256& hash, const Piece& piece, const Path& code) {
  switch (piece.kind) {
    case PieceKind::text:
    case PieceKind::include:
      return {};
    case PieceKind::local_file:
      return add_file(hash, piece.path);
    case PieceKind::wheels:
      add_wheels(hash, piece.path);
      return {};
    case PieceKind::project: {
      const bool all = reaches_outside(piece.path) || takes_from_workspace(piece.path);
      return add_folder(hash, all ? code : piece.path);
    }
  }
  return {};
}

/// What `uv sync --frozen` installs follows from the lock and from what it builds of the code.
Result<void> add_lock(Sha256& hash, const LockedProject& project, const Path& code) {
  add(hash, "uv.lock");
  add(hash, project.lock);
  for (const auto& list : {project.source.extras, project.source.groups})
    add(hash, join(list, ","));
  add(hash, project.source.project ? "with the project" : "");
  for (const LockedPath& local : project.local) {
    switch (local.kind) {
      case LockedPath::Kind::project:
        DSTACK_CHECK(add_folder(hash, reaches_outside(local.path) ? code : local.path));
        break;
      case LockedPath::Kind::archive:
        DSTACK_CHECK(add_file(hash, local.path));
        break;
      case LockedPath::Kind::wheels:
        add_wheels(hash, local.path);
        break;
    }
  }
  return {};
}

std::string platform() {
  utsname system{};
  ::uname(&system);
  std::array<char, 128> libc{};
#ifdef _CS_GNU_LIBC_VERSION
  ::confstr(_CS_GNU_LIBC_VERSION, libc.data(), libc.size());
#endif
  return fmt::format("{} {} {}", system.sysname, system.machine, libc.data());
}

}  // namespace

Result<std::string> environment_key(const Requirements& requirements,
                                    const Interpreter& interpreter,
                                    const Path& code,
                                    const Lookup& environment,
                                    const JobInput& job) {
  boost::system::error_code error;
  const Path real = requirements.conda ? Path() : fs::canonical(interpreter.program, error);
  if (error)
    return fail_errno_of(
        error.value(), "cannot find the interpreter '{}'", interpreter.program.string());
  Sha256 hash;
  for (const std::string& value :
       {std::string(format), real.string(), interpreter.version, platform()})
    add(hash, value);
  for (const std::size_t root : requirements.roots)
    add(hash, std::to_string(root));
  for (const RequirementFile& file : requirements.files) {
    add(hash, file.text);
    add_variables(hash, file.text, environment, job);
    for (const Piece& piece : file.pieces)
      DSTACK_CHECK(add_piece(hash, piece, code));
  }
  if (requirements.conda)
    add(hash, "conda\n" + requirements.conda->text);
  if (requirements.lock)
    DSTACK_CHECK(add_lock(hash, *requirements.lock, code));
  add(hash, index_settings(environment, job));
  return hash.finish().render().substr(0, 32);
}

}  // namespace dstack::python
