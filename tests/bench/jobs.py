"""Cost of a job among 1,000 independent empty ones in one run, two at a time, everything recorded, beside ninja and
xargs that start the same `bash -c true`; and the resident size of the supervisor meanwhile. `--rounds N`: how often.
With `--growth` whether it is the same among 10,000, with `--large` among 100,000 (once). There the jobs work in the
project: its file of workflows is part of the code, and would be ten or a hundred times as long to copy for each."""

import pathlib
import statistics
import subprocess
import sys
import threading

import bench

EMPTY = 'provider: bash, commands: ["true"]'


def write_workflows(box, count, more):
    """In several files: one has at most 2 MiB."""
    folder = box.project / ".dstack/workflows"
    folder.mkdir()
    for first in range(0, count, 10_000):
        numbers = range(first, min(count, first + 10_000))
        lines = "\n".join(f"  - {{name: j{i}, {more}{EMPTY}}}" for i in numbers)
        (folder / f"{first}.yaml").write_text(f"workflows:\n{lines}\n")
    names = ", ".join(f"j{i}" for i in range(count))
    box.workflows(f"workflows:\n  - {{name: all, {more}{EMPTY}, depends-on: [{names}]}}\n")


def peak(pid):
    """Of a process, in kB; 0: there is none."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def watch_supervisor(box, stop, sizes):
    """The largest resident size of the run's supervisor, in kB. A look costs next to nothing: it must not slow down what
    is measured."""
    lock = None
    while not stop.wait(0.02):
        lock = lock or next((box.home / "runs").glob("*/run.lock"), None)
        identity = lock.read_text().split() if lock else []  # boot, process, time of its start
        if len(identity) == 3:
            sizes.append(peak(identity[1]))


def measure(count, more=""):
    with bench.Box() as box:
        write_workflows(box, count, more)
        stop, sizes = threading.Event(), [0]
        watcher = threading.Thread(target=watch_supervisor, args=(box, stop, sizes))
        watcher.start()
        try:
            taken = bench.seconds(lambda: box.dstack("run", "-q", "-j", "2", "all"))
        finally:
            stop.set()
            watcher.join()
        return taken / count * 1e3, max(sizes) / 1e3


def ninja(count):
    with bench.Box() as box:
        text = "rule r\n  command = bash -c true\n" + "".join(f"build o{i}: r\n" for i in range(count))
        (box.root / "build.ninja").write_text(text)
        return bench.seconds(bench.quiet("ninja", "-j2", cwd=box.root)) / count * 1e3


def xargs(count):
    text = "\n".join(str(i) for i in range(count))
    command = ["xargs", "-P", "2", "-n", "1", "bash", "-c", "true"]
    return bench.seconds(lambda: subprocess.run(command, input=text, text=True, check=True)) / count * 1e3


rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 5
peers = {name: peer for name, peer in (("ninja", ninja), ("xargs", xargs)) if bench.has(name)}
ours, sizes, theirs = [], [], {name: [] for name in peers}
for _ in range(rounds):  # in turn, so that all see the same weather
    taken, size = measure(1000)
    ours.append(taken)
    sizes.append(size)
    for name, peer in peers.items():
        theirs[name].append(peer(1000))
bench.figure("jobs.1000", statistics.median(ours), "ms/job")
bench.figure("jobs.1000.supervisor", max(sizes), "MB")
for name, taken in theirs.items():
    bench.figure(f"jobs.1000.{name}", statistics.median(taken), "ms/job")
    bench.figure(f"jobs.1000.ratio_{name}", statistics.median(a / b for a, b in zip(ours, taken)), "x")
bench.figure("jobs.1.supervisor", measure(1)[1], "MB")
IN_PROJECT = "workspace: project, "
for option, count in (("--growth", 10_000), ("--large", 100_000)):
    if option in sys.argv:
        few, _ = measure(1000, IN_PROJECT)
        many, size = measure(count, IN_PROJECT)
        bench.figure(f"jobs.{count}", many, "ms/job")
        bench.figure(f"jobs.{count}.supervisor", size, "MB")
        bench.figure(f"jobs.{count}.growth", many / few, "x")
