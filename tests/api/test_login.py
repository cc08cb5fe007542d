"""POST /auth/login: a password or a code opens a session, or all is silent."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authserver.passwords.hasher import Hasher
from tests.conftest import PASSWORD, START

VECTORS = Path(__file__).parents[1] / "vectors"

PHONE = "+442079460018"
ME = "/auth/me"

single = pytest.mark.parametrize("app", [{"session_policy": "single"}], indirect=True)


def register(client, **contacts):
    return client.post(
        "/auth/register", username="bob", password=PASSWORD, **contacts
    ).payload["user"]


def login_code(client, mailbox, person):
    """Ask for a login code and return it."""
    client.post("/auth/otp", email=person.email, purpose="login")
    return mailbox.code(person.email)


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def disable(sql, person):
    sql("UPDATE users SET disabled_at = ? WHERE id = ?", START, person.id)


@pytest.mark.parametrize("path", ["/auth/login", "/login"])
@pytest.mark.parametrize("password", ["password", "pwd"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identifier", "alice"),
        ("username", " Alice "),
        ("email", "Alice@Example.org"),
    ],
)
def test_every_dialect_logs_in(client, alice, path, password, name, value):
    answer = client.post(path, **{name: value, password: alice.password})

    tokens = {"access_token", "refresh_token"}
    rest = {k: v for k, v in answer.payload.items() if k not in tokens}
    assert answer.status == 200
    assert answer.payload.keys() >= tokens
    assert rest == {
        "message": "Login successful",
        "token_type": "bearer",
        "expires_in": 900,
        "user": {
            "id": alice.id,
            "username": "alice",
            "email": "alice@example.org",
            "phone": None,
            "is_verified": True,
        },
    }


@pytest.mark.parametrize("name", ["identifier", "phone", "mobile_number"])
@pytest.mark.parametrize("app", [{"phone_country_code": "44"}], indirect=True)
def test_number_logs_in_as_its_owner_would_dial_it(client, mailbox, name):
    register(client, phone=PHONE)
    client.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))

    answer = client.post("/login", **{name: "020 7946 0018", "password": PASSWORD})

    assert answer.status == 200


def test_cookie_has_every_safeguard_and_lives_as_long_as_the_session(logged_in):
    line = logged_in.header("Set-Cookie")

    assert line.startswith("__Host-session=")
    assert set(line.split("; ")[1:]) == {
        "Max-Age=2592000",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
    }


def test_cookie_only_makes_no_token(client, alice, sql):
    answer = client.post(
        "/auth/login", email=alice.email, password=alice.password, cookie_only=True
    )

    assert answer.payload.keys() == {"message", "user"}
    assert client.cookie(*answer.cookies.popitem()).get(ME).status == 200
    assert sql("SELECT COUNT(*) FROM refresh_tokens") == [(0,)]


def test_unknown_wrong_locked_and_disabled_are_one_answer(client, join, sql):
    alice, bob, carol = join("alice"), join("bob"), join("carol")
    disable(sql, bob)
    for number in range(11):
        at = client.at(f"198.51.100.{number}")
        at.post("/auth/login", email=carol.email, password="guess")

    answers = [
        client.post("/auth/login", email=email, password=password).public()
        for email, password in [
            ("nobody@example.org", PASSWORD),
            (alice.email, "not the password"),
            (bob.email, PASSWORD),
            (carol.email, PASSWORD),
        ]
    ]

    assert answers[0][0] == 401
    assert answers[0][1]["code"] == "invalid_credentials"
    assert answers.count(answers[0]) == 4


def test_refusal_challenges_for_a_bearer(client):
    answer = client.post("/auth/login", username="nobody", password=PASSWORD)

    assert answer.header("WWW-Authenticate") == 'Bearer realm="authserver"'


def test_locked_account_takes_single_tries_after_growing_waits(client, alice, clock):
    def attempt(password, number):
        at = client.at(f"198.51.101.{number}")
        return at.post("/login", email=alice.email, password=password).status

    guesses = [attempt("guess", number) for number in range(11)]
    early = attempt(alice.password, 20)
    clock.advance(60)
    after_a_minute = attempt("guess", 21)
    clock.advance(60)
    before_two = attempt(alice.password, 22)
    clock.advance(60)

    assert guesses == 11 * [401]
    assert (early, after_a_minute, before_two) == (401, 401, 401)
    assert attempt(alice.password, 23) == 200
    assert attempt(alice.password, 24) == 200


def test_day_without_a_try_forgets_the_failures(client, alice, clock):
    for number in range(11):
        at = client.at(f"198.51.101.{number}")
        at.post("/login", email=alice.email, password="guess")

    clock.advance(86400)

    at = client.at("198.51.101.99")
    wrong_first = at.post("/login", email=alice.email, password="guess").status
    right_next = at.post("/login", email=alice.email, password=alice.password).status
    assert (wrong_first, right_next) == (401, 200)


def test_known_address_is_not_locked_out_by_strangers(client, alice, logged_in):
    for number in range(12):
        at = client.at(f"198.51.101.{number}")
        at.post("/login", email=alice.email, password="guess")

    answer = client.post("/login", email=alice.email, password=alice.password)

    assert answer.status == 200


def test_eleventh_failure_of_an_address_waits(client, alice):
    statuses = [
        client.post("/login", email=alice.email, password="guess").status
        for _ in range(11)
    ]

    refused = client.post("/login", email=alice.email, password=alice.password)
    assert statuses == [*10 * [401], 429]
    assert refused.code == "too_many_requests"
    assert int(refused.header("Retry-After")) > 0


def test_unproven_registration_is_named_to_its_own_password_only(client):
    register(client, email="bob@example.org")

    by_name = client.post("/login", username="bob", password=PASSWORD)
    by_mail = client.post("/login", email="bob@example.org", password=PASSWORD)
    guessed = client.post("/login", username="bob", password="guess")

    assert (by_name.status, by_name.code) == (403, "contact_not_verified")
    assert (by_mail.status, by_mail.code) == (401, "invalid_credentials")
    assert by_mail.public() == guessed.public()


@pytest.mark.parametrize(
    "body",
    [
        {"username": "alice"},
        {"username": "alice", "password": PASSWORD, "otp": "123456"},
        {"password": PASSWORD},
        {"username": "alice", "email": "alice@example.org", "password": PASSWORD},
        {"username": "alice", "password": PASSWORD, "cookie_only": "yes"},
        {"username": "alice", "password": PASSWORD, "replace_session": 1},
        {"username": "alice", "password": [PASSWORD]},
    ],
)
def test_one_identifier_and_one_proof_are_needed(client, body):
    answer = client.post("/auth/login", **body)

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"]


def test_identifier_that_is_nothing_breaks_a_rule(client):
    answer = client.post("/auth/login", identifier="", password=PASSWORD)

    assert (answer.status, answer.code) == (422, "rule_broken")


def test_hash_of_another_cost_is_replaced_at_the_login(client, alice, sql):
    old = Hasher("bcrypt", bcrypt_rounds=5).hash(alice.password)
    sql("UPDATE users SET password_hash = ?", old)

    wrong_one = client.post("/login", email=alice.email, password="guess")
    kept = sql("SELECT password_hash FROM users")
    right_one = client.post("/login", email=alice.email, password=alice.password)

    assert (wrong_one.status, right_one.status) == (401, 200)
    assert kept == [(old,)]
    [(replaced, version)] = sql("SELECT password_hash, password_version FROM users")
    assert replaced.startswith("$2b$04$")
    assert version == 1


FORMS = {  # one hash of each form that other systems store
    vector["form"]: vector
    for vector in json.loads((VECTORS / "foreign_hashes.json").read_text())
    if len(vector["password"].encode()) <= 72
}


@pytest.mark.parametrize("form", FORMS)
def test_hash_of_another_system_is_replaced_at_the_first_login(
    client, alice, sql, form
):
    sql("UPDATE users SET password_hash = ?", FORMS[form]["hash"])
    password = FORMS[form]["password"]

    wrong_one = client.post("/login", email=alice.email, password=f"{password}x")
    right_one = client.post("/login", email=alice.email, password=password)
    [(replaced,)] = sql("SELECT password_hash FROM users")
    next_one = client.post("/login", email=alice.email, password=password)

    statuses = [each.status for each in (wrong_one, right_one, next_one)]
    assert statuses == [401, 200, 200]
    assert replaced.startswith("$2b$04$")


def test_login_in_the_same_browser_ends_its_former_session(client, alice, logged_in):
    browser = client.cookie("__Host-session", logged_in.cookies["__Host-session"])

    again = browser.post("/login", email=alice.email, password=alice.password)
    unknown = client.cookie("__Host-session", "x").post(
        "/login", email=alice.email, password=alice.password
    )

    assert (again.status, unknown.status) == (200, 200)
    assert browser.get(ME).status == 401


def test_login_code_opens_a_session_once(client, mailbox, alice):
    code = login_code(client, mailbox, alice)

    first = client.post("/auth/login", email=alice.email, otp=code)
    again = client.post("/auth/login", email=alice.email, otp=code)

    assert (first.status, again.status) == (200, 401)
    assert again.code == "invalid_code"
    assert client.bearer(first.payload["access_token"]).get(ME).status == 200


def test_wrong_code_and_nobody_are_one_answer(client, mailbox, alice):
    code = login_code(client, mailbox, alice)

    known = client.post("/auth/login", email=alice.email, otp=wrong(code))
    unknown = client.post("/auth/login", email="nobody@example.org", otp=code)

    assert (known.status, known.code) == (401, "invalid_code")
    assert known.public() == unknown.public()


def test_login_code_expires(client, mailbox, alice, clock):
    code = login_code(client, mailbox, alice)

    clock.advance(600)

    assert client.post("/login", email=alice.email, otp=code).status == 401


@pytest.mark.parametrize("path", ["/auth/verify-otp", "/validate-otp"])
def test_login_code_is_good_for_nothing_else(client, mailbox, alice, path):
    code = login_code(client, mailbox, alice)

    assert client.post(path, email=alice.email, otp=code).status == 401


def test_reset_code_opens_no_session(client, mailbox, alice):
    client.post("/auth/otp", email=alice.email, purpose="reset")
    code = mailbox.code(alice.email)

    assert client.post("/login", email=alice.email, otp=code).status == 401


def test_verify_code_of_a_registration_logs_in_at_once(client, mailbox):
    bob = register(client, phone=PHONE)

    answer = client.post("/login", mobile_number=PHONE, otp=mailbox.code(PHONE))

    assert answer.status == 200
    assert answer.payload["user"] == bob | {"is_verified": True}


def test_number_of_a_registration_without_it_opens_nothing(client, mailbox):
    register(client, email="bob@example.org")

    answer = client.post("/login", phone=PHONE, otp=mailbox.code("bob@example.org"))

    assert answer.status == 401


def test_name_taken_meanwhile_is_said_at_the_login_too(client, mailbox, join):
    client.post(
        "/register", username="alice", email="bob@example.org", password=PASSWORD
    )
    code = mailbox.code("bob@example.org")
    join("alice")

    answer = client.post("/login", email="bob@example.org", otp=code)

    assert (answer.status, answer.code) == (409, "username_taken")


def test_disabled_user_gets_nowhere_by_code(client, mailbox, alice, sql):
    code = login_code(client, mailbox, alice)
    disable(sql, alice)

    answer = client.post("/auth/login", email=alice.email, otp=code)

    assert (answer.status, answer.code) == (401, "invalid_credentials")


@single
def test_single_policy_refuses_a_second_session(client, alice, logged_in):
    second = client.post("/login", email=alice.email, password=alice.password)

    first = client.bearer(logged_in.payload["access_token"])
    assert (second.status, second.code) == (409, "session_active")
    assert second.payload["detail"] == "Session already active"
    assert first.get(ME).status == 200


def test_time_of_the_last_login_is_noted(client, alice, clock, sql):
    clock.advance(60)

    client.post("/login", email=alice.email, password=alice.password)

    assert sql("SELECT last_login_at FROM users") == [(clock.now(),)]


@single
def test_refused_session_is_no_last_login(client, alice, logged_in, clock, sql):
    clock.advance(60)

    refused = client.post("/login", email=alice.email, password=alice.password)

    assert refused.code == "session_active"
    assert sql("SELECT last_login_at FROM users") == [(clock.now() - 60,)]


@single
def test_single_policy_lets_in_one_of_many_who_come_at_once(client, alice):
    def log_in(_):
        return client.post("/login", email=alice.email, password=alice.password)

    with ThreadPoolExecutor(4) as threads:
        statuses = [answer.status for answer in threads.map(log_in, range(4))]

    assert sorted(statuses) == [200, 409, 409, 409]


@single
def test_single_policy_replaces_the_session_if_asked(client, alice, logged_in):
    second = client.post(
        "/login", email=alice.email, password=alice.password, replace_session=True
    )

    first = client.bearer(logged_in.payload["access_token"])
    assert second.status == 200
    assert first.get(ME).status == 401


@single
def test_single_policy_says_nothing_to_a_wrong_password(client, alice, logged_in):
    assert client.post("/login", email=alice.email, password="guess").status == 401


@single
def test_ended_session_does_not_count_for_the_policy(client, alice, logged_in, clock):
    clock.advance(7 * 86400)

    answer = client.post("/login", email=alice.email, password=alice.password)

    assert answer.status == 200


@pytest.mark.parametrize(
    "app", [{"session_policy": "single", "otp_max_attempts": 1}], indirect=True
)
def test_code_is_unspent_when_the_policy_refuses(client, mailbox, alice, logged_in):
    code = login_code(client, mailbox, alice)

    refused = client.post("/login", email=alice.email, otp=code)
    replaced = client.post("/login", email=alice.email, otp=code, replace_session=True)

    assert (refused.status, refused.code) == (409, "session_active")
    assert replaced.status == 200
