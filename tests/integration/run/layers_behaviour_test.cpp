// What programs notice of a workspace in layers, and what they do not: the table in
// docs/reference/workflows.md, "Workspaces". Each in the workspace of a job, by what Python's own
// functions answer.
#include "dstack/base/text.hpp"
#include "integration/run/layered_box.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

class Box : public test::LayeredBox {
 public:
  Box() {
    for (const char* workspace : {"private", "copy"})
      workflows_ += fmt::format(
          "  - {{name: {0}, provider: bash, workspace: {0}, commands: ['python3 program.py']}}\n",
          workspace);
    workflows(workflows_);
  }

  /// Runs a program of Python in a job; with the kind of its workspace.
  process::Output python(const std::string& program, const std::string& kind = "private") const {
    file("program.py", "import os\n" + program);
    return run({"run", kind});
  }

  /// What the program prints; it must end well.
  std::string answer(const std::string& program, const std::string& kind = "private") const {
    const auto output = python(program, kind);
    INFO(output.out << output.err);
    REQUIRE(code(output) == 0);
    return std::string(trim(output.out));
  }

 private:
  std::string workflows_ = "workflows:\n";
};

bool is_user() {
  return overlay::usual_access() == overlay::Access::user;
}

}  // namespace

TEST_CASE("a folder of the code is not renamed, which the run explains; a copy of it is") {
  NEEDS_OVERLAYS();
  const Box box;
  const std::string rename = "os.rename('code', 'renamed')\n";
  const auto output = box.python(rename);
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.out.find("Invalid cross-device link") != std::string::npos);
  CHECK(output.err.find("(EXDEV)") != std::string::npos);
  CHECK(output.err.find("'workspace: copy'") != std::string::npos);
  CHECK(box.json({"show", "--json"})["jobs"][0]["reason"].get<std::string>().find("EXDEV") !=
        std::string::npos);
  CHECK(box.answer("import shutil\nshutil.move('code', 'moved')\n"
                   "print(len(os.listdir('moved')), os.path.exists('code'))") == "100 False");
  CHECK(box.answer("os.system('mv code moved')\nprint(len(os.listdir('moved')))") == "100");
  const auto copied = box.python(rename, "copy");
  CHECK(Sandbox::code(copied) == 0);
}

TEST_CASE("a failure that has nothing to do with layers is not explained by them") {
  NEEDS_OVERLAYS();
  const Box box;
  const auto output = box.python("raise SystemExit('the loss is not a number')");
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.err.find("overlay") == std::string::npos);
  const auto copied = box.python("raise SystemExit('Invalid cross-device link')", "copy");
  CHECK(Sandbox::code(copied) == 1);
  CHECK(copied.err.find("overlay") == std::string::npos);
}

TEST_CASE("files of the code, and folders that the job has made, are renamed as anywhere") {
  NEEDS_OVERLAYS();
  const Box box;
  CHECK(box.answer(
            "os.rename('code/1.txt', 'one')\n"
            "os.replace('code/2.txt', 'code/3.txt')\n"
            "os.mkdir('made')\nopen('made/x', 'w').close()\nos.rename('made', 'code/made')\n"
            "print(open('one').read() + open('code/3.txt').read(), os.listdir('code/made'))") ==
        "1\n2\n ['x']");
}

TEST_CASE("nothing is renamed or linked between a workspace in layers and what is beside it") {
  NEEDS_OVERLAYS();
  const Box box;
  CHECK(box.answer(fmt::format("import errno\n"
                               "def refused(call):\n"
                               "    try: call()\n"
                               "    except OSError as error: return error.errno == errno.EXDEV\n"
                               "outside = '{}'\n"
                               "open(outside, 'w').close()\n"
                               "print(refused(lambda: os.rename(outside, 'inside')),\n"
                               "      refused(lambda: os.rename('single', outside)),\n"
                               "      refused(lambda: os.link(outside, 'inside')))",
                               (box.root() / "outside").string())) == "True True True");
}

TEST_CASE("a file that is open while it is first written to is read as it is then, not as mapped") {
  NEEDS_OVERLAYS();
  const Box box;
  CHECK(box.answer("import mmap\n"
                   "def map(file): return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
                   "before = open('code/1.txt', 'rb', buffering=0)\n"
                   "mapped = map(before)\n"
                   "first = mapped[0:1]\n"
                   "with open('code/1.txt', 'r+b') as writer: writer.write(b'N')\n"
                   "anew = open('code/1.txt', 'rb')\n"
                   "print(before.read(1), first, mapped[0:1], map(anew)[0:1])") ==
        "b'N' b'1' b'1' b'N'");
}

TEST_CASE("locks, notifications and inode numbers outlive the first write to a file") {
  NEEDS_OVERLAYS();
  const Box box;
  CHECK(box.answer("import ctypes, fcntl\n"
                   "libc = ctypes.CDLL(None)\n"
                   "def excluded(lock, writer):\n"
                   "    try: lock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                   "    except OSError: return True\n"
                   "    return False\n"
                   "before = os.stat('code/1.txt')\n"
                   "reader = open('code/1.txt')\n"
                   "fcntl.flock(reader, fcntl.LOCK_SH)\n"
                   "watch = libc.inotify_init1(os.O_NONBLOCK)\n"
                   "libc.inotify_add_watch(watch, b'code/1.txt', 0x2)\n"
                   "writer = open('code/1.txt', 'a')\n"
                   "writer.write('more')\nwriter.flush()\n"
                   "after = os.stat('code/1.txt')\n"
                   "print(excluded(fcntl.flock, writer), len(os.read(watch, 4096)) > 0,\n"
                   "      before.st_ino == after.st_ino, before.st_dev == after.st_dev)") ==
        "True True True True");
}

TEST_CASE("large files of the same content and time have one inode until they are written to") {
  NEEDS_OVERLAYS();
  const Box box;
  const std::string content(100'000, 'x');
  box.file("large/a", content);
  box.file("large/b", content);
  for (const char* name : {"large/a", "large/b"}) {
    const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (box.project() / name).c_str(), times, 0) == 0);
  }
  CHECK(box.answer("a, b = os.stat('large/a'), os.stat('large/b')\n"
                   "with open('large/a', 'a') as file: file.write('more')\n"
                   "print(a.st_ino == b.st_ino, a.st_nlink > 1,\n"
                   "      os.stat('large/a').st_ino == os.stat('large/b').st_ino,\n"
                   "      os.path.getsize('large/b'))") == "True True False 100000");
}

TEST_CASE("what databases, sockets and temporary files need is there") {
  NEEDS_OVERLAYS();
  const Box box;
  CHECK(
      box.answer(
          "import ctypes, socket, sqlite3\n"
          "base = sqlite3.connect('s.db')\n"
          "base.execute('pragma journal_mode=wal')\n"
          "base.execute('create table t(a)')\nbase.commit()\n"
          "socket.socket(socket.AF_UNIX).bind('socket')\n"
          "os.mkfifo('fifo')\n"
          "nameless = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)\n"
          "named = ctypes.CDLL(None).linkat(-100, b'/proc/self/fd/%d' % nameless, -100, b'named', "
          "0x400)\n"
          "os.link('single', 'second')\n"
          "print(named, os.stat('single').st_nlink)") == "0 2");
}

TEST_CASE("for ordinary users a job in layers runs in a user namespace, where a copy does not") {
  NEEDS_OVERLAYS();
  const Box box;
  const std::string owners =
      "print(os.stat('/etc').st_uid, os.stat('single').st_uid == os.getuid(), os.getuid())";
  CHECK(box.answer(owners, "copy") == fmt::format("0 True {}", ::getuid()));
  CHECK(box.answer(owners) == fmt::format("{} True {}", is_user() ? 65534 : 0, ::getuid()));
}

TEST_CASE(
    "the user's other groups have no names in a user namespace, and files are not given them") {
  NEEDS_OVERLAYS();
  if (!is_user())
    SKIP("root needs no user namespace");
  const Box box;
  CHECK(box.answer("import errno\n"
                   "try: os.chown('single', -1, 0)\n"
                   "except OSError as error: print(error.errno == errno.EINVAL)") == "True");
}

TEST_CASE("ssh refuses a system's configuration in a user namespace, and the run says why") {
  NEEDS_OVERLAYS();
  const Box box;
  box.file("config", "Include /etc/passwd\n");
  const std::string ssh =
      "import subprocess, sys\n"
      "try: done = subprocess.run(['ssh', '-F', 'config', '-G', 'host'], capture_output=True)\n"
      "except OSError: sys.exit(77)\n"
      "print(done.stderr.decode())\n"
      "sys.exit(77 if b'No user' in done.stderr else 1 if b'Bad owner' in done.stderr else 0)";
  const auto output = box.python(ssh);
  if (Sandbox::code(output) == 77)
    SKIP("there is no ssh, or it knows no such user");
  INFO(output.out << output.err);
  CHECK(Sandbox::code(output) == (is_user() ? 1 : 0));
  CHECK((output.err.find("user namespace") != std::string::npos) == is_user());
  CHECK(Sandbox::code(box.python(ssh, "copy")) == 0);
}

TEST_CASE("a run in a job's workspace in layers gets workspaces, by copy where overlays end") {
  NEEDS_OVERLAYS();
  const Box box;
  box.file(".dstackignore", "/home/\n");
  CHECK(box.answer(fmt::format(
                       "import subprocess\n"
                       "os.environ['DSTACK_HOME'] = os.path.abspath('home')\n"
                       "inner = subprocess.run(['{}', 'run', 'bash', '-c', 'ls code | wc -l'],\n"
                       "                       capture_output=True, text=True)\n"
                       "print(inner.stdout or inner.stderr)",
                       DSTACK_BINARY))
            .ends_with("100"));
}
