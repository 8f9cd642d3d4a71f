"""Providers: the discovery of 100 of them, none of which is loaded, and what it takes to load one."""

import subprocess

import bench

MANIFEST = b'"name": "bash"'

with bench.Box() as box:
    listing = bench.quiet(bench.DSTACK, "providers", "list", "--json", env=box.environment)
    plugins = box.home / "plugins"
    plugins.mkdir(parents=True)
    library = (bench.pathlib.Path(bench.DSTACK).parents[1] / "lib/dstack/plugins/bash.so").read_bytes()
    assert library.count(MANIFEST) == 1
    without = bench.median(listing, runs=41)
    for number in range(100):
        (plugins / f"provider-{number:03}.so").write_bytes(library.replace(MANIFEST, b'"name": "x%03d"' % number))
    listed = subprocess.run([bench.DSTACK, "providers", "list"], env=box.environment, capture_output=True, text=True)
    assert listed.stdout.count(" ok ") >= 100, listed.stdout
    with_all = bench.median(listing, runs=41)
    bench.figure("providers.list.built_in", without * 1e3, "ms")
    bench.figure("providers.list.100_more", with_all * 1e3, "ms")
    bench.figure("providers.discovery_of_100", (with_all - without) * 1e3, "ms")

    # Both read the manifest of one library; the second starts a child that loads it and plans its two examples.
    shown = bench.quiet(bench.DSTACK, "providers", "show", "bash", env=box.environment)
    checked = bench.quiet(bench.DSTACK, "providers", "check", "bash", env=box.environment)
    show, check = bench.pair(shown, checked, runs=41)
    bench.figure("providers.load_and_handshake", (check - show) / 3 * 1e3, "ms")
