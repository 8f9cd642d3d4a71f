"""Start of a job by what it is given: with nothing, with 20,000 files (100,000 with --large) and with 1 GB (10 GB).

"first" lays out what the job is given, "again" is every later job, and "more" what that takes beyond a job that is
given nothing; "copy" is the same with `workspace: copy`. Beside them `cp -r`, `cp -r --reflink=auto` and, where it is
installed, `dvc checkout` of the same files. With the word `files` or `bytes` only that is measured.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench

LARGE = "--large" in sys.argv
FILES = 100_000 if LARGE else 20_000
BYTES = 10_000_000_000 if LARGE else 1_000_000_000
CHUNK = b"0123456789abcde\n" * 65536
GIVEN = [word for word in sys.argv[1:] if word in ("files", "bytes")] or ["files", "bytes"]

WORKFLOWS = """workflows:
  - {name: nothing, provider: bash, commands: ["true"]}
"""
USES = """
  - {{name: {given}, provider: bash, artifacts: [{given}], commands: ["cp -r {source}/{given} ."]}}
  - {{name: use-{given}, provider: bash, depends-on: ["{given}:v1"], commands: ["true"]}}
  - {{name: copy-{given}, provider: bash, workspace: copy, depends-on: ["{given}:v1"], commands: ["true"]}}
"""


def make_files(folder):
    for index in range(FILES):
        below = folder / str(index // 1000)
        if index % 1000 == 0:
            below.mkdir(parents=True)
        (below / str(index)).write_text(f"{index}\n")


def make_bytes(folder):
    folder.mkdir(parents=True)
    with open(folder / "one", "wb") as file:
        for _ in range(BYTES // len(CHUNK)):
            file.write(CHUNK)


def check_space():
    """The source, the store, a copy, and what dvc has of it."""
    needed = 4 * (BYTES if "bytes" in GIVEN else 0) + 5 * 4096 * (FILES if "files" in GIVEN else 0)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        raise SystemExit(f"{tempfile.gettempdir()} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed")


def start_of_job(box, workflow):
    """Milliseconds from the record of the run to the start of its job's program."""
    box.dstack("run", workflow)
    job = json.loads(box.dstack("show", "--json"))["jobs"][0]
    times = {entry["status"]: bench.time_of(entry["at"]) for entry in job["history"]}
    return (times["running"] - times["submitted"]) * 1e3


def again(box, workflow):
    """Medians of the workflow and of one that is given nothing, in turn."""
    both = [(start_of_job(box, workflow), start_of_job(box, "nothing")) for _ in range(9)]
    return statistics.median(a for a, _ in both), statistics.median(b for _, b in both)


def milliseconds(*command, **options):
    return bench.seconds(bench.quiet(*command, **options)) * 1e3


def measure_peers(box, given):
    target = box.root / "target" / given
    for name, options in (("reflink", ["--reflink=auto"]), ("cp", ["--reflink=never"])):
        shutil.rmtree(target.parent, ignore_errors=True)
        target.parent.mkdir()
        bench.figure(f"workspace.{given}.{name}",
                     milliseconds("cp", "-r", *options, box.root / "source" / given, target), "ms")
    if bench.has("dvc"):
        def dvc(*arguments):
            return milliseconds("dvc", *arguments, cwd=target.parent)
        dvc("init", "--no-scm")
        bench.figure(f"workspace.{given}.dvc-add", dvc("add", given), "ms")
        shutil.rmtree(target)
        bench.figure(f"workspace.{given}.dvc-checkout", dvc("checkout"), "ms")
    shutil.rmtree(target.parent)


check_space()
with bench.Box() as box:
    source = box.root / "source"
    for given in GIVEN:
        {"files": make_files, "bytes": make_bytes}[given](source / given)
    box.workflows(WORKFLOWS + "".join(USES.format(source=source, given=given) for given in GIVEN))
    for given in GIVEN:
        box.dstack("run", given, "-t", "v1")
        subprocess.run(["sync", "-f", str(box.root)], check=True)
        bench.figure(f"workspace.{given}.first", start_of_job(box, f"use-{given}"), "ms")
        with_it, without = again(box, f"use-{given}")
        bench.figure(f"workspace.{given}.again", with_it, "ms")
        bench.figure(f"workspace.{given}.more", with_it - without, "ms")
        bench.figure(f"workspace.{given}.copy", start_of_job(box, f"copy-{given}"), "ms")
        measure_peers(box, given)
