"""An HTTP server for tests of downloads and webhooks. Prints its port; with two arguments (certificate and key) it
speaks https. What it was asked for, it tells at /requests, one JSON object a line."""
import email.utils
import hashlib
import http.server
import json
import re
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

requests = []
tries = {}
lock = threading.Lock()


def content(size):
    """The same bytes for the same size, and no two blocks alike."""
    block = bytearray()
    for number in range(0, size, 32):
        block += hashlib.sha256(str(number).encode()).digest()
    return bytes(block[:size])


SMALL = content(100_000)
CHANGED = content(100_001)[1:]
HUGE = 200 * 1024 * 1024
MEGABYTE = content(1024 * 1024)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def plain(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def first_byte(self):
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found.group(1)) if found else None

    def send(self, body, validator=(), ranges=True, stop_after=None, announce=True):
        """Serves `body`, from where it is asked for if the validator still holds; breaks off after so many bytes."""
        start = self.first_byte() if ranges else None
        if start is not None and self.headers.get("If-Range") not in [value for _, value in validator]:
            start = None
        if start is not None and start >= len(body):
            return self.plain(416, headers=[("Content-Range", f"bytes */{len(body)}")])
        self.send_response(200 if start is None else 206)
        for name, value in validator:
            self.send_header(name, value)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start or 0:]
        if announce:
            self.send_header("Content-Length", str(len(rest)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if stop_after is None:
            self.wfile.write(rest)
        else:
            self.wfile.write(rest[:stop_after])
            self.wfile.flush()
            self.close_connection = True

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/requests":
            with lock:
                text = "".join(json.dumps(entry) + "\n" for entry in requests)
            return self.plain(200, text.encode())
        with lock:
            requests.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}})
            tries[url.path] = tries.get(url.path, 0) + 1
            number = tries[url.path]
        getattr(self, "get_" + url.path.strip("/").split("/")[0].replace("-", "_"), self.get_nothing)(url, number)

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with lock:
            requests.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
            tries[url.path] = tries.get(url.path, 0) + 1
            number = tries[url.path]
        getattr(self, "post_" + url.path.strip("/").split("/")[0].replace("-", "_"), self.get_nothing)(url, number)

    def post_well(self, url, number):
        self.plain(200, b"thank you")

    def post_well_at_third(self, url, number):
        self.plain(200 if number >= 3 else 500, b"something broke\nhere")

    def post_status(self, url, number):
        self.plain(int(url.path.split("/")[2]), b"words of the server")

    def post_busy(self, url, number):
        self.plain(200 if number > 1 else 503, headers=[("Retry-After", "1")])

    def post_echo(self, url, number):
        self.plain(400, (self.path + " with " + self.headers["Authorization"]).encode())

    def post_silent(self, url, number):
        """Nothing, until the client goes away."""
        self.rfile.read(1)
        self.close_connection = True

    def post_silent_at_first(self, url, number):
        self.post_silent(url, number) if number == 1 else self.plain(204)

    def get_nothing(self, url, number):
        self.plain(404, b"<html>a page that nobody wants</html>")

    def get_small(self, url, number):
        self.send(SMALL, [("ETag", '"s"')])

    def get_machine_learning_databases(self, url, number):
        kinds = ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
        lines = [f"{5 + i / 10},3.5,1.4,0.2,{kind}" for kind in kinds for i in range(50)]
        self.send("\n".join(lines + [""]).encode())

    def get_empty(self, url, number):
        self.plain(200)

    def get_unannounced(self, url, number):
        self.send(SMALL, announce=False)

    def get_status(self, url, number):
        self.plain(int(url.path.split("/")[2]), b"words of the server")

    def get_redirect(self, url, number):
        self.plain(302, b"look elsewhere", [("Location", urllib.parse.unquote(url.query))])

    def get_ring(self, url, number):
        self.plain(302, headers=[("Location", "/ring")])

    def get_breaks(self, url, number):
        """Every answer breaks off after 30,000 bytes."""
        self.send(SMALL, [("ETag", '"b"')], stop_after=30_000)

    def get_breaks_with_date(self, url, number):
        self.send(SMALL, [("Last-Modified", "Tue, 01 Jul 2025 10:00:00 GMT")], stop_after=60_000)

    def get_breaks_without_range(self, url, number):
        self.send(SMALL, [("ETag", '"n"')], ranges=False, stop_after=60_000 if number == 1 else None)

    def get_breaks_without_name(self, url, number):
        self.send(SMALL, stop_after=60_000 if number == 1 else None)

    def get_never_whole(self, url, number):
        self.send(SMALL, ranges=False, stop_after=10)

    def get_changes(self, url, number):
        if number == 1:
            self.send(SMALL, [("ETag", '"old"')], stop_after=60_000)
        else:
            self.send(CHANGED, [("ETag", '"new"')])

    def get_changes_without_a_word(self, url, number):
        """Goes on with another file, although the client said which one it has."""
        start = self.first_byte()
        if start is None:
            body, tag = (SMALL, '"old"') if number == 1 else (CHANGED, '"new"')
            return self.send(body, [("ETag", tag)], stop_after=60_000 if number == 1 else None)
        self.plain(206, CHANGED[start:], [("ETag", '"new"'), ("Content-Range", f"bytes {start}-99999/100000")])

    def get_busy(self, url, number):
        if number < 3:
            self.plain(503, b"not now", [("Retry-After", "1")])
        else:
            self.send(SMALL)

    def get_pieces(self, url, number):
        """Breaks off once, and then never sends more than 20,000 bytes of what it is asked for; the fourth request
        gets another kind of trouble."""
        start = self.first_byte()
        if start is None:
            return self.send(SMALL, [("ETag", '"p"')], stop_after=30_000)
        if number == 4:
            return self.plain(503, b"a moment please")
        end = min(start + 20_000, len(SMALL))
        self.plain(206, SMALL[start:end], [("ETag", '"p"'),
                                           ("Content-Range", f"bytes {start}-{end - 1}/{len(SMALL)}")])

    def get_pieces_unasked(self, url, number):
        """Every answer is a piece, also the first one."""
        start = self.first_byte() or 0
        end = min(start + 40_000, len(SMALL))
        self.plain(206, SMALL[start:end], [("ETag", '"p"'),
                                           ("Content-Range", f"bytes {start}-{end - 1}/{len(SMALL)}")])

    def get_no_more_pieces(self, url, number):
        """A beginning, and then pieces without a byte."""
        start = self.first_byte()
        if start is None:
            return self.send(SMALL, [("ETag", '"p"')], stop_after=30_000)
        self.plain(206, b"", [("ETag", '"p"'), ("Content-Range", f"bytes {start}-{start}/{len(SMALL)}")])

    def get_unknown_end(self, url, number):
        """Does not say how long it is, and breaks off at its end."""
        start = self.first_byte()
        if start is not None:
            return self.plain(416, headers=[("Content-Range", f"bytes */{len(SMALL)}")])
        self.send_response(200)
        self.send_header("ETag", '"u"')
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n" % len(SMALL) + SMALL + b"\r\n")
        self.close_connection = True

    def get_unwell(self, url, number):
        """The status of the path, once."""
        if number == 1:
            self.plain(int(url.path.split("/")[2]), b"not yet")
        else:
            self.send(SMALL)

    def get_wait(self, url, number):
        """Asks to wait that long; `date` is in two seconds."""
        wait = url.path.split("/")[2]
        if wait == "date":
            wait = email.utils.formatdate(time.time() + 2, usegmt=True)
        if number == 1:
            self.plain(429, b"one at a time", [("Retry-After", wait)])
        else:
            self.send(SMALL)

    def get_repeats(self, url, number):
        """An error that repeats what it was sent."""
        words = f"no access to {self.path} with {self.headers.get('Authorization')} by {self.headers.get('X-Key')}"
        self.plain(403, words.encode())

    def get_words(self, url, number):
        """An error whose body has that many bytes, and control characters before them."""
        self.plain(400, b"\x1b[31m\x07 oh\r\n\t no \xff" + b"w" * int(url.path.split("/")[2]))

    def get_half_an_error(self, url, number):
        """An error whose body never ends."""
        self.send_response(404)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"gone since May")
        self.wfile.flush()
        self.rfile.read(1)
        self.close_connection = True

    def get_typed(self, url, number):
        """A small text of the type of the query."""
        self.plain(200, b"<!DOCTYPE html><title>Sign in</title>", [("Content-Type", urllib.parse.unquote(url.query))])

    def get_slow(self, url, number):
        """A beginning, and then nothing until the client goes away."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(SMALL)
        self.wfile.flush()
        self.rfile.read(1)
        self.close_connection = True

    def get_steady(self, url, number):
        """20 pieces of 50,000 bytes, 10 a second."""
        body = content(1_000_000)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for start in range(0, len(body), 50_000):
            self.wfile.write(body[start:start + 50_000])
            self.wfile.flush()
            threading.Event().wait(0.1)

    def get_huge(self, url, number):
        self.send_response(200)
        self.send_header("Content-Length", str(HUGE))
        self.end_headers()
        for _ in range(HUGE // len(MEGABYTE)):
            self.wfile.write(MEGABYTE)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) == 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
