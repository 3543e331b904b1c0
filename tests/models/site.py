"""A web server on loopback that misbehaves on demand, and helpers to describe models that come from it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from desktop.jobs.events import AnyEvent, Logged, Progressed
from desktop.jobs.progress import Cancelled, Progress
from desktop.models.catalog import Catalog, Commercial, Entry, Licence, ModelFile, UrlSource

CONTENT = bytes(range(256)) * 12_000  # 3 MB: more than sockets buffer
OTHER = CONTENT[::-1]
LICENCE = Licence("MIT", Commercial.YES, "https://example.org/licence")


def model_file(name: str = "model.bin", content: bytes = CONTENT) -> ModelFile:
    return ModelFile(name, hashlib.sha256(content).hexdigest(), len(content))


def entry(files: list[ModelFile], sources: list[Any], model: str = "tiny", **fields: Any) -> Entry:
    wanted = {"title": "Tiny", "task": "test", "description": "A test", "pack": "piano", "revision": "1", "licence": LICENCE}
    return Entry(id=model, files=files, sources=sources, **{**wanted, **fields})


def from_url(url: str, content: bytes = CONTENT, **fields: Any) -> Catalog:
    """A catalog of one model, "tiny", with one file at ``url``."""
    file = model_file(content=content)
    return Catalog([entry([file], [UrlSource({file.name: url})], **fields)])


class Recorder(Progress):
    """Keeps what it hears; cancels when ``stop`` says so."""

    def __init__(self, stop: Callable[[Recorder], bool] = lambda _: False) -> None:
        self.events: list[AnyEvent] = []
        self._stop = stop

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    def checkpoint(self) -> None:
        if self._stop(self):
            raise Cancelled

    @property
    def fractions(self) -> list[float]:
        return [event.fraction for event in self.events if isinstance(event, Progressed)]

    @property
    def logs(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Logged)]


class Site(ThreadingHTTPServer):
    """Serves ``content`` at any path; the path's name says how.

    Attributes:
        asked: (path, Range header, If-Range header) of every GET.
        cut: bytes after which "cut" paths drop the connection.
        pause: seconds between blocks of "slow" paths.
        release: set to let "hang" paths go on.
        script: what "scripted" paths do, one name after the other, then "good".
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.etag = '"one"'
        self.asked: list[tuple[str, str, str]] = []
        self.cut = 1_000_000
        self.pause = 0.02
        self.release = threading.Event()
        self.script: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def ranges(self) -> list[str]:
        return [asked[1] for asked in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what these tests are about."""


@contextmanager
def running() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.release.set()
        site.shutdown()
        site.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.strip("/").split("/")[0]
        self.server.asked.append((name, self.headers.get("Range", ""), self.headers.get("If-Range", "")))
        self.close_connection = True
        getattr(self, f"_{name.replace('-', '_')}")()

    def _scripted(self) -> None:
        step = self.server.script.pop(0) if self.server.script else "good"
        if step.startswith("tag"):
            self.server.etag = f'"{step}"'
            step = "good"
        getattr(self, f"_{step}")()

    def _shifted(self) -> None:
        """Resumes ten bytes later than asked, if asked to."""
        start = self._asked_start()
        self._send(start + 10 if start else 0, most=self.server.cut)

    def _blind(self) -> None:
        """Resumes other content without looking at If-Range."""
        self._send(self._asked_start(), OTHER[: len(self.server.content)], most=self.server.cut)

    def _unwilling(self) -> None:
        """Answers 416 to everything."""
        self._answer(416, 0)

    def _down(self) -> None:
        self._answer(503, 0)

    def _fresh(self) -> None:
        """Ignores Range and drops the connection."""
        self._send(0, most=self.server.cut)

    def _good(self) -> None:
        self._send(self._start())

    def _cut(self) -> None:
        """Drops the connection after ``cut`` bytes, each time."""
        self._send(self._start(), most=self.server.cut)

    def _silent_cut(self) -> None:
        """Drops it before the first byte of the body, each time."""
        self._send(self._start(), most=0)

    def _no_range(self) -> None:
        """Ignores Range; drops the first connection."""
        self._send(0, most=self.server.cut if len(self.server.asked) == 1 else None)

    def _changing(self) -> None:
        """Another version, with another tag, is there from the second request on."""
        if len(self.server.asked) == 1:
            self._send(0, OTHER, most=self.server.cut)
        else:
            self.server.etag = '"two"'
            self._send(self._start())

    def _careless(self) -> None:
        """As "changing", but resumes without looking at If-Range."""
        if len(self.server.asked) == 1:
            self._send(0, OTHER, most=self.server.cut)
        else:
            self.server.etag = '"two"'
            self._send(self._asked_start())

    def _untagged(self) -> None:
        """As "careless", and without tags."""
        self.server.etag = ""
        if len(self.server.asked) == 1:
            self._send(0, OTHER, most=self.server.cut)
        else:
            self._send(self._asked_start())

    def _elsewhere(self) -> None:
        """Resumes ten bytes later than asked."""
        if len(self.server.asked) == 1:
            self._send(0, most=self.server.cut)
        else:
            start = self._asked_start()
            self._send(start + 10 if start else 0)

    def _nothing_left(self) -> None:
        """Answers 416 to a resume."""
        if self._asked_start():
            self._answer(416, 0)
        else:
            self._send(0, most=self.server.cut if len(self.server.asked) == 1 else None)

    def _long(self) -> None:
        """Announces and sends more than the catalog knows."""
        self._send(0, self.server.content + b"more")

    def _endless(self) -> None:
        """Announces nothing and sends without end."""
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(bytes(1 << 16))

    def _promises(self) -> None:
        """Announces the right length and ends early, each time."""
        self._answer(200, len(self.server.content))
        self.wfile.write(self.server.content[:1000])

    def _wrong(self) -> None:
        self._send(0, OTHER)

    def _redirect(self) -> None:
        self._redirect_to(self.server.url("good"))

    def _leave(self) -> None:
        self._redirect_to("http://192.0.2.1/model.bin")

    def _circle(self) -> None:
        self._redirect_to(self.server.url("circle"))

    def _missing(self) -> None:
        self._answer(404, 0)

    def _busy(self) -> None:
        """503 twice, then all is well."""
        if len(self.server.asked) > 2:
            self._good()
        else:
            self._answer(503, 0)

    def _hang(self) -> None:
        """Sends the start of the file and then nothing."""
        self._answer(200, len(self.server.content))
        self.wfile.write(self.server.content[:1000])
        self.wfile.flush()
        self.server.release.wait(30)

    def _slow(self) -> None:
        start = self._start()
        self._answer(206 if start else 200, len(self.server.content) - start, start)
        for at in range(start, len(self.server.content), 1 << 16):
            self.wfile.write(self.server.content[at : at + (1 << 16)])
            time.sleep(self.server.pause)

    def _asked_start(self) -> int:
        found = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        return int(found[1]) if found else 0

    def _start(self) -> int:
        condition = self.headers.get("If-Range", "")
        return self._asked_start() if condition in ("", self.server.etag) else 0

    def _send(self, start: int, content: bytes | None = None, most: int | None = None) -> None:
        body = (self.server.content if content is None else content)[start:]
        self._answer(206 if start else 200, len(body), start)
        self.wfile.write(body[:most])

    def _answer(self, status: int, length: int, start: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + length - 1}/{start + length}")
        self.end_headers()

    def _redirect_to(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()
