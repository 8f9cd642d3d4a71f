"""Edit one of 10,000 files of a project in Git, and run; beside Git taking a snapshot of the same edit."""

import itertools
import subprocess

import bench

FILES = 10_000

with bench.Box() as box:
    box.workflows('workflows:\n  - {name: empty, provider: bash, commands: ["true"]}\n')
    for number in range(FILES):
        file = box.project / f"src/part{number // 100}/file{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"value = {number}\n" * 20)
    for command in (["git", "init", "-q"], ["git", "add", "-A"],
                    ["git", "-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "x"]):
        subprocess.run(command, cwd=box.project, check=True)
    edits = itertools.count()

    def edit():
        number = next(edits)
        (box.project / f"src/part{number % 100}/file{number % 100 * 100}.py").write_text(f"value = {-number}\n")

    def run():
        edit()
        subprocess.run([bench.DSTACK, "run", "empty"], cwd=box.project, env=box.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stash():
        edit()
        subprocess.run(["git", "-c", "user.name=b", "-c", "user.email=b@b", "stash", "create"], cwd=box.project,
                       check=True, stdout=subprocess.DEVNULL)

    ours, theirs = bench.pair(run, stash, runs=21)
    bench.figure("edit_run.10000_files", ours * 1e3, "ms")
    bench.figure("edit_run.10000_files.git_stash_create", theirs * 1e3, "ms")
    bench.figure("edit_run.ratio", ours / theirs, "times")
