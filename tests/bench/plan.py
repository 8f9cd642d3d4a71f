"""The plan of a file of 10,000 workflows with 30,000 dependencies, beside `ninja -n` of the same graph: processor time,
too, which other processes of the machine change less. The same as seen by `validate` and by completion; and of a file with
one text over several lines, which yaml-cpp reads."""

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
    text = "workflows:\n" + "\n".join(lines) + "\n"
    box.workflows(text)
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
    bench.figure("plan.10000.processor", bench.processor(ours) * 1e3, "ms")
    if bench.has("ninja"):
        bench.figure("plan.10000.ninja.processor", bench.processor(bench.quiet("ninja", "-n", cwd=box.root)) * 1e3, "ms")
    for name, words in (("validate", ["validate"]), ("completion", ["__complete", "--", "run", "w99"])):
        call = bench.quiet(bench.DSTACK, *words, cwd=box.project, env=box.environment)
        bench.figure(f"plan.10000.{name}", bench.median(call, runs=5, warm_up=1) * 1e3, "ms")
        bench.figure(f"plan.10000.{name}.processor", bench.processor(call) * 1e3, "ms")
    box.workflows(text + "x-text: |\n  two\n  lines\n")
    bench.figure("plan.10000.by_yaml_cpp", bench.median(ours, runs=5, warm_up=1) * 1e3, "ms")
    bench.figure("plan.10000.by_yaml_cpp.processor", bench.processor(ours) * 1e3, "ms")
    box.workflows("workflows:\n" + "\n".join(lines[:6]) + "\n")
    for name, words in (("validate", ["validate"]), ("dry_run", ["run", "w2", "--dry-run"])):
        call = bench.quiet(bench.DSTACK, *words, cwd=box.project, env=box.environment)
        bench.figure(f"plan.3.{name}", bench.median(call, runs=21) * 1e3, "ms")
        bench.figure(f"plan.3.{name}.processor", bench.processor(call, runs=21) * 1e3, "ms")
