"""Smuggled headers: X_Forwarded_For beside the X-Forwarded-For of a proxy.

A proxy strips or sets the headers by which the server behind it knows clients.
Servers in the manner of CGI turn "-" into "_" and so hold X_Forwarded_For,
which no proxy strips, for the same header (oauth2-proxy CVE-2025-64484). Others
take the first of two, or believe a header that names a user.

Here a name is what it is, in any case of its letters. Only X-Forwarded-For
tells where a client is, its lines are one list that ends with the proxy's own
entry, and no header but Authorization and Cookie tells who somebody is.
"""

import pytest

from tests.attacks.claims import IDENTITIES, TWINS

GUESSES_PER_HOUR = 5
REFUSED, LIMITED = 401, 429
ONE_LIMIT = [REFUSED] * GUESSES_PER_HOUR + [LIMITED]
NUMBERS = range(1, GUESSES_PER_HOUR + 2)
HONEST = "X-Forwarded-For: 198.51.100.7"  # what the proxy sets


@pytest.fixture
def app(make_app, request):
    proxies = getattr(request, "param", "127.0.0.1/32")
    return make_app(trusted_proxies=proxies, address_failures_per_hour=GUESSES_PER_HOUR)


@pytest.fixture
def guess(wire):
    """Present a wrong refresh token with each of these sets of lines."""

    def send(*sets):
        kind, body = "Content-Type: application/json", b'{"refresh_token": "wrong"}'
        return [
            wire.request("POST", "/auth/refresh", *lines, kind, body=body).status
            for lines in sets
        ]

    return send


@pytest.mark.parametrize("name", TWINS)
def test_no_twin_replaces_the_header_of_the_proxy(guess, name):
    behind = [(HONEST, f"{name}: 203.0.113.{n}") for n in NUMBERS]

    assert guess(*behind) == ONE_LIMIT


@pytest.mark.parametrize("name", TWINS)
def test_no_twin_in_front_replaces_the_header_of_the_proxy(guess, name):
    before = [(f"{name}: 203.0.113.{n}", HONEST) for n in NUMBERS]

    assert guess(*before) == ONE_LIMIT


@pytest.mark.parametrize("app", ["127.0.0.1/32", "192.0.2.0/24"], indirect=True)
@pytest.mark.parametrize("name", TWINS)
def test_no_twin_alone_names_a_client(app, guess, name):
    assert guess(*[(f"{name}: 203.0.113.{n}",) for n in NUMBERS]) == ONE_LIMIT


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR", "x-FoRwArDeD-fOr"]
)
def test_lines_in_any_case_are_one_list_that_the_proxy_ends(guess, name):
    appended = [(f"{name}: 203.0.113.{n}", HONEST) for n in NUMBERS]

    assert guess(*appended) == ONE_LIMIT


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-FORWARDED-for"])
def test_header_of_the_proxy_counts_in_any_case(guess, name):
    told_apart = guess(*[(f"{name}: 203.0.113.{n}",) for n in NUMBERS])

    assert told_apart == [REFUSED] * len(NUMBERS)


@pytest.mark.parametrize(
    "line",
    [
        "X-Forwarded-For : 203.0.113.1",
        " X-Forwarded-For: 203.0.113.1",
        "X-Forwarded-For\t: 203.0.113.1",
        "X-Forwarded-For\0: 203.0.113.1",
        "X-Forwarded-For: 203.0.113.1\0",
        "X-Forwarded-For: 203.0.113.1\rX: y",
        "X-Forwarded-For: 203.0.113.1\nX: y",
        "X-F\xf6rwarded-For: 203.0.113.1",
        "X-Forwarded-For",
    ],
)
def test_half_a_header_is_refused_with_its_request(guess, line):
    assert guess((HONEST, line)) == [400]


@pytest.mark.parametrize("name", IDENTITIES)
def test_no_other_header_says_who_somebody_is(wire, alice, logged_in, name):
    token = logged_in.payload["access_token"]
    session = logged_in.cookies["__Host-session"]

    statuses = [
        wire.request("GET", "/auth/me", f"{name}: {claim}").status
        for claim in (
            *("alice", alice.id, alice.email, token, f"Bearer {token}"),
            f"__Host-session={session}",
        )
    ]

    assert statuses == [401] * 6


@pytest.mark.parametrize("name", ["AUTHORIZATION", "authorization", "aUtHoRiZaTiOn"])
def test_second_authorization_in_another_case_is_refused(wire, logged_in, name):
    bearer = f"Bearer {logged_in.payload['access_token']}"

    answer = wire.request("GET", "/auth/me", f"Authorization: {bearer}", f"{name}: x")

    assert (answer.status, answer.code) == (400, "malformed_request")


@pytest.mark.parametrize("name", ["COOKIE", "cookie"])
def test_second_session_in_another_line_is_refused(wire, logged_in, name):
    session = f"__Host-session={logged_in.cookies['__Host-session']}"

    answer = wire.request(
        "GET", "/auth/me", f"Cookie: {session}", f"{name}: __Host-session=another"
    )

    assert answer.status == 400
