"""Two registries of container images on 127.0.0.1, for tests: python3 registry.py BUSYBOX. Prints their ports.

The first lets anybody pull, the second only user 'ada' with password 's3cret pass'. Both have tool:TAG, whatever the
tag, an image of busybox, and nothing else. Pulling is served by the registry protocol of Docker, version 2.
"""
import base64
import gzip
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_of(busybox):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        folder = tarfile.TarInfo("bin")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        with open(busybox, "rb") as program:
            data = program.read()
        file = tarfile.TarInfo("bin/busybox")
        file.size, file.mode = len(data), 0o755
        tar.addfile(file, io.BytesIO(data))
        for name in ("sh", "cat", "echo"):
            link = tarfile.TarInfo("bin/" + name)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return raw.getvalue()


def make_image(busybox):
    """The blobs by digest, and the manifest."""
    raw = layer_of(busybox)
    packed = gzip.compress(raw, mtime=0)
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["sh", "-c", "echo from the registry"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(raw)]},
        "history": [{"created": "2026-01-01T00:00:00Z"}],
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(packed), "digest": digest(packed)}],
    }).encode()
    return {digest(config): config, digest(packed): packed}, manifest


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    blobs, manifest = make_image(sys.argv[1])
    password = "Basic " + base64.b64encode(b"ada:s3cret pass").decode()

    def answer(self, status, body, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        headers = {"WWW_Authenticate": 'Basic realm="tests"'} if status == 401 else {}
        self.answer(status, body, **headers)

    def do_GET(self):
        path = self.path
        if self.server.private and self.headers.get("Authorization") != self.password:
            return self.refuse(401, "UNAUTHORIZED")
        if path == "/v2/":
            return self.answer(200, b"{}")
        last = path.rsplit("/", 1)[-1]
        if path.startswith("/v2/tool/manifests/"):
            return self.answer(200, self.manifest, MANIFEST, Docker_Content_Digest=digest(self.manifest))
        if path.startswith("/v2/tool/blobs/") and last in self.blobs:
            return self.answer(200, self.blobs[last], "application/octet-stream", Docker_Content_Digest=last)
        return self.refuse(404, "MANIFEST_UNKNOWN")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
for server in servers:
    server.private = server is servers[1]
print(*(server.server_address[1] for server in servers), flush=True)
threading.Thread(target=servers[0].serve_forever, daemon=True).start()
servers[1].serve_forever()
