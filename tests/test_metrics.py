"""Counters: each name with its labels counts for itself, from any thread."""

from concurrent.futures import ThreadPoolExecutor

from authserver.metrics import Metrics


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


def test_threads_lose_no_count():
    metrics = Metrics()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(2000):
            pool.submit(metrics.count, "responses", "200")

    assert metrics.value("responses", "200") == 2000


def test_apps_count_for_themselves():
    one, two = Metrics(), Metrics()

    one.count("responses")

    assert two.value("responses") == 0
