"""Guessing in parallel, to slip under a counter that is read before it counts.

Keycloak's brute force counter missed parallel guesses (CVE-2024-4629), and its
repair then refused honest logins that came at the same moment. Both halves are
held here: never one guess too many, never an honest login lost.
"""

from functools import partial

import pytest


@pytest.fixture(params=["process", "database"])
def limits(request) -> str:
    return request.param


def test_two_hundred_parallel_guesses_are_ten(
    counted, client, tally, alice, places, at_once
):
    tries = [
        partial(
            counted.at(place).post, "/auth/login", email=alice.email, password="wrong"
        )
        for place in places(199)
    ]

    answers = at_once(tries)
    last = client.post("/auth/login", email=alice.email, password=alice.password)

    assert {answer.code for answer in answers} == {"invalid_credentials"}
    assert tally.judged == 10
    assert tally.hashes == 199
    assert last.public() == answers[0].public()


def test_the_right_one_among_many_is_no_way_round(
    counted, tally, alice, places, at_once
):
    passwords = ["wrong"] * 99 + [alice.password]
    tries = [
        partial(
            counted.at(place).post, "/auth/login", email=alice.email, password=password
        )
        for place, password in zip(places(100), passwords, strict=True)
    ]

    answers = at_once(tries)

    # If it was among the ten that counted, it gave its own try back.
    won = sum(answer.status == 200 for answer in answers)
    assert tally.judged == 10 + won


def test_twenty_parallel_logins_with_the_right_password_succeed(
    client, alice, places, at_once
):
    homes = [place for place in places(5) for _ in range(4)]

    answers = at_once(
        [
            partial(
                client.at(home).post,
                "/auth/login",
                email=alice.email,
                password=alice.password,
            )
            for home in homes
        ]
    )

    assert [answer.status for answer in answers] == [200] * 20
    assert len({answer.payload["refresh_token"] for answer in answers}) == 20


def test_one_address_gets_ten_parallel_guesses(counted, tally, alice, at_once):
    guess = partial(
        counted.post, "/auth/login", email="nobody@example.org", password="wrong"
    )

    answers = at_once([guess] * 4) + [guess() for _ in range(16)]

    assert sorted(answer.status for answer in answers) == [401] * 10 + [429] * 10
    assert tally.hashes == 10
