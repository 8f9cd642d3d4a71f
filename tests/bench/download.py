"""A file of 2 GB over the loopback: the provider curl beside the command of that name. The rate is that of the transfer
alone, as each says it itself; the server is a process that sends from memory, so that neither waits for a disk of it."""

import multiprocessing
import re
import socket
import statistics
import subprocess

import bench

SIZE = 2_000_000_000
PIECE = bytes(range(256)) * 4096


def serve(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode())
            left = SIZE
            try:
                while left > 0:
                    left -= connection.send(PIECE[:left])
            except OSError:
                pass


def rate_of_ours(box, url, *options):
    """Bytes a second, as the provider's last line tells."""
    out = box.dstack("run", "curl", url, "-o", "file", *options)
    last = re.search(r"100%  \S+ \S+ in \S+, (\S+) (.)B/s", out)
    return float(last.group(1)) * {"M": 1e6, "G": 1e9}[last.group(2)]


def rate_of_curl(folder, url):
    measured = subprocess.run(["curl", "-s", "-o", "file", "-w", "%{speed_download}", url], cwd=folder, check=True,
                          stdout=subprocess.PIPE)
    return float(measured.stdout)


if not bench.has("curl"):
    raise SystemExit("there is no command curl to measure beside")
listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}/file"
server = multiprocessing.Process(target=serve, args=(listener,), daemon=True)
server.start()
ours, theirs = [], []
for _ in range(5):
    with bench.Box() as box:
        ours.append(rate_of_ours(box, url))
        theirs.append(rate_of_curl(box.root, url))
bench.figure("download.rate", statistics.median(ours) / 1e6, "MB/s")
bench.figure("download.rate.curl", statistics.median(theirs) / 1e6, "MB/s")
bench.figure("download.ratio", statistics.median(ours) / statistics.median(theirs), "x")
with bench.Box() as box:
    digest = "0" * 64
    done = subprocess.run([bench.DSTACK, "run", "curl", url, "-o", "file", "--sha256", digest], cwd=box.project,
                          env=box.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    digest = re.search(r"has the SHA-256 ([0-9a-f]{64})", done.stderr).group(1)
    bench.figure("download.rate.with_sha256", rate_of_ours(box, url, "--sha256", digest) / 1e6, "MB/s")
server.terminate()
