"""Finding out who has an account, by any difference between two answers.

Django's login told by time (CVE-2016-2513, CVE-2024-39329), Vault's by text
(CVE-2023-3462), Grafana's by its status for a forgotten password
(CVE-2022-39307). Here status, body and headers are the same whoever is named,
and so is what takes the time: commits and hashes, counted at the edges.

User names are the stated exception: they are public, and registering a taken
one says so.
"""

from functools import partial

import pytest

LONG = "73 bytes of password are one more than bcrypt reads: nothing may show it."
DISABLE = "UPDATE users SET disabled_at = 1 WHERE username = ?"
MISTYPE = """UPDATE users SET email_verified_at = NULL, phone = '+442079460018',
             phone_verified_at = 1 WHERE username = ?"""
KINDS = ("plain", "locked", "waits", "disabled", "lengthy", "mistyped", "nobody")

REQUESTS = {
    "login": ("/auth/login", {"password": "wrong"}),
    "login, password of 73 bytes": ("/auth/login", {"password": "x" * 73}),
    "login by code": ("/auth/login", {"otp": "000000"}),
    "forgot": ("/auth/password/forgot", {}),
    "send verify code": ("/auth/otp", {"purpose": "verify"}),
    "send login code": ("/auth/otp", {"purpose": "login"}),
    "send reset code": ("/auth/otp", {"purpose": "reset"}),
    "verify": ("/auth/verify-otp", {"otp": "000000"}),
    "validate": ("/validate-otp", {"otp": "000000"}),
    "reset": (
        "/auth/password/reset",
        {"otp": "000000", "new_password": "another good phrase"},
    ),
}


@pytest.fixture(params=["process", "database"])
def limits(request) -> str:
    return request.param


@pytest.fixture
def everybody(app, client, mailbox, join, places):
    """Every kind of person there is; each one's name is the kind."""
    assert len(LONG.encode()) == 73
    for name in ("plain", "locked", "disabled", "mistyped"):
        join(name)
    for place in places(11):
        body = {"identifier": "locked", "password": "wrong"}
        client.at(place).post("/auth/login", **body)
    app.database.transaction(lambda tx: tx.execute(DISABLE, ("disabled",)))
    app.database.transaction(lambda tx: tx.execute(MISTYPE, ("mistyped",)))
    for name in ("waits", "lengthy"):
        body = {"username": name, "email": f"{name}@example.org", "password": LONG}
        client.at("198.51.100.2").post("/auth/register", **body)
    body = {"email": "lengthy@example.org", "otp": mailbox.code("lengthy@example.org")}
    assert client.post("/auth/verify-otp", **body).status == 200


def observe(tally, send):
    """Return all that can be told from outside about the answer of `send`."""
    tally.clear()
    answer = send()
    return answer.public(), tally.cost


@pytest.mark.parametrize("spelled", ["{}", "{}@example.org"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_answer_and_cost_are_the_same_for_everybody(
    counted, tally, everybody, places, request_name, spelled
):
    path, body = REQUESTS[request_name]

    seen = [
        observe(
            tally,
            partial(
                counted.at(place).post, path, identifier=spelled.format(kind), **body
            ),
        )
        for kind, place in zip(KINDS, places(len(KINDS)), strict=True)
    ]

    assert seen == [seen[0]] * len(KINDS)


def test_right_password_of_locked_and_disabled_looks_wrong(
    counted, tally, client, everybody, places
):
    right = {"password": "correct horse battery"}

    seen = [
        observe(
            tally,
            partial(counted.at(place).post, "/auth/login", identifier=kind, **right),
        )
        for kind, place in zip(("locked", "disabled", "nobody"), places(3), strict=True)
    ]

    assert seen == [seen[0]] * 3


def test_right_password_of_a_registration_looks_wrong_with_its_address(
    client, everybody
):
    right = {"password": LONG}
    waits = client.post("/auth/login", identifier="waits@example.org", **right)
    nobody = client.post("/auth/login", identifier="nobody@example.org", **right)

    assert waits.public() == nobody.public()


def register(client, username, email):
    body = {"username": username, "email": email, "password": "correct horse battery"}
    answer = client.post("/auth/register", **body)
    assert answer.payload["user"].pop("id")
    assert answer.payload["user"].pop("username") == username
    assert answer.payload["user"].pop("email") == email
    return answer


def test_registering_tells_nobody_whose_address_is_in_use(
    counted, tally, everybody, places
):
    seen = [
        observe(
            tally,
            partial(register, counted.at(place), f"new{n}", f"{kind}@example.org"),
        )
        for n, (kind, place) in enumerate(zip(KINDS, places(len(KINDS)), strict=True))
    ]

    assert seen == [seen[0]] * len(KINDS)


def test_registration_with_an_address_in_use_behaves_like_any_other(
    counted, tally, everybody, places
):
    register(counted.at("192.0.2.3"), "mallory1", "plain@example.org")
    register(counted.at("192.0.2.3"), "mallory2", "nobody@example.org")

    log_in = partial(counted.post, "/auth/login", password="correct horse battery")
    logins = [
        observe(tally, partial(log_in, identifier=name))
        for name in ("mallory1", "mallory2")
    ]
    resends = [
        observe(tally, partial(counted.post, "/auth/otp", identifier=name))
        for name in ("mallory1", "mallory2")
    ]

    assert logins[0] == logins[1]
    assert resends[0] == resends[1]


def test_asking_for_an_address_in_use_looks_like_asking_for_a_free_one(
    counted, tally, everybody
):
    body = {"identifier": "plain", "password": "correct horse battery"}
    token = counted.post("/auth/login", **body).payload["access_token"]
    ask = partial(
        counted.bearer(token).post,
        "/auth/contacts",
        current_password="correct horse battery",
    )

    taken = observe(tally, partial(ask, email="locked@example.org"))
    free = observe(tally, partial(ask, email="nobody@example.org"))

    assert taken == free


def test_limit_on_codes_is_reached_by_everybody_alike(client, everybody, places):
    seen = [
        [
            client.at(place).post("/auth/password/forgot", identifier=kind).public()
            for _ in range(4)
        ]
        for kind, place in zip(KINDS, places(len(KINDS)), strict=True)
    ]

    assert [answer[0] for answer in seen[0]] == [200, 200, 200, 429]
    assert seen == [seen[0]] * len(KINDS)


def test_two_names_of_one_person_share_no_visible_limit(client, everybody):
    ask = partial(client.post, "/auth/password/forgot")

    statuses = [ask(identifier="plain").status for _ in range(3)]
    statuses += [ask(identifier="plain@example.org").status for _ in range(3)]

    assert statuses == [200] * 6


def test_headers_over_the_wire_are_the_same(everybody, volley):
    bodies = [{"identifier": kind, "password": "wrong"} for kind in KINDS]

    replies = volley.fire("/auth/login", bodies)

    heads = {
        "\n".join(
            line
            for line in reply.head.splitlines()
            if not line.startswith(("X-Request-Id:", "Date:"))
        )
        for reply in replies
    }
    assert len(heads) == 1
