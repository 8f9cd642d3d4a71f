"""How long a job takes from its end until its artifacts are saved: 1 GB in one file, 20,000 files of 1 KB; without
secrets, and with some for which the artifacts are scanned. The bytes are random, and new in each run."""

import contextlib
import json
import secrets
import statistics

import bench

COUNTS = (0, 1, 50, 1000)
WORKFLOWS = """workflows:
  - name: large
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; head -c 1000000000 /dev/urandom > out/file"]
  - name: many
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; head -c 20M /dev/urandom | split -b 1K -a 6 - out/"]
"""


def save(box, workflow):
    """Seconds in which the job was `uploading`."""
    box.dstack("run", workflow)
    run = json.loads(box.dstack("show", "--json"))
    began = {step["status"]: step["at"] for step in run["jobs"][0]["history"]}
    box.dstack("rm", "-y", run["run"])
    return bench.time_of(began["done"]) - bench.time_of(began["uploading"])


with contextlib.ExitStack() as stack:
    boxes = {}
    for count in COUNTS:
        boxes[count] = stack.enter_context(bench.Box())
        boxes[count].workflows(WORKFLOWS)
        for i in range(count):
            boxes[count].dstack("secrets", "add", f"TOKEN_{i}", input=secrets.token_urlsafe(30).encode())
    for workflow, size, unit in (("large", 1000, "MB/s"), ("many", 20480, "files/s")):
        times = {count: [] for count in COUNTS}
        for _ in range(3):
            for count, box in boxes.items():
                times[count].append(save(box, workflow))
        without = statistics.median(times[0])
        bench.figure(f"artifacts.{workflow}", size / without, unit)
        for count in COUNTS[1:]:
            took = statistics.median(times[count])
            bench.figure(f"artifacts.{workflow}.secrets_{count}", size / took, unit)
            bench.figure(f"artifacts.{workflow}.secrets_{count}.search", took - without, "s")
