#include "dstack/python/compiled.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/process/detached.hpp"
#include "dstack/python/content_record.hpp"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>

namespace dstack::python {

namespace {

constexpr const char* cache_name = "__pycache__";

/// Works in the new layer by relative paths, so that it ends when the home is removed. The sources
/// never change, so the compiled files need not be checked against them.
constexpr const char* compiler = R"py(
import os, sys

environment, layer, content = sys.argv[1:]
new = os.getcwd()
tag = sys.implementation.cache_tag

def lower_priority():
    try:
        os.nice(19)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (OSError, AttributeError):
        pass

def folders():
    for folder, below, files in os.walk(os.path.join(environment, "lib")):
        cache = os.path.join(folder, "__pycache__")
        if os.path.islink(cache):
            sources = [name for name in files if name.endswith(".py")]
            if sources:
                yield folder, os.path.relpath(os.readlink(cache), layer), sources

def compile_folder(work):
    import py_compile
    folder, target, sources = work
    options = {}
    if hasattr(py_compile, "PycInvalidationMode"):
        options["invalidation_mode"] = py_compile.PycInvalidationMode.UNCHECKED_HASH
    os.makedirs(target, exist_ok=True)
    for name in sources:
        compiled = os.path.join(target, "%s.%s.pyc" % (name[:-3], tag))
        try:
            py_compile.compile(os.path.join(folder, name), cfile=compiled, doraise=True, **options)
        except Exception:
            pass  # not for this version of Python, as some packages' tests

def make_read_only():
    for folder, below, files in os.walk("."):
        for name in files:
            os.chmod(os.path.join(folder, name), 0o444)
        os.chmod(folder, 0o555)

# What find_change() of content_record.hpp compares with, in its form.
def record():
    import hashlib
    with open(content + ".new", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        for folder, below, files in os.walk("."):
            for name in below + files:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                digest = "-"
                if name in files:
                    with open(path, "rb") as file:
                        digest = hashlib.sha256(file.read()).hexdigest()
                out.write(b"%d %d %d %d %d %s %s\0" % (
                    0 if name in files else 2, status.st_ino, status.st_size, status.st_mtime_ns,
                    status.st_ctime_ns, digest.encode(), os.fsencode(os.path.relpath(path))))
    os.rename(content + ".new", content)

def sync():
    try:
        import ctypes
        handle = os.open(".", os.O_RDONLY)
        if ctypes.CDLL(None).syncfs(handle) == 0:
            return
    except Exception:
        pass
    os.sync()

lower_priority()
work = list(folders())
processes = min(4, len(os.sched_getaffinity(0)))
pool = None
if processes > 1 and len(work) > 20:
    try:
        import multiprocessing
        pool = multiprocessing.get_context("fork").Pool(processes)
    except (ImportError, OSError):
        pass  # a system without semaphores
for done in pool.imap_unordered(compile_folder, work, 8) if pool else map(compile_folder, work):
    pass
make_read_only()
record()
sync()
os.rename(new, layer)
)py";

Result<void> start(const Path& environment) {
  const Path layer = compiled_folder(environment);
  boost::system::error_code error;
  if (fs::exists(layer, error))
    return {};
  DSTACK_TRY(const Fd lock, open_file(layer.string() + ".lock", O_RDWR | O_CREAT));
  DSTACK_TRY(const bool is_mine, lock_exclusive(lock.get(), Wait::no));
  if (!is_mine || fs::exists(layer, error))
    return {};
  const Path begun = layer.string() + ".new";
  DSTACK_CHECK(remove_tree(begun));                     // left by one that was killed
  DSTACK_CHECK(remove_tree(content_record_of(layer)));  // likewise
  DSTACK_CHECK(make_folders(begun));
  process::Command command;
  command.argv = {(environment / "bin/python").string(),
                  "-I",
                  "-S",
                  "-B",
                  "-c",
                  compiler,
                  environment.string(),
                  layer.string(),
                  content_record_of(layer).string()};
  command.environment.emplace();
  command.working_dir = begun.string();
  command.descriptors = {{3, lock.get()}};
  return process::spawn_detached(std::move(command));
}

Result<void> link_below(const Path& folder, const Path& layer) {
  bool has_sources = false;
  bool has_cache = false;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    boost::system::error_code other;
    const fs::file_type type = fs::symlink_status(entry->path(), other).type();
    const Path name = entry->path().filename();
    has_cache = has_cache || name == cache_name;
    has_sources = has_sources || (type != fs::directory_file && name.extension() == ".py");
    if (type == fs::directory_file && name != cache_name)
      DSTACK_CHECK(link_below(entry->path(), layer / name));
  }
  if (!error && has_sources && !has_cache)
    fs::create_symlink(layer / cache_name, folder / cache_name, error);
  if (error)
    return fail_errno_of(error.value(), "cannot prepare '{}' for compiled files", folder.string());
  return {};
}

}  // namespace

Path compiled_folder(const Path& environment) {
  return environment.string() + ".compiled";
}

Result<void> link_compiled(const Path& environment) {
  boost::system::error_code error;
  if (!fs::is_directory(environment / "lib", error))
    return {};
  return link_below(environment / "lib", compiled_folder(environment) / "lib");
}

Result<void> remove_compiled(const Path& environment) {
  const Path layer = compiled_folder(environment);
  // In one step, so that no job gets a part of it.
  const Path away = layer.string() + ".removed";
  DSTACK_CHECK(remove_tree(away));
  if (::rename(layer.c_str(), away.c_str()) != 0 && errno != ENOENT)
    return fail_errno("cannot remove '{}'", layer.string());
  DSTACK_CHECK(remove_tree(content_record_of(layer)));
  return remove_tree(away);
}

void compile_in_background(const Path& environment) {
  if (const auto started = start(environment); !started)
    log::warning(fmt::format(
        "cannot compile the packages of '{}': {}", environment.string(), render(started.error())));
}

}  // namespace dstack::python
