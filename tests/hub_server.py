"""A server that speaks as much of the Hugging Face hub's API as a download needs, and can fail in every way it may.

GET  /api/models/OWNER/NAME[/revision/REV]      commit, card, tags
GET  /api/models/OWNER/NAME/tree/COMMIT         files, some a page, with sizes, git ids and LFS hashes
HEAD, GET /OWNER/NAME/resolve/COMMIT/FILE       small files here; large ones are redirected to the CDN
GET  CDN/HASH                                   another port, so another origin; ranges
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = 50_000  # from this size on a file is in LFS
PAGE = 6


@dataclass
class Repository:
    """One commit of a model, and who may have it."""

    files: dict[str, bytes]
    card: dict[str, Any] = field(default_factory=lambda: {"license": "apache-2.0"})
    token: str | None = None
    gated: bool = False

    @property
    def commit(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()

    @classmethod
    def of(cls, folder: Path, **more: Any) -> Repository:
        return cls({file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}, **more)


@dataclass
class Fault:
    """What happens to the next `times` requests whose path holds `where`, from the `after`-th on.

    Attributes:
        status: answered instead, with `headers`.
        cut: the connection breaks after so many bytes of the body.
        garble: the body's bytes are others.
        whole: a range is not honoured, all of the file is sent.
        misplaced: a range begins one byte too late.
    """

    where: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    garble: bool = False
    whole: bool = False
    misplaced: bool = False
    method: str = "GET"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    cdn: bool


class Hub:
    """The running server.

    Attributes:
        repositories: by hub id; may be changed while it runs.
        faults: the first that fits a request is used up by it.
        requests: what was asked so far.
        sent: bytes of files that were sent.
        pace: called after each piece of 16 KB with the bytes sent so far; may sleep.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.sent = 0
        self.on_request: Callable[[Request], None] = lambda request: None
        self.pace: Callable[[int], None] = lambda sent: None
        self._lock = threading.Lock()
        self._servers = [_Server(self, cdn) for cdn in (False, True)]
        self.url, self.cdn_url = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def start(self) -> None:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def of_file(self, name: str) -> list[Request]:
        """The requests for a file's content, wherever it was asked for."""
        hashes = {
            hashlib.sha256(repository.files[name]).hexdigest()
            for repository in self.repositories.values()
            if name in repository.files
        }
        return [
            request
            for request in self.requests
            if request.method == "GET" and (request.path.endswith("/" + name) or request.path[5:] in hashes)
        ]

    def take_fault(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.where in request.path and fault.method == request.method:
                    fault.times -= 1
                    return fault
        return None

    def count(self, size: int) -> None:
        with self._lock:
            self.sent += size
            sent = self.sent
        self.pace(sent)


@contextmanager
def running() -> Iterator[Hub]:
    """A hub until the end of the block."""
    hub = Hub()
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: Hub, cdn: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        self.cdn = cdn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_CONNECT(self) -> None:
        self.server.hub.requests.append(Request("CONNECT", self.path, {}, self.server.cdn))
        self._send(502, {}, b"")

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def _answer(self) -> None:
        hub = self.server.hub
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, headers, self.server.cdn)
        hub.requests.append(request)
        hub.on_request(request)
        fault = hub.take_fault(request)
        if fault is not None and fault.status is not None:
            self._send(fault.status, fault.headers, b"")
        elif self.server.cdn:
            self._cdn(path, headers, fault)
        else:
            self._hub(path, headers, fault)

    def _hub(self, path: str, headers: dict[str, str], fault: Fault | None) -> None:
        parts = path.strip("/").split("/")
        hub_id = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        repository = self.server.hub.repositories.get(hub_id)
        if repository is None:
            self._send(401, {"X-Error-Message": "Invalid username or password."}, b"")
            return
        if repository.token is not None and headers.get("authorization") != f"Bearer {repository.token}":
            code = "GatedRepo" if repository.gated else "RepoNotFound"
            self._send(403 if repository.gated else 401, {"X-Error-Code": code}, b"")
            return
        revision = (parts[5:] if parts[0] == "api" else parts[3:])[:1]
        if revision and revision[0] not in ("main", repository.commit):
            self._send(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        elif parts[0] == "api" and parts[4:5] == ["tree"]:
            self._tree(hub_id, repository)
        elif parts[0] == "api":
            tags = [f"license:{repository.card['license']}"] if isinstance(repository.card.get("license"), str) else []
            about = {"id": hub_id, "modelId": hub_id, "sha": repository.commit, "cardData": repository.card}
            self._json(about | {"tags": tags, "private": False, "siblings": []})
        elif parts[4] not in repository.files:
            self._send(404, {"X-Error-Code": "EntryNotFound"}, b"")
        else:
            self._resolve(repository, parts[4], headers, fault)

    def _tree(self, hub_id: str, repository: Repository) -> None:
        query = urlsplit(self.path).query
        start = int(query.split("cursor=")[1].split("&")[0]) if "cursor=" in query else 0
        entries = [_entry(name, content) for name, content in sorted(repository.files.items())]
        entries.append({"type": "directory", "path": "onnx", "size": 0, "oid": "0" * 40})
        more = {}
        if start + PAGE < len(entries):
            url = f"{self.server.hub.url}/api/models/{hub_id}/tree/{repository.commit}?cursor={start + PAGE}"
            more = {"Link": f'<{url}>; rel="next"'}
        self._json(entries[start : start + PAGE], more)

    def _resolve(self, repository: Repository, name: str, headers: dict[str, str], fault: Fault | None) -> None:
        content = repository.files[name]
        entry = _entry(name, content)
        about = {"X-Repo-Commit": repository.commit}
        if "lfs" not in entry:
            self._body(content, headers, about | {"ETag": f'"{entry["oid"]}"'}, fault)
            return
        sha256 = entry["lfs"]["oid"]
        about |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        self._send(302, about | {"Location": f"{self.server.hub.cdn_url}/cdn/{sha256}"}, b"")

    def _cdn(self, path: str, headers: dict[str, str], fault: Fault | None) -> None:
        for repository in self.server.hub.repositories.values():
            for content in repository.files.values():
                if path == f"/cdn/{hashlib.sha256(content).hexdigest()}":
                    self._body(content, headers, {}, fault)
                    return
        self._send(404, {}, b"")

    def _body(self, content: bytes, asked: dict[str, str], headers: dict[str, str], fault: Fault | None) -> None:
        status, body = 200, content
        if "range" in asked and not (fault and fault.whole):
            start = int(asked["range"].removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
                return
            start += bool(fault and fault.misplaced)
            status, body = 206, content[start:]
            headers = headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        if fault and fault.garble:
            body = bytes(byte ^ 1 for byte in body)
        self._send(status, headers, body, cut=fault.cut if fault else None, is_file=True)

    def _json(self, content: Any, headers: dict[str, str] | None = None) -> None:
        self._send(200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(content).encode())

    def _send(
        self, status: int, headers: dict[str, str], body: bytes, *, cut: int | None = None, is_file: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        for start in range(0, len(body), 1 << 14):
            piece = body[start : start + (1 << 14)]
            if cut is not None and start + len(piece) > cut:
                piece = piece[: cut - start]
            self.wfile.write(piece)
            self.server.hub.count(len(piece) if is_file else 0)
            if cut is not None and start + len(piece) >= cut:
                self.wfile.flush()
                time.sleep(0.02)  # so that what was sent is received before the end
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return


def _entry(name: str, content: bytes) -> dict[str, Any]:
    large = len(content) >= LARGE
    sha256 = hashlib.sha256(content).hexdigest()
    # In LFS, git itself keeps a pointer, a small text.
    kept = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode()
    blob = kept if large else content
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content)}
    entry["oid"] = hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()
    if large:
        entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": len(kept)}
    return entry
