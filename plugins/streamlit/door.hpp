// The door of an application that asks nobody for a password: a small proxy in the application's
// own process. It listens at the job's port, and the application on a socket in the job's private
// folder, which only the user can enter. Part of the provider; Python without apostrophes.
#pragma once

namespace door {

/// open_door(tls) listens at the port; `place` is where the application has to. One request is sent
/// on for each connection, so that nothing has to be known of bodies: after the head, bytes are
/// passed on in both directions, also those of WebSockets.
inline constexpr const char* code = R"py(
import asyncio, hmac, re, socket, ssl, urllib.parse
token = os.environ.pop("STREAMLIT_DOOR_TOKEN")
place = "/proc/self/fd/%d/socket_0" % os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
cookie = "dstack_%d" % port
names = ("127.0.0.1", "localhost", "[::1]", host)
most_head, most_waiting, patience = 65536, 256, 30
waiting = set()
class Refused(Exception):
    pass
def is_token(text):
    return hmac.compare_digest(text.encode("utf-8", "replace"), token.encode())
def sent_on(head, scheme):
    """The head for the application, or an answer instead of it."""
    lines = head[:-4].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if re.search("[\x00-\x08\x0a-\x1f\x7f]", "".join(lines)) or len(words) != 3:
        raise Refused("400 Bad Request", "This is not HTTP.")
    method, target, version = words
    if version not in ("HTTP/1.0", "HTTP/1.1") or not re.match("/(?![/\\\\])", target):
        raise Refused("400 Bad Request", "This is not a request for a page of this application.")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch("[!#$%&*+.^_`|~0-9A-Za-z-]+", name):
            raise Refused("400 Bad Request", "This is not HTTP.")
        fields.append((name.lower(), value.strip(" \t")))
    def all_of(name):
        return [value for field, value in fields if field == name]
    hosts, origins = all_of("host"), all_of("origin")
    framing = all_of("content-length") + all_of("transfer-encoding")
    if len(hosts) != 1 or len(origins) > 1 or len(framing) > 1:
        raise Refused("400 Bad Request", "A header is missing, or is there twice.")
    if re.sub(":[0-9]*$", "", hosts[0].lower()) not in names:
        raise Refused("403 Forbidden", "The application is not served under this name.")
    if origins and origins[0].lower() != scheme + "://" + hosts[0].lower():
        raise Refused("403 Forbidden", "The request comes from the page of somebody else.")
    path, mark, query = target.partition("?")
    parts = query.split("&") if mark else []
    tokens = [part for part in parts
              if part.startswith("token=") and is_token(urllib.parse.unquote(part[6:]))]
    pairs = [pair.strip() for field in all_of("cookie") for pair in field.split(";")]
    own = [pair for pair in pairs if pair.startswith(cookie + "=")]
    if not tokens and not any(is_token(pair[len(cookie) + 1:]) for pair in own):
        raise Refused("403 Forbidden", "Open the address that dstack app prints: it has the token.")
    rest = "&".join(part for part in parts if part not in tokens)
    target = path + ("?" + rest if rest else "")
    if tokens and method == "GET" and "text/html" in " ".join(all_of("accept")):
        raise Refused("303 See Other", "", "Location: %s\r\nSet-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Lax%s\r\n"
                      % (target, cookie, token, "; Secure" if scheme == "https" else ""))
    is_upgrade = "upgrade" in [word.strip().lower() for field in all_of("connection") for word in field.split(",")]
    left_out = {"connection", "keep-alive", "proxy-connection", "cookie"} | (set() if is_upgrade else {"upgrade"})
    fields = [field for field in fields if field[0] not in left_out]
    fields.append(("connection", "Upgrade" if is_upgrade else "close"))
    others = "; ".join(pair for pair in pairs if pair and pair not in own)
    if others:
        fields.append(("cookie", others))
    lines = ["%s %s HTTP/1.1" % (method, target)] + ["%s: %s" % field for field in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
async def pass_on(source, sink):
    try:
        while True:
            some = await source.read(65536)
            if not some:
                break
            sink.write(some)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
        else:
            sink.close()
    except OSError:
        pass
async def answer(reader, writer, inner, scheme):
    waiting.add(writer)
    try:
        if len(waiting) > most_waiting:
            return
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience)
        to_send = sent_on(head, scheme)
        try:
            theirs, ours = await asyncio.open_unix_connection(
                place, ssl=inner, server_hostname="localhost" if inner else None)
        except OSError:
            raise Refused("502 Bad Gateway", "The application does not listen yet.")
    except Refused as refused:
        status, text, more = (refused.args + ("",))[:3]
        writer.write(("HTTP/1.1 %s\r\n%sContent-Type: text/plain\r\nCache-Control: no-store\r\n"
                      "Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, more, len(text), text)).encode())
        return
    finally:
        waiting.discard(writer)
    try:
        ours.write(to_send)
        there = asyncio.ensure_future(pass_on(reader, ours))
        await pass_on(theirs, writer)
        there.cancel()
    finally:
        ours.close()
async def meet(reader, writer, inner, scheme):
    try:
        await answer(reader, writer, inner, scheme)
        await writer.drain()
    except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
        pass
    finally:
        writer.close()
async def stand(listener, outer, inner):
    scheme = "https" if outer else "http"
    server = await asyncio.start_server(
        lambda reader, writer: meet(reader, writer, inner, scheme), sock=listener, limit=most_head, ssl=outer)
    async with server:
        await server.serve_forever()
def open_door(tls):
    outer = inner = None
    if tls:
        outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        outer.load_cert_chain(*tls)
        inner = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        inner.check_hostname = False
        inner.verify_mode = ssl.CERT_NONE
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    threading.Thread(target=lambda: asyncio.run(stand(listener, outer, inner)), daemon=True).start()
def listen_inside(*ignored):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(128)
    listener.setblocking(False)
    return listener
)py";

}  // namespace door
