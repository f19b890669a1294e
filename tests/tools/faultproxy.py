#!/usr/bin/env python3
"""A registry's bad day: an HTTP proxy in front of one, which cuts, delays, truncates, corrupts,
answers errors, asks for tokens, and counts. For tests only.

  faultproxy.py --upstream HOST:PORT [--listen HOST:PORT] [--port-file FILE] [--log FILE]
                [--rule RULE]... [--token USER:PASSWORD [--token-life SECONDS] [--public-pull]]
                [--cert FILE --key FILE]

--port-file gets the port (and a line end) once the proxy listens; without --listen it is a free one.

A RULE is: METHOD PATH-REGEX ACTION[=VALUE] ... [times=N] [skip=N]
METHOD may be '*'. The first rule that fits, and has been used less than N times (always, without
times; after the first N fitting requests, with skip), acts on the request. Actions:
  status=429          answers this; retry-after=VALUE adds that header
  cut=N               passes N bytes of the answer's body on, then resets the connection
  cut-request=N       takes N bytes of the request's body (the upstream gets them), then resets
  truncate=N          passes N bytes on as if that were all (a well-formed, short answer)
  corrupt=N           turns over one bit of the answer's byte N
  delay=S             waits S seconds before the answer
  stall=N,S           passes N bytes on, waits S seconds, then goes on
  rate=B              passes at most B bytes a second on
  no-range            does not tell the upstream about Range (it answers 200 with all)
  redirect=PREFIX     answers 307 to PREFIX and the path
  drop-header=NAME    leaves a header of the answer out
  digest=VALUE        answers with this Docker-Content-Digest
  hang-up             closes without an answer

At run time (all local, no authorisation):
  POST /_fault/rules  replaces the rules by the body's lines, and forgets their counts
  GET  /_fault/stats  {"requests": N, "to_client": BYTES, "from_client": BYTES, "by": {"GET blobs": N},
                       "together": the most requests at one moment}
  POST /_fault/reset  counters and log to zero
It is a forward proxy as well (http_proxy, https_proxy): CONNECT and http://HOST/ both lead to the
upstream, whatever the host.
With --token every other request needs a bearer token of GET or POST /_token (docker's token
specification and its OAuth2 form; the refresh token is "identity-USER"); --public-pull gives
anonymous tokens for pulling.
"""

import argparse
import base64
import http.client
import http.server
import json
import os
import re
import select
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

PIECE = 64 * 1024
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


class Rule:
    def __init__(self, text):
        words = text.split()
        if len(words) < 3:
            raise ValueError(f"a rule is METHOD PATH ACTION...: {text!r}")
        self.method, self.path, self.actions = words[0], re.compile(words[1]), {}
        for word in words[2:]:
            name, _, value = word.partition("=")
            self.actions[name] = value
        self.left = int(self.actions.pop("times", "-1"))
        self.skip = int(self.actions.pop("skip", "0"))

    def fits(self, method, path):
        return self.method in ("*", method) and self.path.search(path)


class State:
    def __init__(self, options):
        self.lock = threading.Lock()
        self.options = options
        self.rules = [Rule(r) for r in options.rule]
        self.tokens = {}
        self.serial = 0
        self.active = 0  # requests that are not counted yet
        self.reset()

    def reset(self):
        self.requests = self.to_client = self.from_client = 0
        self.by = {}
        self.together = 0
        if self.options.log:
            open(self.options.log, "w", encoding="utf-8").close()

    def choose(self, method, path):
        with self.lock:
            for rule in self.rules:
                if not rule.left or not rule.fits(method, path):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.left > 0:
                    rule.left -= 1
                return rule.actions
        return {}

    def count(self, method, path, got, sent):
        kind = next((k for k in ("uploads", "blobs", "manifests", "tags", "_token", "referrers")
                     if f"/{k}" in path), "other")
        with self.lock:
            self.requests += 1
            self.from_client += got
            self.to_client += sent
            self.by[f"{method} {kind}"] = self.by.get(f"{method} {kind}", 0) + 1

    def settle(self):
        """A client is done before we have counted: wait for that, but not for the stuck."""
        for _ in range(100):
            with self.lock:
                if not self.active:
                    return
            time.sleep(0.01)

    def log(self, line):
        if self.options.log:
            with self.lock, open(self.options.log, "a", encoding="utf-8") as f:
                f.write(line + "\n")

    def new_token(self, user, scopes, life):
        with self.lock:
            self.serial += 1
            token = f"token-{os.getpid()}-{self.serial}"
            self.tokens[token] = (user, scopes, time.monotonic() + life)
        return token


class Cut(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *_):
        pass

    @property
    def state(self):
        return self.server.state

    # ---- the client's side ----

    def body_pieces(self):
        """The request's body, however it is framed; at most PIECE at a time."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                while size:
                    piece = self.rfile.read(min(size, PIECE))
                    if not piece:
                        raise Cut
                    size -= len(piece)
                    yield piece
                    if size == 0:
                        break
                else:
                    while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                        pass
                    return
                self.rfile.readline()
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read(min(left, PIECE))
            if not piece:
                raise Cut
            left -= len(piece)
            yield piece

    def drain(self):
        for piece in self.body_pieces():
            self.got += len(piece)

    def answer(self, status, body=b"", headers=()):
        self.status = status
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.sent += len(body)

    def answer_json(self, status, value, headers=()):
        self.answer(status, json.dumps(value).encode(),
                    [("Content-Type", "application/json"), *headers])

    def reset_connection(self):
        """RST, not FIN: the client sees a cut line."""
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            pass

    # ---- tokens ----

    def token_request(self):
        form = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        options = self.state.options
        good_user, _, good_password = options.token.partition(":")
        user = None
        if self.command == "POST":
            form = urllib.parse.parse_qs(b"".join(self.body_pieces()).decode())
            grant = form.get("grant_type", [""])[0]
            if grant == "refresh_token":
                user = form.get("refresh_token", [""])[0].removeprefix("identity-")
                ok = user == good_user
            else:
                user = form.get("username", [""])[0]
                ok = (user, form.get("password", [""])[0]) == (good_user, good_password)
        else:
            given = self.headers.get("Authorization", "")
            ok = options.public_pull
            if given.startswith("Basic "):
                user, _, password = base64.b64decode(given[6:]).decode().partition(":")
                ok = (user, password) == (good_user, good_password)
        if not ok:
            return self.answer_json(401, {"details": "incorrect username or password"})
        scopes = " ".join(form.get("scope", []))
        value = {"token": self.state.new_token(user, scopes, options.token_life),
                 "expires_in": options.token_says or options.token_life}
        if form.get("offline_token") or form.get("access_type"):
            value["refresh_token"] = f"identity-{user}"
        return self.answer_json(200, value)

    def needed_scope(self):
        m = re.match(r"/v2/(.+?)/(?:manifests|blobs|tags|referrers)/", self.path)
        if not m:
            return "registry:catalog:*" if "_catalog" in self.path else ""
        action = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(self.command, "pull,push")
        if "/blobs/uploads/" in self.path:
            action = "pull,push"
        return f"repository:{m[1]}:{action}"

    def allowed(self):
        """True, or the challenge has been answered."""
        need = self.needed_scope()
        given = self.headers.get("Authorization", "")
        error = ""
        if given.startswith("Bearer "):
            user, scopes, until = self.state.tokens.get(given[7:], (None, "", 0))
            if until > time.monotonic():
                if self.covers(scopes, need, user):
                    return True
                error = ',error="insufficient_scope"'
            else:
                error = ',error="invalid_token"'
        self.drain()
        where = f"{'https' if self.server.tls else 'http'}://{self.headers['Host']}/_token"
        challenge = f'Bearer realm="{where}",service="faultproxy"'
        if need:
            challenge += f',scope="{need}"'
        self.answer_json(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication "
                         "required"}]}, [("WWW-Authenticate", challenge + error)])
        return False

    @staticmethod
    def covers(scopes, need, user):
        if not need:
            return True
        name, _, actions = need.rpartition(":")
        for scope in scopes.split():
            have, _, list_ = scope.rpartition(":")
            if have == name and set(actions.split(",")) <= set(list_.split(",")):
                return user is not None or actions == "pull"
        return False

    # ---- the upstream's side ----

    def forward(self, actions):
        up = http.client.HTTPConnection(self.state.options.upstream, timeout=120)
        try:
            up.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                low = name.lower()
                if low in HOP - {"transfer-encoding"}:
                    continue
                if low == "range" and "no-range" in actions:
                    continue
                if low == "authorization" and self.state.options.token:
                    continue
                up.putheader(name, value)
            up.endheaders()
            self.forward_body(up, actions)
            self.pass_on(up.getresponse(), actions)
        finally:
            up.close()

    def forward_body(self, up, actions):
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        cut = int(actions["cut-request"]) if "cut-request" in actions else None
        for piece in self.body_pieces():
            if cut is not None and self.got + len(piece) >= cut:
                piece = piece[:cut - self.got]
            self.got += len(piece)
            if piece:
                up.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if cut is not None and self.got >= cut:
                raise Cut
        if cut is not None:
            raise Cut
        if chunked:
            up.send(b"0\r\n\r\n")

    def pass_on(self, rs, actions):
        truncate = int(actions["truncate"]) if "truncate" in actions else None
        length = rs.getheader("Content-Length")
        self.status = rs.status
        self.send_response_only(rs.status)
        for name, value in rs.getheaders():
            low = name.lower()
            if low in HOP or low == actions.get("drop-header", "").lower():
                continue
            if low == "content-length" and truncate is not None:
                value = str(min(truncate, int(value)))
            if low == "docker-content-digest" and "digest" in actions:
                value = actions["digest"]
            self.send_header(name, value)
        bodyless = self.command == "HEAD" or rs.status in (204, 304)
        if length is None and not bodyless:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not bodyless:
            self.pass_body(rs, actions, truncate)

    def pass_body(self, rs, actions, truncate):
        cut = int(actions["cut"]) if "cut" in actions else None
        corrupt = int(actions["corrupt"]) if "corrupt" in actions else None
        rate = float(actions.get("rate", 0))
        stall, _, pause = actions.get("stall", "").partition(",")
        stall = int(stall) if stall else None
        end = truncate if truncate is not None else cut
        done = 0
        while True:
            want = PIECE if not rate else max(1, min(PIECE, int(rate / 20)))
            if end is not None:
                want = min(want, end - done)
            if stall is not None and done < stall:
                want = min(want, stall - done)
            piece = rs.read(want) if want else b""
            if not piece:
                break
            if corrupt is not None and done <= corrupt < done + len(piece):
                piece = bytearray(piece)
                piece[corrupt - done] ^= 1
            self.wfile.write(piece)
            done += len(piece)
            self.sent += len(piece)
            if rate:
                time.sleep(len(piece) / rate)
            if done == stall:
                time.sleep(float(pause))
        if cut is not None and done >= cut:
            time.sleep(0.05)  # what was sent arrives before the reset does
            raise Cut

    def tunnel(self):
        host, _, port = self.state.options.upstream.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=120) as up:
            self.status = 200
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.close_connection = True
            ends = {self.connection: up, up: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    piece = end.recv(PIECE)
                    if not piece:
                        return
                    ends[end].sendall(piece)
                    if end is up:
                        self.sent += len(piece)
                    else:
                        self.got += len(piece)

    # ---- one request ----

    def control(self):
        self.state.settle()
        if self.path == "/_fault/rules" and self.command == "POST":
            text = b"".join(self.body_pieces()).decode()
            try:
                rules = [Rule(line) for line in text.splitlines() if line.strip()]
            except (ValueError, re.error) as e:
                return self.answer(400, f"{e}\n".encode())
            with self.state.lock:
                self.state.rules = rules
            return self.answer(204)
        self.drain()
        if self.path == "/_fault/reset":
            with self.state.lock:
                self.state.reset()
            return self.answer(204)
        if self.path == "/_fault/stats":
            with self.state.lock:
                s = self.state
                value = {"requests": s.requests, "to_client": s.to_client,
                         "from_client": s.from_client, "by": s.by,
                         "together": s.together}
            return self.answer_json(200, value)
        return self.answer(404)

    def act(self, actions):
        if "delay" in actions:
            time.sleep(float(actions["delay"]))
        if "hang-up" in actions:
            raise Cut
        if "status" in actions:
            self.drain()
            more = [("Retry-After", actions["retry-after"].replace("_", " "))] \
                if "retry-after" in actions else []
            status = int(actions["status"])
            if status == 401:
                more.append(("WWW-Authenticate", 'Basic realm="faultproxy"'))
            return self.answer_json(status, {"errors": [{"code": "FAULT", "message":
                                    f"faultproxy answers {status}"}]}, more)
        if "redirect" in actions:
            self.drain()
            return self.answer(307, b"", [("Location", actions["redirect"] + self.path)])
        if self.command == "CONNECT":
            return self.tunnel()
        return self.forward(actions)

    def serve(self):
        self.path = re.sub(r"^http://[^/]*", "", self.path)  # asked as a forward proxy
        self.got = self.sent = self.status = 0
        if self.path.startswith("/_fault/"):
            return self.control()
        with self.state.lock:
            self.state.active += 1
            self.state.together = max(self.state.together, self.state.active)
        try:
            self.serve_counted()
        finally:
            with self.state.lock:
                self.state.active -= 1

    def serve_counted(self):
        actions = {}
        note = ""
        try:
            if self.path.split("?")[0] == "/_token" and self.state.options.token:
                actions = self.state.choose(self.command, self.path)
                self.act(actions) if "status" in actions else self.token_request()
            elif not self.state.options.token or self.allowed():
                actions = self.state.choose(self.command, self.path)
                self.act(actions)
        except (Cut, OSError, http.client.HTTPException, ValueError) as e:
            note = "cut" if isinstance(e, Cut) else f"failed: {e!r}"
            self.reset_connection()
        self.state.count(self.command, self.path, self.got, self.sent)
        self.state.log(f"{self.command} {self.path} range={self.headers.get('Range', '-')} "
                       f"auth={self.headers.get('Authorization', '-').split(' ')[0]} "
                       f"status={self.status} in={self.got} out={self.sent} "
                       f"{' '.join(f'{k}={v}' for k, v in actions.items())} {note}".rstrip())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # clients that hang up are part of the game


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--upstream", required=True)
    p.add_argument("--listen", default="127.0.0.1:0")
    p.add_argument("--port-file")
    p.add_argument("--log")
    p.add_argument("--rule", action="append", default=[])
    p.add_argument("--token")
    p.add_argument("--token-life", type=float, default=300)
    p.add_argument("--token-says", type=float, help="expires_in, when it shall not be the truth")
    p.add_argument("--public-pull", action="store_true")
    p.add_argument("--cert")
    p.add_argument("--key")
    options = p.parse_args()
    host, _, port = options.listen.rpartition(":")
    server = Server((host, int(port)), Handler)
    server.state = State(options)
    server.tls = bool(options.cert)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="utf-8") as f:
            f.write(f"{server.server_address[1]}\n")
        os.rename(options.port_file + ".new", options.port_file)
    else:
        print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
