"""An engine that writes without an end: argument 1 is the path of its socket. Prints a line when it listens."""
import http.server
import json
import socketserver
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def begin(self, status):
        self.send_response(status)
        self.end_headers()

    def write_for_ever(self, piece):
        try:
            while True:
                self.wfile.write(piece)
        except OSError:
            pass

    def do_GET(self):
        if self.path == "/version":
            self.begin(200)
            self.wfile.write(json.dumps({"Version": "1", "ApiVersion": "1.41", "MinAPIVersion": "1.24"}).encode())
        elif self.path.endswith("/info"):
            self.begin(200)
            self.write_for_ever(b'[["' + b"x" * 65536 + b'"]],')

    def do_POST(self):
        if "line" in self.path:
            self.begin(200)
            self.write_for_ever(b"x" * 65536)
        else:
            self.begin(500)
            for _ in range(10_000):
                self.wfile.write(b"refused " * 8192)

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


with Server(sys.argv[1], Handler) as server:
    print("ready", flush=True)
    server.serve_forever()
