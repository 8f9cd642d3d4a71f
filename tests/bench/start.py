"""The start of the program: `--version`, and `ps` with 100,000 runs in the database."""

import sqlite3

import bench

with bench.Box() as box:
    version = bench.quiet(bench.DSTACK, "--version", env=box.environment)
    peer = "ninja" if bench.has("ninja") else "make"
    ours, theirs = bench.pair(version, bench.quiet(peer, "--version"), runs=41)
    bench.figure("start.version", ours * 1e3, "ms")
    bench.figure(f"start.version.{peer}", theirs * 1e3, "ms")
    bench.figure("start.version.ratio", ours / theirs, "x")

    box.workflows('workflows:\n  - {name: w, provider: bash, commands: ["true"]}\n')
    box.dstack("run", "w")
    database = sqlite3.connect(box.home / "database.sqlite")
    # Copies of the one finished run, every column as it is but the keys: what a long-used home holds.
    for table, key in (("run", "id"), ("workflow", "run"), ("job", "run")):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        picked = ", ".join(
            "run_number" if column == key else "'bench-run-' || run_number" if column == "name" and table == "run" else column
            for column in columns)
        database.execute(
            f"WITH RECURSIVE numbers(run_number) AS (SELECT 2 UNION ALL SELECT run_number + 1 FROM numbers "
            f"WHERE run_number < 100000) INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {picked} FROM numbers, (SELECT * FROM {table} WHERE {key} = 1)")
    database.commit()
    database.close()
    bench.figure("ps.100000_runs", bench.median(
        bench.quiet(bench.DSTACK, "ps", cwd=box.project, env=box.environment), runs=21) * 1e3, "ms")
    bench.figure("ps.all_last_10", bench.median(
        bench.quiet(bench.DSTACK, "ps", "-n", "10", cwd=box.project, env=box.environment), runs=21) * 1e3, "ms")
