"""cell.py ADDRESS CODE: runs CODE in a new notebook of the Jupyter server at ADDRESS, which holds the token, as its
own page does: over its API and the channels of a kernel. Prints what the cell prints."""

import json
import sys
import urllib.parse
import urllib.request
import uuid

import websocket

address, code = sys.argv[1:]
parts = urllib.parse.urlsplit(address)
token = urllib.parse.parse_qs(parts.query)["token"][0]
server = "%s://%s" % (parts.scheme, parts.netloc)


def ask(method, path, body=None):
    request = urllib.request.Request(server + path, method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Authorization": "token " + token, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read() or "null")


notebook = ask("POST", "/api/contents", {"type": "notebook"})
session = ask("POST", "/api/sessions", {"path": notebook["path"], "name": "", "type": "notebook",
                                        "kernel": {"name": "python3"}})
channels = websocket.create_connection(
    "ws://%s/api/kernels/%s/channels?token=%s" % (parts.netloc, session["kernel"]["id"], token), timeout=90)
message = uuid.uuid4().hex
channels.send(json.dumps({
    "header": {"msg_id": message, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
               "version": "5.3", "date": ""},
    "parent_header": {}, "metadata": {}, "channel": "shell",
    "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}}))
# The answer and the output come by different channels: the cell is over with the last word of both.
open_ends = {"execute_reply", "idle"}
while open_ends:
    reply = json.loads(channels.recv())
    if reply.get("parent_header", {}).get("msg_id") != message:
        continue
    if reply["msg_type"] == "stream":
        sys.stdout.write(reply["content"]["text"])
    elif reply["msg_type"] == "error":
        sys.exit("\n".join(reply["content"]["traceback"]))
    elif reply["msg_type"] == "execute_reply":
        open_ends.discard("execute_reply")
    elif reply["msg_type"] == "status":
        open_ends.discard(reply["content"]["execution_state"])
channels.close()
