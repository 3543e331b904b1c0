"""The bytes of one http answer, read by a thread of their own so that a cancel never waits for the network."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop.jobs.progress import Progress
from desktop.models.catalog import LOOPBACK, is_safe_url

if TYPE_CHECKING:
    import httpx

_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BUFFERED = 64
_POLL_S = 0.1
_MAX_REDIRECTS = 5
_LONGEST_RETRY_AFTER_S = 30.0


class Unsteady(Exception):
    """This try has failed and another may not; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class Refused(Exception):
    """The server's answer is final."""


class Stream:
    """A running request.

    Attributes, after entering:
        status: 200, 206 or 416; any other status has raised.
        headers: of the last answer, names in lower case.

    Raises (on entering and from ``blocks``):
        Unsteady: no connection, a time-out, a broken connection, an overloaded server.
        Refused: any other status, or a redirect to an unsafe address.
    """

    status: int
    headers: Mapping[str, str]

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float, progress: Progress) -> None:
        self._url, self._timeout, self._progress = url, timeout, progress
        self._request_headers = {**headers, "Accept-Encoding": "identity", "User-Agent": "reprise"}
        self._items: queue.Queue[httpx.Response | bytes | Exception | None] = queue.Queue(_BUFFERED)
        self._closed = threading.Event()

    def __enter__(self) -> Stream:
        threading.Thread(target=self._read, name="download", daemon=True).start()
        try:
            answer = self._next()
        except BaseException:
            self._closed.set()
            raise
        assert answer is not None and not isinstance(answer, bytes)
        self.status, self.headers = answer.status_code, answer.headers
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed.set()

    def blocks(self) -> Iterator[bytes]:
        """The body in blocks; returns at its end."""
        while (item := self._next()) is not None:
            assert isinstance(item, bytes)
            yield item

    def _next(self) -> httpx.Response | bytes | None:
        while True:
            self._progress.checkpoint()
            try:
                item = self._items.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if isinstance(item, Exception):
                raise item
            return item

    def _give(self, item: httpx.Response | bytes | Exception | None) -> bool:
        """Hand an item over; False when nobody wants it any more."""
        while not self._closed.is_set():
            try:
                self._items.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def _read(self) -> None:
        import httpx

        try:
            self._request()
        except (Unsteady, Refused) as error:
            self._give(error)
        except httpx.TooManyRedirects:
            self._give(Refused("the server redirects in circles"))
        except httpx.TimeoutException:
            self._give(Unsteady(f"the server sent nothing for {self._timeout:.0f} s"))
        except (httpx.TransportError, httpx.StreamError, OSError) as error:
            self._give(Unsteady(f"the connection failed ({str(error) or type(error).__name__})"))
        except Exception as error:
            self._give(Refused(f"the download failed ({type(error).__name__}: {error})"))

    def _request(self) -> None:
        import httpx

        def check(request: httpx.Request) -> None:
            # Called for every hop of a redirect: none may leave https, or come from outside to this computer.
            if not is_safe_url(str(request.url)) or (request.url.scheme == "http" and not local):
                raise Refused(f"the server redirects to {request.url}, which is not an https address")

        local = urlsplit(self._url).hostname in LOOPBACK
        # A server may drop a connection between two hops without saying so: each hop gets its own.
        with (
            httpx.Client(
                timeout=self._timeout, follow_redirects=True, max_redirects=_MAX_REDIRECTS, trust_env=not local,
                event_hooks={"request": [check]}, limits=httpx.Limits(max_keepalive_connections=0),
            ) as client,
            client.stream("GET", self._url, headers=self._request_headers) as answer,
        ):  # fmt: skip
            if answer.status_code in _AGAIN:
                raise Unsteady(f"the server answered {answer.status_code}", _retry_after(answer.headers.get("retry-after", "")))
            if answer.status_code not in (200, 206, 416):
                raise Refused(f"the server answered {answer.status_code} {answer.reason_phrase}".rstrip())
            if not self._give(answer) or answer.status_code == 416:
                return
            for block in answer.iter_raw():
                if not self._give(block):
                    return
            self._give(None)


def _retry_after(text: str) -> float:
    return min(_LONGEST_RETRY_AFTER_S, float(text)) if text.isdecimal() else 0.0
