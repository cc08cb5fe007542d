"""Counters: each name with its labels counts for itself, from any thread."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from authserver.metrics import DECLARED, Metrics

PACKAGE = Path(__file__).parents[1] / "authserver"


def test_what_was_never_counted_is_zero():
    assert Metrics().value("refused", "not_found") == 0


def test_labels_count_apart():
    metrics = Metrics()

    metrics.count("refused", "not_found")
    metrics.count("refused", "not_found")
    metrics.count("refused", "cross_site")

    assert metrics.value("refused", "not_found") == 2
    assert metrics.value("refused", "cross_site") == 1
    assert metrics.value("refused") == 0


def test_several_may_be_counted_at_once():
    metrics = Metrics()

    metrics.count("refused", "not_found", times=3)

    assert metrics.value("refused", "not_found") == 3


def test_threads_lose_no_count():
    metrics = Metrics()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(2000):
            pool.submit(metrics.count, "refused", "not_found")

    assert metrics.value("refused", "not_found") == 2000


def test_apps_count_for_themselves():
    one, two = Metrics(), Metrics()

    one.count("refused", "not_found")

    assert two.value("refused", "not_found") == 0


def test_families_hold_what_was_counted_and_what_is_watched():
    metrics, length = Metrics(), [1]
    metrics.count("refused", "not_found")
    metrics.watch("database_waiting", lambda: {(): length[0]})
    length[0] = 7

    refused, waiting = metrics.families()

    assert refused.declared is DECLARED["refused"]
    assert refused.values == {("not_found",): 1}
    assert waiting.values == {(): 7}


def test_families_do_not_change_while_they_are_read():
    metrics = Metrics()
    metrics.observe("durations", [1.0], "/login")

    [before] = metrics.families()
    metrics.observe("durations", [1.0], "/login")

    assert sum(before.histograms[("/login",)].counts) == 1


def test_all_that_is_counted_anywhere_is_declared():
    call = re.compile(r'(?:\.count|\.observe|\.watch|\bfamily)\(\s*"(\w+)"')
    sources = "".join(each.read_text() for each in PACKAGE.rglob("*.py"))

    assert set(call.findall(sources)) == set(DECLARED)


def test_names_are_as_prometheus_wants_them():
    for declared in DECLARED.values():
        assert declared.name.endswith("_total") == (declared.kind == "counter")
        assert re.fullmatch(r"(authserver|process)_[a-z_]+", declared.name)
