"""A server for the tests of the HTTP client. Prints where it listens: a port, or the path of a socket."""
import http.server
import os
import socketserver
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/bytes":
            self.answer(200, bytes(range(256)), **{"X-Kind": "all bytes"})
        elif self.path == "/moved":
            self.answer(302, b"elsewhere", Location="/bytes")
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 1000)
            except OSError:
                self.close_connection = True
        elif self.path == "/endless-head":
            self.send_response(200)
            self.flush_headers()
            try:
                while True:
                    self.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            except OSError:
                self.close_connection = True
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"ten bytes.")
            self.close_connection = True
        elif self.path.startswith("/silent"):
            threading.Event().wait()
        else:
            self.answer(404, b"nothing here")

    def do_POST(self):
        self.answer(201, self.rfile.read(int(self.headers["Content-Length"])), **{"X-Got": self.headers.get("X-Sent", "")})

    def do_DELETE(self):
        self.answer(204)

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


class Threads(socketserver.ThreadingMixIn):
    daemon_threads = True


class Tcp(Threads, socketserver.TCPServer):
    pass


class Unix(Threads, socketserver.UnixStreamServer):
    pass


if len(sys.argv) > 1:
    server = Unix(sys.argv[1], Handler)
    print(sys.argv[1], flush=True)
else:
    server = Tcp(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
server.serve_forever()
