"""One file over http(s), with resume.

The bytes go to ``SHA256.part`` beside the target, with the server's validator in ``SHA256.json``; a later try, in this process or
after a crash, goes on from there with Range and If-Range. A server that ignores Range, or has another version by now, makes it
start again. The hash at the end decides; a resumed file with a wrong one is fetched once more from its start.
"""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from desktop.errors import UserError
from desktop.jobs.progress import Progress
from desktop.malformed import MALFORMED
from desktop.models.catalog import ModelFile, is_safe_url
from desktop.models.files import check_space, explained_writes, megabytes, sha256_of
from desktop.models.sources.stream import Refused, Stream, Unsteady
from desktop.paths import atomic_write, make_folder

_REPORT_S = 0.1
_WORTHWHILE = 1 << 16
_LONGEST_WAIT_S = 30.0


@dataclass(frozen=True)
class Limits:
    """How patient a download is.

    Attributes:
        tries: attempts in a row that may bring next to nothing.
        restarts: starts from the first byte that a changing or misbehaving server may cause.
        wait: seconds before the second try; doubles with each.
        timeout: seconds without any byte before a try is given up.
    """

    tries: int = 5
    restarts: int = 3
    wait: float = 0.5
    timeout: float = 20.0


class _Validator(msgspec.Struct):
    """What the partial file is a part of: address, strong ETag or date."""

    url: str
    etag: str = ""
    modified: str = ""

    @property
    def condition(self) -> str:
        return self.etag or self.modified


class Download:
    """One file to be fetched into a folder."""

    def __init__(self, url: str, wanted: ModelFile, folder: Path, limits: Limits | None = None) -> None:
        self._url, self._wanted, self._limits = url, wanted, limits or Limits()
        self._target = folder / wanted.name
        self._part = folder / f"{wanted.sha256}.part"
        self._notes = folder / f"{wanted.sha256}.json"
        self._restarts = 0
        self._resumed = False

    def run(self, progress: Progress) -> None:
        """Fetch until the whole file is there and right.

        Raises:
            UserError: after the tries that ``Limits`` allows, or at once for an error that a second try cannot cure.
            NoSpaceError: the disk is full. What has come stays for a later try.
        """
        if not is_safe_url(self._url):
            raise UserError(f"{self._url} is not an https address")
        make_folder(self._target.parent)
        if self._have() > self._wanted.size:
            self._drop()
        check_space(self._part.parent, self._wanted.size - self._have())
        with explained_writes(self._part):
            self._resumed = self._have() > 0
            self._complete(progress)
            if not self._is_right(progress):
                if not self._resumed:
                    raise self._wrong()
                self._complete(progress)
                if not self._is_right(progress):
                    raise self._wrong()
            self._part.replace(self._target)
            self._notes.unlink(missing_ok=True)

    def _wrong(self) -> UserError:
        return UserError(f"{self._url} gives another file than the catalog expects: its SHA-256 differs")

    def _is_right(self, progress: Progress) -> bool:
        """Whether the complete part has the wanted hash; it is removed when not."""
        if sha256_of(self._part, progress) == self._wanted.sha256:
            return True
        self._drop()
        return False

    def _complete(self, progress: Progress) -> None:
        """Try until the part has the wanted size."""
        failures = 0
        while self._have() < self._wanted.size:
            before = self._have()
            try:
                self._attempt(progress)
            except Unsteady as error:
                failures = 0 if self._have() - before > _WORTHWHILE else failures + 1
                if failures >= self._limits.tries:
                    raise UserError(f"{self._url}: {error}, {failures} times in a row") from error
                self._pause(failures, error, progress)
            except Refused as error:
                raise UserError(f"{self._url}: {error}") from error

    def _pause(self, failures: int, error: Unsteady, progress: Progress) -> None:
        wait = min(_LONGEST_WAIT_S, error.wait or self._limits.wait * 2 ** max(0, failures - 1))
        progress.log(f"{self._url}: {error}; next try in {wait:.1f} s", "warning")
        waiting, until = threading.Event(), time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            progress.at(self._have() / self._wanted.size, f"Waiting for the server of {self._wanted.name}")
            waiting.wait(min(0.1, left))

    def _attempt(self, progress: Progress) -> None:
        """One request; appends to the part what it brings. Raises Unsteady when it ends before the file does."""
        have = self._have()
        notes = self._read_notes() if have else None
        if have and (notes is None or notes.url != self._url):
            notes = None
        headers = {}
        if have:
            headers["Range"] = f"bytes={have}-"
            if notes is not None and notes.condition:
                headers["If-Range"] = notes.condition
        with Stream(self._url, headers, self._limits.timeout, progress) as stream:
            start = self._start(stream, have, notes)
            self._resumed |= start > 0
            self._check_length(stream, start)
            self._write_notes(stream)
            with self._part.open("ab" if start else "wb") as out:
                self._receive(stream, out, start, progress)

    def _start(self, stream: Stream, have: int, notes: _Validator | None) -> int:
        """First byte of what the server sends: ``have`` when it resumes, 0 when it starts again."""
        if stream.status == 206 and have:
            first = re.match(r"bytes (\d+)-", stream.headers.get("content-range", ""))
            tag = stream.headers.get("etag", "")
            if notes is not None and notes.etag and tag and tag != notes.etag:
                self._restart("the file on the server has changed")
            if first and int(first[1]) == have:
                return have
            self._restart("the server resumed at another place")
        if stream.status == 416:
            self._restart("the server has no more of this file")
        if stream.status == 200:
            if have:
                self._restart("")
            return 0
        raise Refused(f"the server answered {stream.status}")

    def _restart(self, problem: str) -> None:
        """Forget what has come; with a problem, ask again."""
        self._restarts += 1
        self._drop()
        if self._restarts > self._limits.restarts:
            raise Refused("the file changed or started again too often")
        if problem:
            raise Unsteady(problem)

    def _check_length(self, stream: Stream, start: int) -> None:
        length = stream.headers.get("content-length", "")
        if length.isdigit() and start + int(length) != self._wanted.size:
            self._drop()
            raise Refused(f"the server's file has {start + int(length)} bytes, the catalog expects {self._wanted.size}")

    def _receive(self, stream: Stream, out: IO[bytes], start: int, progress: Progress) -> None:
        done, began, told = start, time.monotonic(), 0.0
        try:
            for block in stream.blocks():
                done += len(block)
                if done > self._wanted.size:
                    self._drop()
                    raise Refused(f"the server sends more than the {self._wanted.size} bytes that the catalog expects")
                out.write(block)
                now = time.monotonic()
                if now - told > _REPORT_S:
                    told = now
                    progress.at(done / self._wanted.size, self._message(done, (done - start) / max(now - began, 1e-3)))
        finally:
            out.flush()
        if done < self._wanted.size:
            raise Unsteady("the connection ended before the file did")
        os.fsync(out.fileno())

    def _message(self, done: int, rate: float) -> str:
        return f"Fetching {self._wanted.name}: {megabytes(done)} of {megabytes(self._wanted.size)}, {megabytes(rate)}/s"

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.is_file() else 0

    def _drop(self) -> None:
        self._part.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def _read_notes(self) -> _Validator | None:
        try:
            return msgspec.json.decode(self._notes.read_bytes(), type=_Validator)
        except (OSError, *MALFORMED):
            return None

    def _write_notes(self, stream: Stream) -> None:
        etag = stream.headers.get("etag", "")
        # A weak tag does not promise equal bytes and must not be used with If-Range.
        strong = "" if etag.startswith("W/") else etag
        notes = _Validator(self._url, strong, stream.headers.get("last-modified", ""))
        with atomic_write(self._notes) as out:
            out.write(msgspec.json.encode(notes))
