"""A job that prints 1 GB of 80-byte lines, captured whole while it is followed, and while nobody looks; beside the same
programs into nothing, through a pipe into nothing (which nothing that reads a pipe can beat) and through one into a file;
with secrets to mask; the delay of `logs -f`."""

import contextlib
import secrets
import statistics
import subprocess
import time

import bench

LINES = 12_500_000
PRINT = f"yes {'x' * 79} | head -n {LINES}"

SIZE = LINES * 80
WORKFLOWS = f"""workflows:
  - name: flood
    provider: bash
    commands: ["{PRINT}"]
  - name: clock
    provider: bash
    commands: ["for i in $(seq 50); do date +%s%N; sleep 0.02; done"]
"""


def capture(box, followed=True):
    """Seconds from a job's start until its log is whole."""
    name = box.dstack("run", "-d", "flood").strip()
    log = box.home / "runs" / name / "0" / "log"
    begin = time.perf_counter()
    if followed:
        box.dstack("logs", "-f", "-n", "0", name, stdout=subprocess.DEVNULL)
    while not (log.parent / "exit.json").exists():
        time.sleep(0.002)
    seconds = time.perf_counter() - begin
    assert log.stat().st_size == SIZE, log.stat().st_size
    box.dstack("rm", "-y", name)
    return seconds


with bench.Box() as box:
    box.workflows(WORKFLOWS)
    # In turn, so that all see the same weather: a project without secrets, and others with some.
    with contextlib.ExitStack() as stack:
        boxes = {0: box}
        for count in (1, 50, 1000):
            boxes[count] = stack.enter_context(bench.Box())
            boxes[count].workflows(WORKFLOWS)
            for i in range(count):
                boxes[count].dstack("secrets", "add", f"TOKEN_{i}", input=secrets.token_urlsafe(30).encode())
        peers = {"to_nothing": f"{PRINT} > /dev/null",
                 "cat_to_nothing": f"{PRINT} | cat > /dev/null",
                 "cat_to_file": f"{PRINT} | cat > {box.root}/plain"}
        times = {name: [] for name in [*boxes, *peers, "alone"]}
        for _ in range(5):
            for count, with_secrets in boxes.items():
                times[count].append(capture(with_secrets))
            times["alone"].append(capture(box, followed=False))
            for name, command in peers.items():
                times[name].append(bench.seconds(bench.quiet("bash", "-c", command)))
    medians = {name: statistics.median(of_one) for name, of_one in times.items()}
    ours, *masked = (medians[count] for count in boxes)
    bench.figure("logs.capture", SIZE / ours / 1e6, "MB/s")
    bench.figure("logs.capture.alone", SIZE / medians["alone"] / 1e6, "MB/s")
    for name in peers:
        bench.figure(f"logs.capture.{name}", SIZE / medians[name] / 1e6, "MB/s")
    bench.figure("logs.capture.ratio", ours / medians["cat_to_file"], "x")
    bench.figure("logs.capture.alone.ratio", medians["alone"] / medians["cat_to_file"], "x")
    for count, seconds in zip((1, 50, 1000), masked):
        bench.figure(f"logs.capture.masking_{count}", SIZE / seconds / 1e6, "MB/s")
        bench.figure(f"logs.capture.masking_{count}.cost", (seconds / ours - 1) * 100, "%")

    delays = []
    follower = subprocess.Popen([bench.DSTACK, "run", "clock"], cwd=box.project, env=box.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    for line in follower.stdout:
        delays.append((time.time_ns() - int(line)) / 1e6)
    follower.wait()
    bench.figure("logs.follow_delay", statistics.median(delays), "ms")
    bench.figure("logs.follow_delay.most", max(delays), "ms")
