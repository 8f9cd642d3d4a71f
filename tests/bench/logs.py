"""A job that prints 1 GB of 80-byte lines, captured whole, beside the same into a file, and with secrets to mask; the
delay of `logs -f`."""

import secrets
import statistics
import subprocess
import time

import bench

LINES = 12_500_000
PRINT = f"yes {'x' * 79} | head -n {LINES}"

with bench.Box() as box:
    box.workflows(f"""workflows:
  - name: flood
    provider: bash
    commands: ["{PRINT}"]
  - name: clock
    provider: bash
    commands: ["for i in $(seq 50); do date +%s%N; sleep 0.02; done"]
""")
    size = LINES * 80

    def capture():
        name = box.dstack("run", "-d", "flood").strip()
        log = box.home / "runs" / name / "0" / "log"
        begin = time.perf_counter()
        box.dstack("logs", "-f", "-n", "0", name, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        assert log.stat().st_size == size, log.stat().st_size
        box.dstack("rm", "-y", name)
        return seconds

    ours = statistics.median(capture() for _ in range(3))
    plain = bench.seconds(bench.quiet("bash", "-c", f"{PRINT} | cat > {box.root}/plain"))
    bench.figure("logs.capture", size / ours / 1e6, "MB/s")
    bench.figure("logs.capture.cat_to_file", size / plain / 1e6, "MB/s")
    bench.figure("logs.capture.ratio", ours / plain, "x")
    for count in (1, 50):
        for i in range(count):
            subprocess.run([bench.DSTACK, "secrets", "add", "-f", f"TOKEN_{i}"], cwd=box.project, env=box.environment,
                           input=secrets.token_urlsafe(30).encode(), stderr=subprocess.DEVNULL, check=True)
        masked = statistics.median(capture() for _ in range(3))
        bench.figure(f"logs.capture.masking_{count}", size / masked / 1e6, "MB/s")
        bench.figure(f"logs.capture.masking_{count}.cost", (masked / ours - 1) * 100, "%")

    delays = []
    follower = subprocess.Popen([bench.DSTACK, "run", "clock"], cwd=box.project, env=box.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    for line in follower.stdout:
        delays.append((time.time_ns() - int(line)) / 1e6)
    follower.wait()
    bench.figure("logs.follow_delay", statistics.median(delays), "ms")
    bench.figure("logs.follow_delay.most", max(delays), "ms")
