"""L-BFGS: quasi-Newton steps for smooth convex functions, its state as plain arrays.

Liu & Nocedal 1989, "On the limited memory BFGS method for large scale optimization"; Nocedal & Wright, algorithm 7.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Function = Callable[[Vector], tuple[float, Vector]]
"""Value and gradient at a point."""

_PAIRS = 10
_MOST_NUMBERS = 40_000_000
"""In all pairs together."""

_ENOUGH = 1e-4
_TRIES = 20


class Lbfgs:
    """Steps down a function.

    Attributes:
        point, value, gradient: where it is.
        length: of the last step, as a share of the quasi-Newton step (1 near the minimum).
    """

    def __init__(self, point: Vector, function: Function) -> None:
        self.point = point
        self.value, self.gradient = function(point)
        self.length = 0.0
        self._moves: list[Vector] = []
        self._turns: list[Vector] = []

    @property
    def norm(self) -> float:
        """Length of the gradient."""
        return math.sqrt(_dot(self.gradient, self.gradient))

    def step(self, function: Function) -> float:
        """Make a step; by how much the value fell (0.0: nothing is left to gain, the point stays)."""
        direction = self._direction()
        slope = _dot(direction, self.gradient)
        length = 1.0 if self._moves else min(1.0, 1.0 / max(self.norm, 1e-12))
        for _ in range(_TRIES):
            point = self.point + length * direction
            value, gradient = function(point)
            if value <= self.value + _ENOUGH * length * slope:
                break
            length /= 2
        else:
            return 0.0
        self._remember(point - self.point, gradient - self.gradient)
        fell = self.value - value
        self.point, self.value, self.gradient, self.length = point, value, gradient, length
        return fell

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, to go on from."""
        empty = np.empty((0, self.point.size))
        return {
            "point": self.point,
            "gradient": self.gradient,
            "value": np.array([self.value, self.length]),
            "moves": np.stack(self._moves) if self._moves else empty,
            "turns": np.stack(self._turns) if self._turns else empty,
        }

    @classmethod
    def restored(cls, state: Mapping[str, npt.NDArray[Any]]) -> Lbfgs:
        """As it was when ``state`` was taken."""
        made = cls.__new__(cls)
        made.point, made.gradient = state["point"], state["gradient"]
        made.value, made.length = (float(number) for number in state["value"])
        made._moves, made._turns = list(state["moves"]), list(state["turns"])
        return made

    def _remember(self, move: Vector, turn: Vector) -> None:
        if _dot(move, turn) <= 1e-10 * _dot(turn, turn):
            return
        self._moves.append(move)
        self._turns.append(turn)
        most = max(3, min(_PAIRS, _MOST_NUMBERS // max(1, 2 * move.size)))
        del self._moves[:-most], self._turns[:-most]

    def _direction(self) -> Vector:
        """Minus the gradient times an estimate of the inverse Hessian."""
        found = -self.gradient
        shares: list[float] = []
        for move, turn in zip(self._moves[::-1], self._turns[::-1], strict=True):
            share = _dot(move, found) / _dot(move, turn)
            shares.append(share)
            found -= share * turn
        if self._moves:
            found *= _dot(self._moves[-1], self._turns[-1]) / _dot(self._turns[-1], self._turns[-1])
        for move, turn, share in zip(self._moves, self._turns, shares[::-1], strict=True):
            found += (share - _dot(turn, found) / _dot(move, turn)) * move
        return found


def _dot(one: Vector, other: Vector) -> float:
    """Scalar product in one thread: more of them take longer to meet than to multiply."""
    return float(np.einsum("i,i->", one, other))
