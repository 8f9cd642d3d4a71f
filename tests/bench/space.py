#!/usr/bin/env python3
"""Removing from a large store: `gc`, and `rm` of one run.

    python3 tests/bench/space.py [--objects 1000000] [--runs 1000] [--folder DIR] [DSTACK]

Makes a home in DIR, by default below the temporary folder, whose runs have saved as many files as `--objects` says, each
of its own content; every tenth belongs to no run. The objects and rows are written here, as dstack would write them,
because a million captures would take an hour. Prints `name value unit` lines.
"""

import argparse
import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

import bench

FILES_OF_TREE = 1000


def put(folder, ending, data):
    name = hashlib.sha256(data).hexdigest()
    path = f"{folder}/{name[:2]}/{name[2:]}{ending}"
    with open(path, "wb") as file:
        file.write(data)
    return name


def save_folder(home, number, files):
    """A folder of files; the digests of its tree and of its times."""
    tree = [b"dstack-tree 1\n"]
    for i in range(files):
        content = f"{number} {i}\n".encode()
        blob = put(f"{home}/objects", "", content)
        tree.append(f"f {blob} {len(content)} {i:06}\0".encode())
    times = f"dstack-times 1\n" + f"{number}\n" * files
    return put(f"{home}/trees", "", b"".join(tree)), put(f"{home}/trees", ".t", times.encode())


def add_run(database, columns, number, tree, times, files):
    name = f"bench-run-{number}"
    chosen = ", ".join({"name": f"'{name}'"}.get(column, column) for column in columns)
    database.execute(f"insert into run ({', '.join(columns)}) select {chosen} from run order by id limit 1")
    run = database.execute("select id from run where name = ?", (name,)).fetchone()[0]
    for table in ("workflow", "job", "plan"):
        rest = [row[1] for row in database.execute(f"pragma table_info({table})") if row[1] != "run"]
        database.execute(
            f"insert into {table} (run, {', '.join(rest)}) select ?, {', '.join(rest)} from {table} "
            "where run = (select min(id) from run)", (run,))
    database.execute("insert into artifact (run, workflow, path, tree, times, files, bytes, partial) "
                     "values (?, 'bash', 'out', ?, ?, ?, ?, 0)", (run, tree, times, files, files * 8))
    return name


def make_home(dstack, home, project, objects, runs):
    environment = dict(os.environ, DSTACK_HOME=home)
    subprocess.run([dstack, "run", "-q", "bash", "-c", "true"], cwd=project, env=environment, check=True)
    for kind in ("objects", "trees"):
        for i in range(256):
            os.makedirs(f"{home}/{kind}/{i:02x}", exist_ok=True)
    database = sqlite3.connect(f"{home}/database.sqlite")
    columns = [row[1] for row in database.execute("pragma table_info(run)") if row[1] != "id"]
    folders = max(1, objects // FILES_OF_TREE)
    names = []
    for number in range(folders):
        tree, times = save_folder(home, number, FILES_OF_TREE)
        if number % 10 != 0:
            names.append(add_run(database, columns, number, tree, times, FILES_OF_TREE))
        if len(names) > runs:
            break
    database.commit()
    database.close()
    return environment, names


def timed(dstack, arguments, project, environment):
    begin = time.monotonic()
    subprocess.run([dstack, *arguments], cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return (time.monotonic() - begin) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("dstack", nargs="?", default=bench.DSTACK)
    options = parser.parse_args()
    dstack = os.path.abspath(options.dstack)
    folder = tempfile.mkdtemp(prefix="dstack-space-", dir=options.folder)
    try:
        project = f"{folder}/project"
        os.makedirs(project)
        home = f"{folder}/home"
        environment, names = make_home(dstack, home, project, options.objects, options.runs)
        measure = lambda *arguments: timed(dstack, arguments, project, environment)
        print(f"first_look {measure('gc', '--dry-run'):.0f} ms   # without the index of trees", flush=True)
        print(f"gc_dry_run {measure('gc', '--dry-run'):.0f} ms", flush=True)
        removed = sorted(measure("rm", "-y", name) for name in names[:5])
        print(f"rm_{FILES_OF_TREE}_files {removed[2]:.1f} ms", flush=True)
        print(f"gc_tenth {measure('gc'):.0f} ms", flush=True)
        small = []
        for _ in range(7):
            subprocess.run([dstack, "run", "-q", "bash", "-c", "mkdir o; echo $RANDOM > o/x", "-a", "o"], cwd=project,
                           env=environment, check=True)
            listed = subprocess.run([dstack, "ps", "-a", "-n", "1", "--json"], cwd=project, env=environment, check=True,
                                    capture_output=True, text=True).stdout
            small.append(measure("rm", "-y", listed.split('"run": "')[1].split('"')[0]))
        print(f"rm_one_run {sorted(small)[3]:.1f} ms")
        print(f"gc_nothing {measure('gc'):.0f} ms")
        print(f"du {measure('du'):.0f} ms")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
