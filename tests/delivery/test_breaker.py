"""A service that does not answer is left alone, but asked now and then."""

from authserver.delivery.breaker import MAX_FAILURES, PAUSE_S, Breaker


def broken(now: float) -> Breaker:
    breaker = Breaker()
    for _ in range(MAX_FAILURES):
        breaker.failed(now)
    return breaker


def test_few_failures_do_not_stop_attempts():
    breaker = Breaker()
    for _ in range(MAX_FAILURES - 1):
        breaker.failed(100.0)

    assert breaker.ready(100.0)


def test_failures_in_a_row_stop_attempts_for_a_while():
    breaker = broken(100.0)

    assert not breaker.ready(100.0 + PAUSE_S - 1)
    assert breaker.ready(100.0 + PAUSE_S)


def test_only_one_attempt_is_made_after_the_pause():
    breaker = broken(100.0)

    breaker.attempted(130.0)

    assert not breaker.ready(130.0)
    assert breaker.ready(160.0)


def test_success_forgives_all_failures():
    breaker = broken(100.0)

    breaker.succeeded()
    breaker.failed(100.0)

    assert breaker.ready(100.0)


def test_attempt_in_good_times_costs_nothing():
    breaker = Breaker()

    breaker.attempted(100.0)

    assert breaker.ready(100.0)
