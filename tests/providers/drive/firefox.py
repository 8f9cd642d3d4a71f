"""A headless Firefox, driven by its own remote protocol (Marionette): Debian has no driver for it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time


class Marionette:
    """Messages are JSON with their length before them: "LENGTH:[0, NUMBER, COMMAND, PARAMETERS]"."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.number = 0
        self.receive()
        self.ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})

    def receive(self):
        length = b""
        while not length.endswith(b":"):
            length += self.read(1)
        return json.loads(self.read(int(length[:-1])))

    def read(self, size):
        data = b""
        while len(data) < size:
            some = self.socket.recv(size - len(data))
            if not some:
                sys.exit("Firefox ended")
            data += some
        return data

    def ask(self, command, parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self.receive()
        if error:
            sys.exit("%s: %s" % (command, error))
        return result


def port_in(profile, process):
    for _ in range(1200):
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(profile, "MarionetteActivePort")) as file:
                return int(file.read())
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("Firefox does not listen")


@contextlib.contextmanager
def firefox():
    """Gives a function that opens an address and returns the text of its page."""
    profile = tempfile.mkdtemp(prefix="dstack-test-firefox-")
    with open(os.path.join(profile, "user.js"), "w") as file:
        file.write('user_pref("marionette.port", 0);\nuser_pref("app.update.enabled", false);\n')
    process = subprocess.Popen(
        ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile],
        env=dict(os.environ, HOME=profile), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        marionette = Marionette(port_in(profile, process))

        def visit(address):
            marionette.ask("WebDriver:Navigate", {"url": address})
            return marionette.ask("WebDriver:ExecuteScript",
                                  {"script": "return document.body.innerText", "args": []})["value"]

        yield visit
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)
