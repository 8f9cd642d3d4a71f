"""What a sweep costs: a job of one of 1,000 combinations beside one of 1,000 workflows, in turn; planning and printing
10,000 combinations; and a job that gathers the artifacts of 1,000. `--rounds N`: how often."""

import json
import statistics
import sys

import bench

EMPTY = 'provider: bash, commands: ["true"]'


def sweep(count):
    with bench.Box() as box:
        box.workflows(f"workflows:\n  - {{name: w, {EMPTY}, matrix: {{n: 1..{count}}}}}\n")
        return bench.seconds(lambda: box.dstack("run", "-q", "-y", "-j", "2", "w")) / count * 1e3


def workflows(count):
    with bench.Box() as box:
        names = [f"w{i}" for i in range(count)]
        lines = "\n".join(f"  - {{name: {name}, {EMPTY}}}" for name in names)
        box.workflows(f"workflows:\n{lines}\n  - {{name: all, {EMPTY}, depends-on: [{', '.join(names)}]}}\n")
        return bench.seconds(lambda: box.dstack("run", "-q", "-j", "2", "all")) / count * 1e3


def plan():
    with bench.Box() as box:
        box.workflows(f"workflows:\n  - {{name: w, {EMPTY}, matrix: {{a: 1..100, b: 1..100}}}}\n")
        return bench.median(lambda: box.dstack("run", "w", "--dry-run"), 5, 1)


def gather(count):
    """From the last end of the combinations to the end of the job that gathers them."""
    with bench.Box() as box:
        box.workflows("workflows:\n"
                      f"  - {{name: w, provider: bash, matrix: {{n: 1..{count}}}, artifacts: [m],\n"
                      "     commands: [\"mkdir m; echo $N > m/x\"]}\n"
                      "  - {name: all, provider: bash, depends-on: [w], commands: [\"ls m | wc -l\"]}\n")
        box.dstack("run", "-q", "-y", "-j", "2", "all")
        run = json.loads(box.dstack("ps", "--json"))
        return bench.time_of(run[1]["finished_at"]) - bench.time_of(run[0]["finished_at"])


rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 3
swept, plain = [], []
for _ in range(rounds):  # in turn, so that both see the same weather
    swept.append(sweep(1000))
    plain.append(workflows(1000))
bench.figure("sweeps.1000", statistics.median(swept), "ms/job")
bench.figure("sweeps.1000.workflows", statistics.median(plain), "ms/job")
bench.figure("sweeps.1000.ratio", statistics.median(a / b for a, b in zip(swept, plain)), "x")
bench.figure("sweeps.plan_10000", plan(), "s")
bench.figure("sweeps.gather_1000", gather(1000), "s")
