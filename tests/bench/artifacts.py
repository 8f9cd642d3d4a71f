"""How long a job takes from its end until its artifacts are saved: 2 GB in one file, 50,000 files of 1 KB; the same
again unchanged, as an input that is saved once more ("again") and by a job in the project itself ("again.project").
Beside them the hash alone, and restic, 'dvc add' and 'cp -r' where they are installed, with the same files in the same
minutes. With --secrets also with some for which the artifacts are scanned.

The bytes are random, and new in each run. TMPDIR says on which file system; one that is old and full distorts.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys

import bench

COUNTS = (0, 1, 50, 1000) if "--secrets" in sys.argv else (0,)
RUNS = 3
SIZES = {"bytes": (2e9, "B"), "files": (50_000, "files")}
WORKFLOWS = """workflows:
  - name: bytes
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; head -c 2000000000 /dev/urandom > out/file"]
  - name: files
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; head -c 51200000 /dev/urandom | split -b 1K -a 6 - out/"]
"""
AGAIN = """  - {{name: again-{what}, provider: bash, depends-on: ["{what}:kept"], artifacts: [out], commands: ["true"]}}
  - {{name: project-{what}, provider: bash, workspace: project, artifacts: [{what}], commands: ["true"]}}
"""


def saving(box, workflow, *options):
    """Seconds in which the job was `uploading`; and the run."""
    box.dstack("run", workflow, *options)
    run = json.loads(box.dstack("show", "--json"))
    began = {step["status"]: step["at"] for step in run["jobs"][0]["history"]}
    return bench.time_of(began["done"]) - bench.time_of(began["uploading"]), run["run"]


def save(box, workflow):
    took, run = saving(box, workflow)
    box.dstack("rm", "-y", run)
    return took


def make(folder, what):
    """As the jobs do."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if what == "bytes":
        with open(folder / "file", "wb") as file:
            for _ in range(2000):
                file.write(os.urandom(1_000_000))
    else:
        for index in range(50_000):
            (folder / f"{index:06}").write_bytes(os.urandom(1024))


def hash_alone(folder):
    """Of one file, with OpenSSL as the program."""
    buffer = bytearray(1 << 20)
    hasher = hashlib.sha256()
    with open(folder / "file", "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(memoryview(buffer)[:count])


class Peer:
    """One that stores a folder: prepared once, then called on each new content and once more."""

    def __init__(self, name, prepare, store, environment=None):
        self.name, self.store = name, store
        self.environment = dict(os.environ, **(environment or {}))
        self.call(prepare)
        self.first, self.again = [], []

    def call(self, command):
        subprocess.run(command, check=True, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       cwd=self.environment.get("AT"))

    def measure(self):
        self.first.append(bench.seconds(lambda: self.call(self.store)))
        self.again.append(bench.seconds(lambda: self.call(self.store)))


def peers(root, data):
    found = []
    dvc = os.environ.get("DVC") or shutil.which("dvc")
    if bench.has("restic"):
        environment = {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(root / "restic"), "HOME": str(root)}
        found.append(Peer("restic", ["restic", "init"], ["restic", "backup", str(data)], environment))
    if dvc:
        data.mkdir(parents=True, exist_ok=True)
        environment = {"AT": str(data.parent), "HOME": str(root), "DVC_NO_ANALYTICS": "1"}
        found.append(Peer("dvc_add", [dvc, "init", "--no-scm", "-q", "-f"], [dvc, "add", "-q", data.name], environment))
    target = root / "copy"
    found.append(Peer("cp", ["true"], ["sh", "-c", f"rm -rf {target}; cp -r {data} {target}"]))
    return found


def compare(box, what):
    size, unit = SIZES[what]
    data = box.root / "peers" / what / "data"
    others = peers(data.parent, data)
    first, hashed = [], []
    for _ in range(RUNS):
        first.append(save(box, what))
        make(data, what)
        if what == "bytes":
            hashed.append(bench.seconds(lambda: hash_alone(data)))
        for peer in others:
            peer.measure()
    saving(box, what, "-t", "kept")
    again = [save(box, f"again-{what}") for _ in range(RUNS)]
    make(box.project / what, what)
    save(box, f"project-{what}")
    in_project = [save(box, f"project-{what}") for _ in range(RUNS)]

    ours = statistics.median(first)
    bench.figure(f"artifacts.{what}", ours, "s")
    bench.figure(f"artifacts.{what}.rate", size / ours / (1e6 if unit == "B" else 1), "MB/s" if unit == "B" else "files/s")
    if hashed:
        bench.figure(f"artifacts.{what}.hash_alone", size / statistics.median(hashed) / 1e6, "MB/s")
        bench.figure(f"artifacts.{what}.of_hash", statistics.median(hashed) / ours, "ratio")
    bench.figure(f"artifacts.{what}.again", statistics.median(again), "s")
    bench.figure(f"artifacts.{what}.again.project", statistics.median(in_project), "s")
    for peer in others:
        bench.figure(f"{peer.name}.{what}", statistics.median(peer.first), "s")
        bench.figure(f"{peer.name}.{what}.again", statistics.median(peer.again), "s")
        bench.figure(f"artifacts.{what}.to.{peer.name}", ours / statistics.median(peer.first), "ratio")


with contextlib.ExitStack() as stack:
    boxes = {}
    for count in COUNTS:
        boxes[count] = stack.enter_context(bench.Box())
        boxes[count].workflows(WORKFLOWS + AGAIN.format(what="bytes") + AGAIN.format(what="files"))
        (boxes[count].project / ".dstackignore").write_text("bytes\nfiles\n")
        for i in range(count):
            boxes[count].dstack("secrets", "add", f"TOKEN_{i}", input=secrets.token_urlsafe(30).encode())
    for what in SIZES:
        compare(boxes[0], what)
        if len(COUNTS) == 1:
            continue
        times = {count: [] for count in COUNTS}
        for _ in range(RUNS):
            for count, box in boxes.items():
                times[count].append(save(box, what))
        for count in COUNTS[1:]:
            search = statistics.median(times[count]) - statistics.median(times[0])
            bench.figure(f"artifacts.{what}.secrets_{count}.search", search, "s")
