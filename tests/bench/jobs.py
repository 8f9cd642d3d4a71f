"""Cost of a job among 1,000 independent empty ones in one run, two at a time, everything recorded; with `--growth` the
same among 10,000; and the resident size of the supervisor meanwhile. Peers: ninja, make, GNU parallel."""

import subprocess
import sys
import threading

import bench


def workflows(count):
    names = ", ".join(f"j{i}" for i in range(count))
    lines = "\n".join(f'  - {{name: j{i}, provider: bash, commands: ["true"]}}' for i in range(count))
    return f'workflows:\n{lines}\n  - {{name: all, provider: bash, commands: ["true"], depends-on: [{names}]}}\n'


def supervisor_memory(box, stop, sizes):
    """The largest resident size of the run's supervisor, in kB."""
    while not stop.wait(0.02):
        for line in subprocess.run(["ps", "-eo", "rss=,args="], stdout=subprocess.PIPE, text=True).stdout.splitlines():
            size, *words = line.split()
            if words[1:3] == ["supervise", str(box.home)]:
                sizes.append(int(size))


def measure(count):
    with bench.Box() as box:
        box.workflows(workflows(count))
        stop, sizes = threading.Event(), [0]
        watcher = threading.Thread(target=supervisor_memory, args=(box, stop, sizes))
        watcher.start()
        taken = bench.seconds(lambda: box.dstack("run", "-q", "-j", "2", "all"))
        stop.set()
        watcher.join()
        return taken / count * 1e3, max(sizes) / 1e3


def ninja(count):
    with bench.Box() as box:
        text = "rule r\n  command = true\n" + "".join(f"build o{i}: r\n" for i in range(count))
        (box.root / "build.ninja").write_text(text)
        return bench.seconds(bench.quiet("ninja", "-j2", cwd=box.root)) / count * 1e3


def make(count):
    with bench.Box() as box:
        targets = " ".join(f"o{i}" for i in range(count))
        (box.root / "Makefile").write_text(f"all: {targets}\n{targets}:\n\t@true;\n")
        return bench.seconds(bench.quiet("make", "-j2", cwd=box.root)) / count * 1e3


def parallel(count):
    text = "\n".join("true" for _ in range(count))
    return bench.seconds(lambda: subprocess.run(["parallel", "-j2"], input=text, text=True, check=True,
                                                stderr=subprocess.DEVNULL)) / count * 1e3


ours, memory = measure(1000)
bench.figure("jobs.1000", ours, "ms/job")
bench.figure("jobs.1000.supervisor", memory, "MB")
for name, peer in (("ninja", ninja), ("make", make), ("parallel", parallel)):
    if bench.has(name):
        theirs = peer(1000)
        bench.figure(f"jobs.1000.{name}", theirs, "ms/job")
        bench.figure(f"jobs.1000.ratio_{name}", ours / theirs, "x")
bench.figure("jobs.1.supervisor", measure(1)[1], "MB")
if "--growth" in sys.argv:
    many, memory = measure(10000)
    bench.figure("jobs.10000", many, "ms/job")
    bench.figure("jobs.10000.supervisor", memory, "MB")
    bench.figure("jobs.growth", many / ours, "x")
