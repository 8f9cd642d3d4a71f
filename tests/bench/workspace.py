"""Start of a job by what it is given: with little, with 20,000 files (100,000 with --large) and with 1 GB (10 GB).

"first" lays out what the job is given, "again" is every later job; "copy" is the same with `workspace: copy`. Beside
them `cp -r` of the same files.
"""

import json
import shutil
import statistics
import sys

import bench

LARGE = "--large" in sys.argv
FILES = 100_000 if LARGE else 20_000
BYTES = 10_000_000_000 if LARGE else 1_000_000_000
CHUNK = b"0123456789abcde\n" * 65536

WORKFLOWS = """workflows:
  - name: files
    provider: bash
    artifacts: [files]
    commands: ["cp -r {source}/files ."]
  - name: bytes
    provider: bash
    artifacts: [bytes]
    commands: ["cp -r {source}/bytes ."]
"""
USES = """  - {{name: use-{given}, provider: bash, depends-on: ["{given}:v1"], commands: ["true"]}}
  - {{name: copy-{given}, provider: bash, workspace: copy, depends-on: ["{given}:v1"], commands: ["true"]}}
"""


def start_of_job(box, workflow):
    """Milliseconds from the record of the run to the start of its job's program."""
    box.dstack("run", workflow)
    job = json.loads(box.dstack("show", "--json"))["jobs"][0]
    times = {entry["status"]: bench.time_of(entry["at"]) for entry in job["history"]}
    return (times["running"] - times["submitted"]) * 1e3


with bench.Box() as box:
    source = box.root / "source"
    for index in range(FILES):
        folder = source / "files" / str(index // 1000)
        if index % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / str(index)).write_text(f"{index}\n")
    (source / "bytes").mkdir()
    with open(source / "bytes/one", "wb") as file:
        for index in range(BYTES // len(CHUNK)):
            file.write(CHUNK)
    box.workflows(WORKFLOWS.format(source=source) + USES.format(given="files") + USES.format(given="bytes") +
                  '  - {name: nothing, provider: bash, commands: ["true"]}\n')
    for given in ("files", "bytes"):
        box.dstack("run", given, "-t", "v1")

    def again(workflow):
        return statistics.median(start_of_job(box, workflow) for _ in range(7))

    bench.figure("workspace.nothing", again("nothing"), "ms")
    for given in ("files", "bytes"):
        bench.figure(f"workspace.{given}.first", start_of_job(box, f"use-{given}"), "ms")
        bench.figure(f"workspace.{given}.again", again(f"use-{given}"), "ms")
        bench.figure(f"workspace.{given}.copy", start_of_job(box, f"copy-{given}"), "ms")
        target = box.root / "target"
        bench.figure(f"workspace.{given}.cp", bench.seconds(lambda: shutil.copytree(source / given, target)) * 1e3, "ms")
        shutil.rmtree(target)
