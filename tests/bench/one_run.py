"""One tracked run, from enter to prompt, with code snapshot, workspace, log, database and artifact; and its syncs."""

import re
import subprocess

import bench

SYNCS = re.compile(r"^\S*\s*(fsync|fdatasync|syncfs)\(")

with bench.Box() as box:
    box.workflows("workflows:\n"
                  '  - {name: empty, provider: bash, commands: ["true"]}\n'
                  '  - {name: w, provider: bash, commands: ["echo hello", "mkdir out", "echo 1 > out/x"], artifacts: [out]}\n')
    (box.project / "code.py").write_text("print(1)\n")
    for command in (["git", "init", "-q"], ["git", "add", "-A"],
                    ["git", "-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "x"]):
        subprocess.run(command, cwd=box.project, check=True)

    run = bench.quiet(bench.DSTACK, "run", "w", cwd=box.project, env=box.environment)
    bench.figure("one_run.artifact_in_git", bench.median(run, runs=21) * 1e3, "ms")
    empty = bench.quiet(bench.DSTACK, "run", "empty", cwd=box.project, env=box.environment)
    peer = bench.quiet("bash", "-c", "true")
    ours, theirs = bench.pair(empty, peer, runs=21)
    bench.figure("one_run.empty", ours * 1e3, "ms")
    bench.figure("one_run.empty.bash_alone", theirs * 1e3, "ms")

    # A job with an environment of its own that is there already, against its program in that environment.
    (box.project / "requirements.txt").write_text("six\n")
    (box.project / "use.py").write_text("import six\n")
    box.workflows("workflows:\n"
                  "  - {name: warm, provider: python, file: use.py, requirements: requirements.txt}\n"
                  '  - {name: empty, provider: bash, commands: ["true"]}\n')
    warm = [bench.DSTACK, "run", "warm"]
    if subprocess.run(warm, cwd=box.project, env=box.environment, capture_output=True).returncode == 0:
        (python,) = box.home.glob("environments/*/bin/python")
        ours, theirs = bench.pair(bench.quiet(*warm, cwd=box.project, env=box.environment),
                                  bench.quiet(str(python), "use.py", cwd=box.project), runs=21)
        bench.figure("one_run.warm_python", ours * 1e3, "ms")
        bench.figure("one_run.warm_python.alone", theirs * 1e3, "ms")
        bench.figure("one_run.warm_python.above", (ours - theirs) * 1e3, "ms")
    else:
        print("one_run.warm_python: no index of packages can be reached here", flush=True)

    if bench.has("strace"):
        trace = box.root / "trace"
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,syncfs", "-o", str(trace),
                        bench.DSTACK, "run", "empty"], cwd=box.project, env=box.environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        count = sum(1 for line in trace.read_text().splitlines() if SYNCS.match(line))
        bench.figure("one_run.empty.syncs", count, "calls")
