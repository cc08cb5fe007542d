"""The Prometheus text format, judged by Prometheus's own reader."""

from prometheus_client.parser import text_string_to_metric_families

from authserver import exposition
from authserver.metrics import Declared, Family, Metrics

FAMILY = Family(Declared("x_total", "counter", "Help.", ("a", "b")), {("1", "2"): 3})


def read(families):
    """All samples by name and labels."""
    found = text_string_to_metric_families(exposition.text(families))
    samples = [sample for each in found for sample in each.samples]
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for each in samples
    }


def test_counter_is_three_lines():
    assert exposition.text([FAMILY]) == (
        '# HELP x_total Help.\n# TYPE x_total counter\nx_total{a="1",b="2"} 3\n'
    )


def test_without_labels_there_are_no_braces():
    family = Family(Declared("x", "gauge", "Help."), {(): 0.5})

    assert exposition.text([family]).endswith("\nx 0.5\n")


def test_any_text_survives_as_label_and_as_help():
    odd = 'a"}\n\\n{x="\u00e9'
    family = FAMILY._replace(
        declared=FAMILY.declared._replace(help=odd), values={(odd, ""): 1}
    )

    [found] = text_string_to_metric_families(exposition.text([family]))

    assert found.documentation == odd
    assert found.samples[0].labels == {"a": odd, "b": ""}


def test_histogram_counts_up_to_each_bound():
    metrics = Metrics()
    metrics.observe("durations", [0.0001, 0.0002, 0.3, 60.0], "/login")

    samples = read(metrics.families())

    name, route = "authserver_http_request_duration_seconds", ("route", "/login")
    at = {
        bound: samples[(f"{name}_bucket", (("le", bound), route))]
        for bound in ("0.0001", "0.00025", "0.25", "0.5", "10.0", "+Inf")
    }
    assert at == {
        "0.0001": 1,
        "0.00025": 2,
        "0.25": 2,
        "0.5": 3,
        "10.0": 3,
        "+Inf": 4,
    }
    assert samples[(f"{name}_count", (route,))] == 4
    assert samples[(f"{name}_sum", (route,))] == 60.3003
