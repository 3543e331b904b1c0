"""A hub on loopback: answers what huggingface_hub asks for one repository and its files."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves ``files`` (name to content) of ``someone/tiny`` at ``COMMIT``; any other repository asks for an account.

    Attributes:
        asked: method and path of every request.
        lied: names of files whose hash is said wrong.
        silent: answers wait until it is set.
    """

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some of these tests are about."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.asked: list[str] = []
        self.lied: set[str] = set()
        self.silent = threading.Event()
        self.silent.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running(files: dict[str, bytes]) -> Iterator[Hub]:
    hub = Hub(files)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.silent.set()
        hub.shutdown()
        hub.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def do_GET(self) -> None:
        self._serve(body=True)

    def _serve(self, *, body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.silent.wait(60)
        if self.path.startswith("/api/models/someone/tiny"):
            self._answer(json.dumps(self._listing()).encode(), body=body)
            return
        if self.path.startswith(("/someone/gated/", "/api/models/someone/gated")):
            self._refuse(401, "GatedRepo")
            return
        found = re.fullmatch(rf"/someone/tiny/resolve/{COMMIT}/(.+)", self.path)
        content = self.server.files.get(found[1]) if found else None
        if content is None:
            self._refuse(404, "EntryNotFound" if found else "RepoNotFound")
            return
        self._answer(content, body=body)

    def _listing(self) -> dict[str, Any]:
        """What the hub says about the repository: weights by SHA-256, other files by git's id."""
        files = []
        for name, content in self.server.files.items():
            told = content + b"?" if name in self.server.lied else content
            blob = hashlib.sha1(f"blob {len(told)}\0".encode() + told).hexdigest()
            large = {"sha256": hashlib.sha256(told).hexdigest(), "size": len(content), "pointerSize": 130}
            lfs = {"lfs": large} if name.endswith((".safetensors", ".bin")) else {}
            files.append({"rfilename": name, "size": len(content), "blobId": blob, **lfs})
        return {"id": "someone/tiny", "sha": COMMIT, "siblings": files}

    def _answer(self, content: bytes, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()
