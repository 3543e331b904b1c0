"""Files that nobody meant to write: whole ones with bytes turned, cut, repeated or blown up, and bytes from nowhere.

The ordinary run tries few of them, always the same; HYPOTHESIS_PROFILE=explore tries other ones each time, and the tests marked
slow try many.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from desktop.errors import UserError

how_many = pytest.mark.parametrize("examples", [25, pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
"""Marks a test that gets ``examples``: a few in the ordinary run, a thousand in the long one."""

SLOWEST = timedelta(seconds=5)
ROOM_BYTES = 256 << 20
"""Memory that reading a file of a few kilobytes may take beyond what was there before."""

HUGE = (b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\xff\xff\xff\x7f", b"\x00" * 8, b"\x80" * 6)
NUMBERS = (b"999999999999", b"-1", b"1e999", b"NaN", b"9" * 5_000, b"0", b'""', b"null", b"[]", b"{}")
NESTED = (b"[" * 20_000, b'{"a":' * 20_000, b"\x91" * 20_000, b"(" * 5_000)
ODD_TEXT = (b"\xff\xfe", b"\x00", b'"\xc3\x28"', b"\xed\xa0\x80", b"\\ud800", "‮".encode(), b"\r", b"\x1a")
INSERTS = (*HUGE, *NUMBERS, *NESTED, *ODD_TEXT)

Place = st.integers(0, 2**16)


def flipped(data: bytes, at: int, value: int) -> bytes:
    """One byte is another."""
    at %= len(data) or 1
    return data[:at] + bytes([value % 256]) + data[at + 1 :]


def cut(data: bytes, at: int, value: int) -> bytes:
    """The rest is missing, or a part of it."""
    at %= len(data) + 1
    return data[:at] if value % 2 else data[:at] + data[at + value % 64 :]


def repeated(data: bytes, at: int, value: int) -> bytes:
    """A part comes many times."""
    at %= len(data) + 1
    return data[:at] + data[at : at + value % 61] * (value % 97) + data[at:]


def inserted(data: bytes, at: int, value: int) -> bytes:
    """Something that does not belong there stands in between."""
    at %= len(data) + 1
    return data[:at] + INSERTS[value % len(INSERTS)] + data[at:]


def replaced(data: bytes, at: int, value: int) -> bytes:
    """Something that does not belong there stands in the place of as many bytes."""
    at %= len(data) + 1
    new = INSERTS[value % len(INSERTS)]
    return data[:at] + new + data[at + len(new) :]


Change = st.tuples(st.sampled_from([flipped, flipped, cut, repeated, inserted, replaced]), Place, Place)


@st.composite
def broken(draw: st.DrawFn, whole: Sequence[bytes]) -> bytes:
    """One of the ``whole`` files after up to four changes; one in eight is bytes from nowhere."""
    if draw(st.integers(0, 7)) == 0:
        return draw(st.binary(max_size=400))
    data = draw(st.sampled_from(list(whole)))
    for change, at, value in draw(st.lists(Change, min_size=1, max_size=4)):
        data = change(data, at, value)
    return data


def odd_values() -> st.SearchStrategy[Any]:
    """What may stand in a field of JSON or msgpack."""
    numbers = st.sampled_from(
        [0, -1, 1, 2**31, 2**63, -(2**63), 2**64 - 1, 1e308, -1e308, 1e-308, 0.5, float("inf"), float("nan")]
    )
    texts = st.text(max_size=6) | st.sampled_from(["", "..", "../x", "/etc/passwd", "a\0b", "C:\\x", "x" * 5_000, "NaN"])
    single = st.none() | st.booleans() | numbers | texts
    return single | st.lists(single, max_size=3) | st.dictionaries(st.text(max_size=4), single, max_size=3)


@st.composite
def rewritten(draw: st.DrawFn, whole: Any) -> Any:
    """The plain data ``whole`` with up to three of its values, at any depth, taken out or put to something else."""
    tree = json.loads(json.dumps(whole)) if not _has_bytes(whole) else whole
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(_paths(tree)))) if isinstance(tree, dict | list) and tree else ()
        tree = _put(tree, path, draw(odd_values()))
    return tree


def _has_bytes(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(map(_has_bytes, tree.values()))
    return any(map(_has_bytes, tree)) if isinstance(tree, list | tuple) else isinstance(tree, bytes)


def _paths(tree: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*here, key)
        yield from _paths(value, (*here, key))


def _put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(tree, dict):
        return {**tree, path[0]: _put(tree[path[0]], path[1:], value)}
    return [*tree[: path[0]], _put(tree[path[0]], path[1:], value), *tree[path[0] + 1 :]]


@contextlib.contextmanager
def little_memory(room: int = ROOM_BYTES) -> Iterator[None]:
    """Whoever wants much more memory than there is already gets MemoryError (where the system can limit it)."""
    if not sys.platform.startswith("linux"):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def refuses(read: Callable[[], object], *also: type[Exception]) -> str:
    """Run a reader: what it said when it refused, "" for a value; any other exception goes on."""
    with little_memory():
        try:
            read()
        except (UserError, *also) as error:
            said = str(error)
            assert said.strip() and len(said) < 3_000, "an error says what happened, and not the file's whole content"
            return said
    return ""


def tried(check: Callable[[Any], object], cases: st.SearchStrategy[Any], examples: int, known: Sequence[Any] = ()) -> None:
    """Call ``check`` with the ``known`` cases, each of which went wrong once, then with ``examples`` others."""

    def test(case: Any) -> None:
        check(case)

    test = given(case=cases)(test)
    for case in known:
        test = example(case=case)(test)
    settings(max_examples=examples, deadline=SLOWEST, suppress_health_check=list(HealthCheck))(test)()
