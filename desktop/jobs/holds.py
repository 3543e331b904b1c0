"""Who keeps the queue from beginning jobs, and which running jobs stand still because of that."""

from __future__ import annotations


class Holds:
    """The holds of a queue. Changed on the queue's thread only; ``reasons`` may be read from any."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._pausing: set[str] = set()
        self._held: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._reasons)

    @property
    def reasons(self) -> dict[str, str]:
        """Why, by who says so."""
        return self._reasons

    def add(self, source: str, reason: str, *, pauses: bool) -> bool:
        """Let ``source`` hold the queue, and with ``pauses`` also what runs; returns whether that is anything new."""
        if self._reasons.get(source) == reason and (source in self._pausing) == pauses:
            return False
        self._reasons = {**self._reasons, source: reason}
        (self._pausing.add if pauses else self._pausing.discard)(source)
        return True

    def remove(self, source: str) -> bool:
        """Let ``source`` hold nothing more; returns whether it did."""
        was = source in self._reasons
        self._reasons = {name: reason for name, reason in self._reasons.items() if name != source}
        self._pausing.discard(source)
        return was

    def take(self, job: int) -> None:
        """Note that a running job stands still because of a hold."""
        self._held.add(job)

    def forget(self, job: int) -> None:
        """Note that a job's pause is the user's matter from now on, or that it is over."""
        self._held.discard(job)

    def give_back(self) -> set[int]:
        """Jobs that may go on now: all that were held, as soon as nobody holds running jobs any more."""
        if self._pausing:
            return set()
        held, self._held = self._held, set()
        return held
