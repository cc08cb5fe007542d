"""Figures: what a row of THREATS.md reached, beside what passes.

Some figures are the server's alone: how many answers were lost, which limit
held. Others are times and shares of a core, and a busy machine makes them
worse though the server is the same. These say by how much, and tests, which
never have a machine to themselves, allow for that.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One number, and the least or the most that it may be."""

    what: str
    value: float
    limit: float
    unit: str = ""
    least: bool = False  # whether `limit` is the least, not the most
    busy: float = 0  # what a busy machine may make of it, beyond the limit

    def passes(self, *, busy: bool = False) -> bool:
        """Tell whether it is within its limit, perhaps on a busy machine."""
        slack = self.busy if busy else 0
        if self.least:
            return self.value >= self.limit - slack
        return self.value <= self.limit + slack

    def __str__(self) -> str:
        sign = ">=" if self.least else "<="
        verdict = "ok" if self.passes() else "FAILED"
        reached, limit = (_shown(each, self.unit) for each in (self.value, self.limit))
        return f"  {self.what:<46} {reached:>12}   {sign} {limit:<12} {verdict}"


def at_most(
    what: str, value: float, limit: float, unit: str = "", *, busy: float = 0
) -> Figure:
    """Return a figure that must not be above its limit."""
    return Figure(what, value, limit, unit, busy=busy)


def at_least(
    what: str, value: float, limit: float, unit: str = "", *, busy: float = 0
) -> Figure:
    """Return a figure that must not be below its limit."""
    return Figure(what, value, limit, unit, least=True, busy=busy)


def p99(values: Sequence[float]) -> float:
    """Return the value that one in a hundred exceeds; none at all is bad."""
    if not values:
        return math.inf
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return how much y grows with x, by the line of least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def _shown(value: float, unit: str) -> str:
    digits = 0 if value == int(value) or abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}".rstrip() if math.isfinite(value) else "never"
