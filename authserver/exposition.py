"""Figures as Prometheus reads them: its text format, version 0.0.4.

    # HELP authserver_refusals_total Refusals by their code.
    # TYPE authserver_refusals_total counter
    authserver_refusals_total{code="not_found"} 3

One line per value. The values of labels stand in quotes, in which a backslash,
a quote and a line break are escaped. A histogram is a line for each bound, with
the count of all values up to it, and their sum and count:

    ..._bucket{route="/login",le="0.25"} 12
    ..._bucket{route="/login",le="+Inf"} 14
    ..._sum{route="/login"} 3.5
    ..._count{route="/login"} 14

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import itertools
from collections.abc import Iterable, Iterator

from authserver.metrics import BOUNDS_S, Family, Histogram


def text(families: Iterable[Family]) -> str:
    """Return all figures as one text."""
    lines = itertools.chain.from_iterable(_lines(each) for each in families)
    return "".join(f"{line}\n" for line in lines)


def _lines(family: Family) -> Iterator[str]:
    name = family.declared.name
    explained = family.declared.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {explained}"
    yield f"# TYPE {name} {family.declared.kind}"
    for values, number in sorted(family.values.items()):
        yield f"{name}{_labels(family, values)} {number}"
    for values, histogram in sorted(family.histograms.items()):
        yield from _histogram(family, values, histogram)


def _histogram(
    family: Family, values: tuple[str, ...], histogram: Histogram
) -> Iterator[str]:
    name = family.declared.name
    bounds = (*(str(bound) for bound in BOUNDS_S), "+Inf")
    running = itertools.accumulate(histogram.counts)
    for bound, count in zip(bounds, running, strict=True):
        yield f"{name}_bucket{_labels(family, values, ('le', bound))} {count}"
    yield f"{name}_sum{_labels(family, values)} {histogram.total}"
    yield f"{name}_count{_labels(family, values)} {sum(histogram.counts)}"


def _labels(family: Family, values: tuple[str, ...], *more: tuple[str, str]) -> str:
    pairs = [*zip(family.declared.labels, values, strict=True), *more]
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
