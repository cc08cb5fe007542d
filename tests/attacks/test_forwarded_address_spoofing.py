"""Spoofed addresses: a new X-Forwarded-For, and with it a new limit.

Servers that believed the header let guessers escape every limit (pretix
CVE-2023-44463), or skipped a check when it could not be parsed (authentik
CVE-2024-47070). It counts only from a trusted proxy, from the right, up to the
first address that is not one; junk is nobody's address but the peer's. And who
has a /64 of IPv6 has one limit, not 2**64.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from authserver.passwords.threads import HashingThreads
from authserver.web.dispatch import Site
from tests.attacks.claims import JUNK

GUESSES_PER_HOUR = 5
REFUSED, LIMITED = 401, 429
ONE_LIMIT = [REFUSED] * GUESSES_PER_HOUR + [LIMITED]
NO_LIMIT = [REFUSED] * (GUESSES_PER_HOUR + 1)
PATIENCE_S = 10


@pytest.fixture
def app(make_app, request):
    proxies = getattr(request, "param", "127.0.0.1/32, 10.0.0.0/8")
    return make_app(trusted_proxies=proxies, address_failures_per_hour=GUESSES_PER_HOUR)


@pytest.fixture
def guess(wire):
    """Present a wrong refresh token behind each of these proxies' claims."""

    def send(*claims):
        kind, body = "Content-Type: application/json", b'{"refresh_token": "wrong"}'
        return [
            wire.request(
                "POST", "/auth/refresh", f"X-Forwarded-For: {claim}", kind, body=body
            ).status
            for claim in claims
        ]

    return send


def many(pattern):
    return [pattern.format(n) for n in range(1, GUESSES_PER_HOUR + 2)]


@pytest.mark.parametrize("app", ["192.0.2.0/24"], indirect=True)
@pytest.mark.parametrize(
    "pattern", ["203.0.113.{}", "2001:db8:{}::1", "192.0.2.{}", "192.0.2.9, 10.0.0.{}"]
)
def test_header_of_a_stranger_changes_nothing(app, guess, pattern):
    assert guess(*many(pattern)) == ONE_LIMIT


@pytest.mark.parametrize("app", ["192.0.2.0/24"], indirect=True)
def test_thousand_addresses_of_a_stranger_are_one(app, guess):
    rotating = [f"203.0.{n // 250}.{n % 250 + 1}" for n in range(1000)]

    assert guess(*rotating) == [REFUSED] * GUESSES_PER_HOUR + [LIMITED] * 995


def test_thousand_addresses_in_front_of_one_are_one(guess):
    rotating = [f"203.0.{n // 250}.{n % 250 + 1}, 198.51.100.7" for n in range(1000)]

    assert guess(*rotating) == [REFUSED] * GUESSES_PER_HOUR + [LIMITED] * 995


@pytest.mark.parametrize("junk", ["a," * 500, "1" * 15_000, "203.0.113.1," * 1000])
def test_long_list_that_ends_with_the_client_is_the_client(guess, junk):
    claims = [f"{n}{junk}198.51.100.7" for n in range(1, GUESSES_PER_HOUR + 2)]

    assert guess(*claims) == ONE_LIMIT


def test_list_of_64_kib_is_refused_and_harms_nobody(guess):
    assert guess("203.0.113.1," * 5461, "203.0.113.1") == [431, REFUSED]


def test_header_of_a_trusted_proxy_tells_its_clients_apart(guess):
    assert guess(*many("203.0.113.{}")) == NO_LIMIT


@pytest.mark.parametrize(
    "pattern",
    [
        "203.0.113.{}, 198.51.100.7",
        "10.0.0.{}, 198.51.100.7",
        "203.0.113.{}, 198.51.100.7, 10.0.0.1, 127.0.0.1",
        "203.0.113.{}, ::ffff:198.51.100.7",
        "203.0.113.{}, 198.51.100.7:4{}",
        "127.0.0.1, 203.0.113.{},198.51.100.7",
    ],
)
def test_the_rightmost_stranger_is_the_client(guess, pattern):
    claims = [pattern.replace("{}", str(n)) for n in range(1, GUESSES_PER_HOUR + 2)]

    assert guess(*claims) == ONE_LIMIT


def test_junk_is_the_peer_and_breaks_nothing(guess):
    statuses = guess(*JUNK)

    assert statuses == ONE_LIMIT + [LIMITED] * (len(JUNK) - len(ONE_LIMIT))


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_front_of_the_client_is_not_looked_at(guess, junk):
    claims = many(f"{junk[:9000]}, 203.0.113.{{}}")

    assert guess(*claims) == NO_LIMIT


@pytest.mark.parametrize(
    "pattern",
    [
        "2001:db8:0:1::{}",
        "2001:db8:0:1:{}::",
        "[2001:db8:0:1::1]:100{}",
        "2001:db8:0:1::1%{}",
    ],
)
def test_a_network_of_ipv6_is_one_client(guess, pattern):
    assert guess(*many(pattern)) == ONE_LIMIT


@pytest.mark.parametrize(
    "name",
    ["X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP", "X_Forwarded_For"],
)
def test_no_other_header_names_the_client(wire, name):
    kind, body = "Content-Type: application/json", b'{"refresh_token": "wrong"}'
    statuses = [
        wire.request(
            "POST", "/auth/refresh", f"{name}: {claim}", kind, body=body
        ).status
        for claim in many("203.0.113.{}")
    ]

    assert statuses == ONE_LIMIT


class SlowHasher:
    """Takes as long as the test wants."""

    def __init__(self):
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    def verify(self, password, stored):
        self.begun.release()
        return not self.go_on.wait(PATIENCE_S)


def test_a_network_of_ipv6_has_one_share_of_the_hashing_queue(app, client):
    # Else one machine fills the queue from 64 of its 2**64 addresses, and the
    # logins of everybody else are turned away.
    hasher, threads = SlowHasher(), HashingThreads(threads=4, max_per_address=4)
    site = Site(app._replace(hasher=hasher, hashing=threads))

    def log_in(number):
        neighbour = client._replace(site=site, address=f"2001:db8::{number}")
        return neighbour.post("/auth/login", username="nobody", password="wrong").status

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(log_in, number) for number in range(4)]
        assert all(hasher.begun.acquire(timeout=PATIENCE_S) for _ in waiting)
        fifth = log_in(4)
        hasher.go_on.set()

    assert fifth == 503
    assert [each.result() for each in waiting] == [401] * 4
    threads.close()
