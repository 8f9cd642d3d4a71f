"""The start of the program: `--version`, and `ps` with 100,000 runs in the database; `ps -a` of all of these, as a table
and as JSON: until the first line, until the last, and its memory, beside `git log` of as many commits."""

import sqlite3
import subprocess

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

    for name, arguments in (("table", []), ("json", ["--json"])):
        first, all_of_it, memory = bench.medians_streamed(
            bench.DSTACK, "ps", "-a", *arguments, cwd=box.project, env=box.environment)
        bench.figure(f"ps.all.{name}.first_line", first * 1e3, "ms")
        bench.figure(f"ps.all.{name}", all_of_it * 1e3, "ms")
        bench.figure(f"ps.all.{name}.memory", memory / 1e6, "MB")
    if bench.has("git"):
        history = "".join(
            f"commit refs/heads/main\ncommitter A <a@example.com> {1700000000 + i} +0000\ndata 12\nquiet-otter\n\n"
            for i in range(100000))
        subprocess.run(["git", "init", "-q", "-b", "main", box.root / "history"], check=True)
        subprocess.run(["git", "fast-import", "--quiet"], input=history.encode(), cwd=box.root / "history", check=True)
        first, all_of_it, memory = bench.medians_streamed(
            "git", "log", "--format=%h  %s  %ci", "main", cwd=box.root / "history")
        bench.figure("ps.all.git_log.first_line", first * 1e3, "ms")
        bench.figure("ps.all.git_log", all_of_it * 1e3, "ms")
        bench.figure("ps.all.git_log.memory", memory / 1e6, "MB")
