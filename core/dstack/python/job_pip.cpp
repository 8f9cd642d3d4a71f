#include "dstack/python/job_pip.hpp"

#include "dstack/base/text.hpp"

#include <string_view>
#include <vector>

namespace dstack::python {

namespace {

/// The package `pip`: all of it but these two files is that of the interpreter, often inside of a
/// wheel.
constexpr std::string_view module =
    R"py("""The interpreter's pip, which leaves this environment as it is: all runs share it.

What a job installs goes into a folder of its own, DSTACK_JOB_PACKAGES, which Python searches first."""
import os
import re
import sys

OWN = os.environ.get("DSTACK_JOB_PACKAGES", "")
NOTE = """note: installed for this job alone; the file that the workflow names under 'requirements' has what all runs get
"""

LEAVES_ALONE = ("target_dir", "prefix_path", "root_path", "use_user_site", "dry_run")
CHANGES = ("upgrade", "force_reinstall", "ignore_installed", "editables")
REFUSAL = "error: this environment is shared by all runs, so 'pip {command}' cannot change it\n"
INSTALL = """hint: add the package to the file that the workflow names under 'requirements'; the next run has it
hint: 'pip install --target DIR' installs into a folder of this job
"""
UNINSTALL = "hint: remove the package from the file that the workflow names under 'requirements'\n"


def find_pip():
    import glob
    import sysconfig

    places = [sysconfig.get_config_var("WHEEL_PKG_DIR") or "", "/usr/share/python-wheels"]
    try:
        import ensurepip

        places.insert(0, os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
    except ImportError:
        pass
    for place in filter(None, places):
        for wheel in sorted(glob.glob(os.path.join(place, "pip-*.whl")), reverse=True):
            return os.path.join(wheel, "pip"), os.path.basename(wheel).split("-")[1]
    base = {"base": sys.base_prefix, "platbase": sys.base_prefix}
    places = [sysconfig.get_path("purelib", vars=base), "/usr/lib/python3/dist-packages"]
    for place in places:
        try:
            with open(os.path.join(place, "pip", "__init__.py")) as file:
                return os.path.join(place, "pip"), re.search(r'__version__ = "(.*)"', file.read()).group(1)
        except (OSError, AttributeError):
            pass
    return None, "0"


REAL, __version__ = find_pip()
if REAL:
    __path__.append(REAL)
    __file__ = os.path.join(REAL, "__init__.py")  # pip starts itself again by this path


def refuse(command, hint):
    sys.stderr.write(REFUSAL.format(command=command) + hint)
    return 1


def own_distributions(name):
    import sysconfig
    from importlib.metadata import distributions

    folders = {sysconfig.get_path(kind, vars={"base": OWN, "platbase": OWN}) for kind in ("purelib", "platlib")}
    return list(distributions(name=name, path=sorted(folders))) if OWN else []


def forget(name):
    """Removes what this job has installed of a package; what the environment has stays."""
    import shutil
    from importlib.util import cache_from_source

    def remove(path):
        try:
            os.remove(path)
        except OSError:
            pass

    for found in own_distributions(name):
        folders = set()
        for file in found.files or ():
            path = os.path.normpath(str(found.locate_file(file)))
            remove(path)
            if path.endswith(".py"):
                remove(cache_from_source(path))
                folders.add(os.path.join(os.path.dirname(path), "__pycache__"))
            while path.startswith(OWN + os.sep):
                path = os.path.dirname(path)
                folders.add(path)
        site = os.path.dirname(str(found._path))
        shutil.rmtree(str(found._path), ignore_errors=True)
        for folder in sorted(folders, key=len, reverse=True):
            if folder.startswith(site + os.sep):
                try:
                    os.rmdir(folder)  # what is empty now would still be imported, as a namespace
                except OSError:
                    pass


def is_pip(text):
    return re.match(r"pip\s*($|[<>=!~;@\[])", text)


def install_for_job(install, command, options, args):
    """Beside the environment: what is there is taken into account, and nothing of it is removed."""
    from pip._internal.req.req_install import InstallRequirement

    InstallRequirement.uninstall = lambda self, *_, **__: forget(self.name)
    args = args + options.editables  # as in an environment: what is linked would not be found
    options.editables = []
    options.prefix_path = OWN
    status = install(command, options, args)
    forget("pip")  # this one must stay the first
    if status == 0:
        sys.stderr.write(NOTE)
    return status


def is_there(text):
    from importlib.metadata import version
    from pip._vendor.packaging.requirements import Requirement

    wanted = Requirement(text)
    if wanted.marker and not wanted.marker.evaluate():
        return True
    return not wanted.url and wanted.specifier.contains(version(wanted.name), prereleases=True)


def are_there(options, args):
    """Whether all that is to be installed is: scripts often begin with such a line."""
    if any(getattr(options, name, None) for name in CHANGES):
        return False
    try:
        from pip._internal.req.req_file import parse_requirements

        texts = list(args)
        for file in options.requirements:
            texts += [item.requirement for item in parse_requirements(file, session=None)]
        return bool(texts) and all(map(is_there, texts))
    except Exception:
        return False


def guard():
    from pip._internal.commands.install import InstallCommand
    from pip._internal.commands.uninstall import UninstallCommand

    install = InstallCommand.run

    def run(self, options, args):
        if any(getattr(options, name, None) for name in LEAVES_ALONE):
            if options.prefix_path or options.root_path:  # as pip does for a target
                options.ignore_installed = True
            return install(self, options, args)
        if not args and not options.requirements and not options.editables:
            return install(self, options, args)  # says what is missing
        wanted = [text for text in args if not is_pip(text)]  # scripts often begin by updating it
        nothing_else = not wanted and not options.requirements and not options.editables
        if nothing_else or are_there(options, wanted):
            print("Requirements already satisfied")
            return 0
        return install_for_job(install, self, options, wanted) if OWN else refuse("install", INSTALL)

    def undo(self, options, args):
        from importlib.metadata import distributions

        own = [name for name in args if own_distributions(name)]
        absent = [name for name in args if not list(distributions(name=name))]
        if not args or len(own) + len(absent) < len(args):
            return refuse("uninstall", UNINSTALL)
        for name in own:
            forget(name)
            print("Removed " + name)
        for name in absent:
            sys.stderr.write("WARNING: Skipping %s as it is not installed.\n" % name)
        return 0

    InstallCommand.run = run
    UninstallCommand.run = undo


def without_pip(args):
    command = next((word for word in args if not word.startswith("-")), "")
    if command in ("freeze", "list"):
        from importlib.metadata import distributions

        form = "%s==%s" if command == "freeze" else "%-30s %s"
        found = {item.metadata["Name"]: item.version for item in distributions() if item.metadata["Name"]}
        for name in sorted(found, key=str.lower):
            print(form % (name, found[name]))
        return 0
    if command in ("install", "uninstall"):
        return refuse(command, INSTALL if command == "install" else UNINSTALL)
    sys.stderr.write("error: there is no pip for this Python on this machine; add pip to requirements.txt, "
                     "or install the system's python3-venv\n")
    return 1


def main(args=None):
    args = sys.argv[1:] if args is None else list(args)
    if not REAL:
        return without_pip(args)
    os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    os.environ.setdefault("PIP_USE_PEP517", "1")  # there is no setuptools here
    guard()
    try:
        from pip._internal.cli.main import main as run
    except ImportError:
        try:
            from pip._internal.main import main as run
        except ImportError:
            from pip._internal import main as run
    return run(args)
)py";

constexpr std::string_view module_main = R"py(import os
import sys

if sys.path[0] in ("", os.getcwd()):
    sys.path.pop(0)

from pip import main

sys.exit(main())
)py";

constexpr std::string_view pip_program = R"sh(#!/bin/sh
exec "$(dirname "$0")/python" -m pip "$@"
)sh";

/// A change of another environment than this one is none of its business.
constexpr std::string_view uv_program = R"sh(#!/bin/sh
# uv, which leaves this environment as it is: all runs share it.
uv=UV_PROGRAM
folder=FOLDER
words= elsewhere=${UV_PYTHON-}${UV_SYSTEM_PYTHON-}
[ "${VIRTUAL_ENV-}" = "$folder" ] || elsewhere=yes
for word; do
  case $word in
    -t* | --target* | --prefix* | -p* | --python | --python=* | --system | --dry-run | -h | --help) elsewhere=yes ;;
    -*) ;;
    *) case $words in
      '') words=$word ;;
      pip) words="pip $word" ;;
    esac ;;
  esac
done
case $words in
  'pip install' | 'pip uninstall' | 'pip sync')
    if [ -z "$elsewhere" ] && ! "$uv" "$@" --dry-run 2>&1 | grep -q '^Would make no changes'; then
      if [ "$words" = 'pip install' ] && [ -n "${DSTACK_JOB_PACKAGES-}" ]; then
        # What the environment has already is not installed again.
        changes=$("$uv" "$@" --dry-run 2>&1) || exec "$uv" "$@" --dry-run
        pins=$(printf '%s\n' "$changes" | sed -n 's/^ + \([^ ]*==[^ ]*\)$/\1/p')
        "$uv" "$@" --no-deps --prefix "$DSTACK_JOB_PACKAGES" $pins || exit
        echo "note: installed for this job alone; the file that the workflow names under 'requirements' has what all runs get" >&2
        exit 0
      fi
      echo "error: this environment is shared by all runs, so 'uv $words' cannot change it" >&2
      echo "hint: change the file that the workflow names under 'requirements'; the next run has it" >&2
      [ "$words" = 'pip install' ] && echo "hint: 'uv pip install --target DIR' installs into a folder of this job" >&2
      exit 1
    fi ;;
esac
exec "$uv" "$@"
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

Result<void> place_program(const Path& path, std::string_view text) {
  boost::system::error_code error;
  if (fs::exists(path, error))
    return {};
  return write_file_atomically(path, text, Durable::no, 0755);
}

std::string with(std::string text, std::string_view name, const std::string& value) {
  return text.replace(text.find(name), name.size(), shell_quote(value));
}

}  // namespace

Result<std::vector<Path>> make_job_packages(const Path& folder, const Path& own) {
  std::vector<Path> made;
  for (const Path& packages : package_folders(folder)) {
    made.push_back(own / packages.lexically_relative(folder));
    // Python does not look again for a folder that was missing when it started.
    DSTACK_CHECK(make_folders(made.back()));
  }
  return made;
}

Result<void> place_job_pip(const Path& folder, const std::optional<std::string>& uv) {
  if (uv)
    DSTACK_CHECK(place_program(
        folder / "bin/uv",
        with(with(std::string(uv_program), "UV_PROGRAM", *uv), "FOLDER", folder.string())));
  for (const Path& packages : package_folders(folder)) {
    if (has_pip(packages))
      return {};
    const Path pip = packages / "pip";
    DSTACK_CHECK(make_folders(pip));
    DSTACK_CHECK(write_file_atomically(pip / "__init__.py", module, Durable::no));
    DSTACK_CHECK(write_file_atomically(pip / "__main__.py", module_main, Durable::no));
  }
  std::vector<std::string> names = {"pip", "pip3"};
  // Where there is no pip3.10, PATH leads to that of the system.
  for (const Path& packages : package_folders(folder))
    if (const std::string python = packages.parent_path().filename().string();
        python.starts_with("python"))
      names.push_back("pip" + python.substr(6));
  for (const std::string& name : names)
    DSTACK_CHECK(place_program(folder / "bin" / name, pip_program));
  return {};
}

}  // namespace dstack::python
