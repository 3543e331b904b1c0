"""Sizes of pictures for showing."""

from __future__ import annotations


def within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height reduced, never enlarged, so that neither is above ``side`` (0: as they are)."""
    longest = max(size)
    if not side or longest <= side:
        return size
    return max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest))
