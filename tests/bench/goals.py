"""What a row must reach, what it took, and the statistics between the two."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Options(NamedTuple):
    """What was asked for on the command line; None leaves it to the row."""

    rounds: int | None = None
    seconds: int | None = None


class Goal(NamedTuple):
    """A figure and its bound: at most, or at least."""

    what: str
    value: float
    bound: float
    at_least: bool = False
    unit: str = ""

    @property
    def reached(self) -> bool:
        if self.at_least:
            return self.value >= self.bound
        return self.value <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        unit = f" {self.unit}" if self.unit else ""
        value, bound = (
            f"{each:,.0f}" if each >= 100 else f"{each:.3g}"
            for each in (self.value, self.bound)
        )
        return f"{self.what}: {value}{unit}, must be {sign} {bound}"


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * share) - 1)]


def median(values: Iterable[float]) -> float:
    """Return the median of the rounds."""
    return statistics.median(values)


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return text columns: the first to the left, numbers to the right."""
    rows = [tuple(heads), *(tuple(line) for line in lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
