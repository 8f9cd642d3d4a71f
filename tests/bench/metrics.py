"""What reported metrics cost: a job that appends 1,000,000 points to $DSTACK_METRICS beside one that appends them to a file that
nobody reads; the bytes of a point; and 'dstack metrics' of that run beside one of a run with a single point."""

import json
import os

import bench

POINTS = 1_000_000
WRITE = ("awk 'BEGIN{for(i=0;i<" + str(POINTS) + ";i++)printf \"{\\\"step\\\":%d,\\\"loss\\\":%.17g}\\n\",i,1/(i+3.1)}'")

with bench.Box() as box:
    box.workflows("workflows:\n"
                  f"  - name: read\n    provider: bash\n    commands:\n      - |\n        {WRITE} >> $DSTACK_METRICS\n"
                  f"  - name: unread\n    provider: bash\n    commands:\n      - |\n        {WRITE} > points\n"
                  "  - name: one\n    provider: bash\n    commands:\n      - |\n"
                  "        echo '{\"loss\": 1}' >> $DSTACK_METRICS\n")
    unread = bench.seconds(lambda: box.dstack("run", "-q", "unread"))
    read = bench.seconds(lambda: box.dstack("run", "-q", "read"))
    bench.figure("metrics.job_1e6.unread", unread, "s")
    bench.figure("metrics.job_1e6", read, "s")
    run = json.loads(box.dstack("ps", "--json", "-a"))[0]["run"]
    size = os.path.getsize(box.home / "runs" / run / "0" / "metrics")
    bench.figure("metrics.point", size / POINTS, "bytes")
    curve = bench.median(lambda: box.dstack("metrics", run), 5, 1)
    box.dstack("run", "-q", "one")
    single = bench.median(lambda: box.dstack("metrics"), 5, 1)
    bench.figure("metrics.read_1e6", (curve - single) * 1e3, "ms")
