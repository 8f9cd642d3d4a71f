#include "dstack/python/seal.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace dstack::python {

namespace {

constexpr std::string_view notice_module =
    R"py("""Replaces pip: this environment is shared by all runs and never changes."""
import sys

__version__ = "0"

MESSAGE = """error: this environment is shared by all runs, so 'pip {command}' cannot change it
hint: add the package to requirements.txt (the workflow's 'requirements'); the next run has it
"""


def packages():
    try:
        from importlib.metadata import distributions
    except ImportError:
        return []
    found = {item.metadata["Name"]: item.version for item in distributions() if item.metadata["Name"]}
    return sorted(found.items(), key=lambda item: item[0].lower())


def main(args=None):
    args = sys.argv[1:] if args is None else list(args)
    command = next((word for word in args if not word.startswith("-")), "")
    if command == "freeze":
        for name, version in packages():
            print("%s==%s" % (name, version))
        return 0
    if command == "list":
        for name, version in packages():
            print("%-30s %s" % (name, version))
        return 0
    if command in ("install", "uninstall", "download", "wheel"):
        sys.stderr.write(MESSAGE.format(command=command))
        return 1
    if "--version" in args or "-V" in args:
        print("no pip: this environment is shared by all runs (python %d.%d)" % sys.version_info[:2])
        return 0
    sys.stderr.write("error: there is no pip in this environment, which is shared by all runs; "
                     "'pip list' and 'pip freeze' work\n")
    return 1
)py";

constexpr std::string_view notice_main = R"py(import sys

from pip import main

sys.exit(main())
)py";

constexpr std::string_view notice_program = R"sh(#!/bin/sh
exec "$(dirname "$0")/python" -m pip "$@"
)sh";

/// lib/python3.10/site-packages, whatever the interpreter calls it.
std::vector<Path> package_folders(const Path& folder) {
  std::vector<Path> found;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder / "lib", error), end; !error && entry != end;
       entry.increment(error)) {
    boost::system::error_code other;
    if (fs::is_directory(entry->path() / "site-packages", other))
      found.push_back(entry->path() / "site-packages");
  }
  return found;
}

/// Determined by the metadata, not by the files of a distribution called pip.
bool has_pip(const Path& packages) {
  boost::system::error_code error;
  for (fs::directory_iterator entry(packages, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name == "pip" || (name.starts_with("pip-") && name.ends_with(".dist-info")))
      return true;
  }
  return false;
}

Result<void> take_write_bits(const Path& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0)
    return fail_errno("cannot read '{}'", path.string());
  if (S_ISLNK(status.st_mode) || (status.st_mode & 0222) == 0)
    return {};
  if (::chmod(path.c_str(), status.st_mode & 07555) != 0)
    return fail_errno("cannot make '{}' read-only", path.string());
  return {};
}

}  // namespace

Result<void> place_pip_notice(const Path& folder) {
  boost::system::error_code error;
  for (const Path& packages : package_folders(folder)) {
    if (has_pip(packages))
      return {};
    const Path pip = packages / "pip";
    DSTACK_CHECK(make_folders(pip));
    DSTACK_CHECK(write_file_atomically(pip / "__init__.py", notice_module, Durable::no));
    DSTACK_CHECK(write_file_atomically(pip / "__main__.py", notice_main, Durable::no));
  }
  for (const char* name : {"pip", "pip3"})
    if (!fs::exists(folder / "bin" / name, error))
      DSTACK_CHECK(write_file_atomically(folder / "bin" / name, notice_program, Durable::no, 0755));
  return {};
}

Result<void> seal_content(const Path& folder) {
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const Path path = entry->path();
    boost::system::error_code other;
    if (fs::symlink_status(path, other).type() == fs::directory_file)
      DSTACK_CHECK(seal_content(path));
    DSTACK_CHECK(take_write_bits(path));
  }
  if (error)
    return fail_errno_of(error.value(), "cannot read folder '{}'", folder.string());
  return {};
}

Result<void> seal_top(const Path& folder) {
  return take_write_bits(folder);
}

}  // namespace dstack::python
