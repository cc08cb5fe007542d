r"""A cookie that takes seconds to read: `\"` over and over.

Python's `http.cookies` took 4 s of CPU for one header of 64 KiB
(CVE-2024-7592). Ours is linear, and a head has at most 16 KiB.
"""

import time

import pytest

from tests.cpu import within

LARGEST = 16_000  # what fits into a head
PATTERNS = (
    '\\"',
    '"',
    "\\",
    ";",
    "=",
    "a=b;",
    "__Host-session",
    "%22",
    '="\\"',
    "\xff",
)
FAST_S = 0.1  # of CPU; quadratic reading takes tens of that


def cookie(pattern, size):
    return "Cookie: a=" + (pattern * (size // len(pattern)))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_largest_cookie_header_is_read_at_once(app, wire, pattern):
    def ask():
        answer = wire.request("GET", "/auth/me", cookie(pattern, LARGEST))
        assert answer.status in (400, 401)

    assert within(FAST_S, ask, clock=time.process_time)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_larger_one_is_refused_unread(app, wire, pattern):
    def ask():
        answer = wire.request("GET", "/auth/me", cookie(pattern, 65_000))
        assert (answer.status, answer.code) == (431, "head_too_large")

    assert within(FAST_S, ask, clock=time.process_time)


def test_a_bad_cookie_does_not_take_its_neighbours_along(client, logged_in):
    mine = f"__Host-session={logged_in.cookies['__Host-session']}"
    for bad in ('a="\\"', "bad[x=1", "b@d,", "=", "a=\xff", "x" * 9000):
        answer = client.having(cookie=f"{bad}; {mine}; {bad}").get("/auth/me")
        assert answer.status == 200
