"""What the benchmarks share: a private home and project, timing of whole commands, lines of figures."""

import datetime
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DSTACK = os.environ.get("DSTACK", str(ROOT / "build/release/bin/dstack"))


class Box:
    """A project and a home of its own, removed at the end."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="dstack-bench-"))
        self.project = self.root / "project"
        self.home = self.root / "home"
        (self.project / ".dstack").mkdir(parents=True)
        self.environment = dict(os.environ, DSTACK_HOME=str(self.home))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def workflows(self, text):
        (self.project / ".dstack/workflows.yaml").write_text(text)

    def dstack(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        done = subprocess.run([DSTACK, *arguments], cwd=self.project, env=self.environment, **options)
        if done.returncode != 0:
            raise SystemExit(f"dstack {' '.join(arguments)} ended with {done.returncode}:\n"
                             f"{(done.stderr or b'').decode(errors='replace')}")
        return (done.stdout or b"").decode(errors="replace")


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def time_of(text):
    """Of `show --json`, in seconds."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def median(call, runs=11, warm_up=2):
    """Median seconds of a call, after some that do not count."""
    for _ in range(warm_up):
        call()
    return statistics.median(seconds(call) for _ in range(runs))


def pair(ours, theirs, runs=11, warm_up=2):
    """Medians of two calls in turn, so that both see the same weather."""
    for _ in range(warm_up):
        ours(), theirs()
    both = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
    return statistics.median(a for a, _ in both), statistics.median(b for _, b in both)


def figure(name, value, unit):
    print(f"{name} {value:.4g} {unit}", flush=True)


def processor(call, runs=5):
    """Median processor seconds of a call and of what it waits for, user and system."""
    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        call()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return statistics.median(once() for _ in range(runs))


def streamed(*command, **options):
    """Seconds until the first byte of a command's output and until its end, and the most memory it held, in bytes."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, **options)
    child.stdout.read(1)
    first = time.perf_counter() - begin
    memory = 0
    while child.stdout.read(1 << 18):
        memory = max(memory, high_water(child.pid))
    if child.wait() != 0:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return first, time.perf_counter() - begin, memory


def high_water(pid):
    """The most memory that a process has held so far, in bytes; 0 when it has ended. What getrusage() says of a child
    counts ours before its exec."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def medians_streamed(*command, runs=5, **options):
    """Of each of the three."""
    return [statistics.median(one) for one in zip(*(streamed(*command, **options) for _ in range(runs)))]


def has(program):
    return shutil.which(program) is not None


def quiet(*command, **options):
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, **options)
