"""The plan of a file of 10,000 workflows with 30,000 dependencies, beside `ninja -n` of the same graph."""

import random

import bench

COUNT = 10000

random.seed(7)
inputs = [sorted(random.sample(range(i), min(i, 3))) for i in range(COUNT)]
roots = {producer for producers in inputs for producer in producers}
last = [i for i in range(COUNT) if i not in roots]

with bench.Box() as box:
    lines = []
    for i, producers in enumerate(inputs):
        lines.append(f"  - name: w{i}\n    provider: bash\n    commands: [\"true\"]")
        if producers:
            lines.append("    depends-on: [" + ", ".join(f"w{p}" for p in producers) + "]")
    lines.append('  - name: all\n    provider: bash\n    commands: ["true"]\n    depends-on: ['
                 + ", ".join(f"w{i}" for i in last) + "]")
    box.workflows("workflows:\n" + "\n".join(lines) + "\n")
    ours = bench.quiet(bench.DSTACK, "run", "all", "--dry-run", cwd=box.project, env=box.environment)

    rules = ["rule r\n  command = true"]
    rules += [f"build w{i}: r " + " ".join(f"w{p}" for p in producers) for i, producers in enumerate(inputs)]
    (box.root / "build.ninja").write_text("\n".join(rules) + "\n")
    if bench.has("ninja"):
        mine, theirs = bench.pair(ours, bench.quiet("ninja", "-n", cwd=box.root), runs=5, warm_up=1)
        bench.figure("plan.10000.ninja", theirs * 1e3, "ms")
        bench.figure("plan.10000.ratio_ninja", mine / theirs, "x")
    else:
        mine = bench.median(ours, runs=5, warm_up=1)
    bench.figure("plan.10000", mine * 1e3, "ms")
    bench.figure("plan.10000.validate", bench.median(
        bench.quiet(bench.DSTACK, "validate", cwd=box.project, env=box.environment), runs=5, warm_up=1) * 1e3, "ms")
