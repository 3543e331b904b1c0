"""The ledger in the queue's database: what was made where, and hashes of files that need not be read again.

It outlives the history: jobs that are removed from the list stay known here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from desktop.jobs.database import Database
from desktop.jobs.job import AnyJob
from desktop.jobs.ledger import Made, made_by
from desktop.malformed import MALFORMED

MOST = 1_000_000
"""Places and files that are remembered; beyond that those noted longest ago are forgotten."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Made)


class LedgerStore(Database):
    """What is known of finished work; every method is one transaction."""

    def note_made(self, job: AnyJob, result: Mapping[str, Any]) -> None:
        """Remember a job that has ended with ``result``, where that says what it was made of; it takes its place."""
        made = made_by(job, result, self.made([job.place]).get(job.place) if job.place else None)
        if made is None:
            return
        with self._writing() as db:
            facts = _encoder.encode(made).decode()
            db.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", (job.place, facts, time.time()))
        stamps = result.get("stamps")
        if isinstance(stamps, dict):
            known = zip(map(str, job.sources), made.sources, strict=True)
            self.keep_hashes({path: (str(stamps[path]), sha256) for path, sha256 in known if path in stamps})

    def made(self, places: Iterable[str]) -> dict[str, Made]:
        """What was last made at each of these places (``Job.place``), where anything is known."""
        found = self._among("SELECT place, facts FROM made WHERE place", places)
        made = {}
        for place, facts in found:
            try:
                made[place] = _decoder.decode(facts)
            except MALFORMED:
                # Of a later version; the work is done again.
                continue
        return made

    def forget_oldest(self) -> None:
        """Keep no more than ``MOST``."""
        with self._writing() as db:
            for table in ("made", "hashes"):
                db.execute(f"DELETE FROM {table} WHERE rowid <= (SELECT MAX(rowid) FROM {table}) - ?", (MOST,))

    def keep_hashes(self, hashes: Mapping[str, tuple[str, str]]) -> None:
        """Remember the stamp (``ledger.Seen``) and the SHA-256 of files, by path."""
        if not hashes:
            return
        with self._writing() as db:
            rows = [(path, stamp, sha256) for path, (stamp, sha256) in hashes.items()]
            db.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?)", rows)

    def hashes(self, paths: Iterable[str]) -> dict[str, tuple[str, str]]:
        """The stamp and the SHA-256 that files had when they were last read, by path."""
        return {path: (stamp, sha256) for path, stamp, sha256 in self._among("SELECT * FROM hashes WHERE path", paths)}

    def _among(self, select: str, values: Iterable[str]) -> list[tuple[Any, ...]]:
        chosen = _encoder.encode(list(values)).decode()
        with self._lock:
            return self._connection.execute(f"{select} IN (SELECT value FROM json_each(?))", (chosen,)).fetchall()
