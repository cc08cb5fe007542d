"""POST /verify/confirm: the link that came proves the contact it came to."""

import pytest

from tests.conftest import OTHER_PASSWORD, PASSWORD

PATH = "/verify/confirm"
VERIFIED = {"message": "Account verified successfully"}
BOB = "bob@example.org"
NEW = "alice@example.net"
PHONE = "+442079460018"
FORGED = "0123456789abcdef0123456789abcdef." + 43 * "A"

closed_group = pytest.mark.parametrize(
    "app", [{"require_verification": False}], indirect=True
)


@pytest.fixture
def token(client, mailbox):
    """The token of the link that Bob was mailed when he registered."""
    client.post("/auth/register", username="bob", email=BOB, password=PASSWORD)
    return mailbox.link_token(BOB)


@pytest.fixture
def inside(client, logged_in):
    """Alice, logged in by bearer."""
    return client.bearer(logged_in.payload["access_token"])


@pytest.fixture
def new_token(inside, mailbox):
    """The token of the link that was mailed to Alice's new address."""
    inside.post("/auth/contacts", email=NEW, current_password=PASSWORD)
    return mailbox.link_token(NEW)


def log_in(client, identifier=BOB, password=PASSWORD):
    return client.post("/auth/login", identifier=identifier, password=password)


def test_token_alone_makes_the_user(client, token):
    answer = client.post(PATH, token=token)

    assert (answer.status, answer.payload) == (200, VERIFIED)
    assert answer.cookies == {}
    assert log_in(client).payload["user"]["is_verified"] is True


@pytest.mark.parametrize("name", ["password", "pwd"])
def test_token_with_the_password_makes_the_user(client, token, name):
    answer = client.post(PATH, token=token, **{name: PASSWORD})

    assert (answer.status, answer.payload) == (200, VERIFIED)
    assert log_in(client).status == 200


def test_wrong_password_is_refused_and_the_token_stays_unspent(client, token):
    answer = client.post(PATH, token=token, password="guess")

    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert log_in(client).status == 401
    assert client.post(PATH, token=token, password=PASSWORD).status == 200


@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}])
def test_token_works_once(client, token, given):
    client.post(PATH, token=token, **given)

    again = client.post(PATH, token=token, **given)

    assert (again.status, again.code) == (401, "invalid_code")


@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}])
@pytest.mark.parametrize("text", ["", "x", FORGED, FORGED + "=", "\0", "é"])
def test_forged_token_is_refused(client, text, given):
    answer = client.post(PATH, token=text, **given)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_token_of_a_row_with_another_mac_is_refused(client, token):
    forged = token[:33] + 43 * "A"

    assert client.post(PATH, token=forged).code == "invalid_code"
    assert client.post(PATH, token=token).status == 200


def test_token_expires_with_its_code(client, token, clock):
    clock.advance(600)

    assert client.post(PATH, token=token).code == "invalid_code"


def test_link_for_a_reset_proves_no_contact(client, mailbox, alice):
    client.post("/auth/password/forgot", email=alice.email)

    answer = client.post(PATH, token=mailbox.link_token(alice.email))

    assert answer.code == "invalid_code"


def test_code_and_link_are_one_proof(client, mailbox, token):
    client.post("/auth/verify-otp", email=BOB, otp=mailbox.code(BOB))

    assert client.post(PATH, token=token).code == "invalid_code"


def test_link_survives_guessing_at_the_digits(client, token):
    for number in range(40):  # more than a contact has guesses
        place = client.at(f"198.51.100.{number}")
        place.post("/auth/verify-otp", email=BOB, otp="abcdef")

    assert client.post(PATH, token=token, password=PASSWORD).status == 200


def test_name_taken_meanwhile_is_said_at_the_proof(client, mailbox, join):
    client.post("/auth/register", username="alice", email=BOB, password=PASSWORD)
    token = mailbox.link_token(BOB)
    join("alice")

    answer = client.post(PATH, token=token, password=PASSWORD)

    assert (answer.status, answer.code) == (409, "username_taken")


def test_code_is_taken_here_too(client, mailbox, token):
    answer = client.post(PATH, email=BOB, otp=mailbox.code(BOB))

    assert (answer.status, answer.payload) == (200, VERIFIED)


def test_id_names_the_registration_of_the_code(client, mailbox, token):
    body = {"email": BOB, "otp": mailbox.code(BOB), "id": "another"}

    assert client.post(PATH, **body).code == "invalid_code"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "token"),
        ({"password": PASSWORD}, "token"),
        ({"email": BOB}, "token"),
        ({"otp": "123456"}, "identifier"),
        ({"token": FORGED, "otp": "123456"}, "token"),
        ({"token": FORGED, "otp": "123456", "email": BOB}, "token"),
    ],
)
def test_exactly_one_proof_is_needed(client, body, field):
    answer = client.post(PATH, **body)

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["field"] == field


@pytest.mark.parametrize("password", [0, True, None, [], "x" * 1025])
def test_password_of_another_type_is_refused(client, token, password):
    answer = client.post(PATH, token=token, password=password)

    assert (answer.status, answer.code) == (400, "invalid_body")


def test_new_address_of_a_user_is_not_proven_by_the_link_alone(
    client, inside, new_token, alice
):
    answer = client.post(PATH, token=new_token)

    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert inside.get("/auth/me").payload["user"]["email"] == alice.email


def test_new_address_is_proven_inside_the_session(inside, new_token, mailbox, alice):
    answer = inside.post(PATH, token=new_token)

    assert (answer.status, answer.payload) == (200, VERIFIED)
    assert inside.get("/auth/me").payload["user"]["email"] == NEW
    assert [letter.recipient for letter in mailbox.fetch()] == [alice.email]


def test_owner_of_the_old_address_is_told_at_once(app, inside, new_token):
    app.delivery_due.clear()

    inside.post(PATH, token=new_token)

    assert app.delivery_due.is_set()


def test_new_address_is_proven_with_the_password(client, inside, new_token):
    answer = client.post(PATH, token=new_token, password=PASSWORD)

    assert answer.status == 200
    assert inside.get("/auth/me").payload["user"]["email"] == NEW


def test_wrong_password_counts_although_the_session_would_do(inside, new_token, alice):
    answer = inside.post(PATH, token=new_token, password="guess")

    assert answer.code == "invalid_credentials"
    assert inside.get("/auth/me").payload["user"]["email"] == alice.email


def test_session_of_somebody_else_does_not_help(client, new_token, join):
    bob = join("bob")
    opened = log_in(client, bob.email)
    other = client.bearer(opened.payload["access_token"])

    assert other.post(PATH, token=new_token).code == "invalid_credentials"


def test_bad_bearer_is_refused(client, token):
    answer = client.bearer("forged").post(PATH, token=token)

    assert (answer.status, answer.code) == (401, "invalid_token")


def test_link_to_a_new_address_dies_with_the_password(client, inside, new_token):
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    inside.post("/auth/password/change", **change)

    answer = inside.post(PATH, token=new_token)

    assert answer.code == "invalid_code"


def test_disabled_account_gets_no_new_address(client, inside, new_token, alice, sql):
    sql("UPDATE users SET disabled_at = 1 WHERE id = ?", alice.id)

    answer = client.post(PATH, token=new_token, password=PASSWORD)

    assert answer.code == "invalid_code"


def test_contact_proven_by_somebody_faster_is_gone(client, inside, new_token, mailbox):
    client.post("/register", username="bob", email=NEW, password=PASSWORD)
    client.post("/auth/verify-otp", email=NEW, otp=mailbox.code(NEW))

    answer = inside.post(PATH, token=new_token)

    assert (answer.status, answer.code) == (401, "invalid_code")


def register_with_both(client, mailbox):
    """Bob, who proved his address; return the code and token of his number."""
    contacts = {"email": BOB, "phone": PHONE}
    client.post("/auth/register", username="bob", password=PASSWORD, **contacts)
    code, number = mailbox.code(BOB), mailbox.code(PHONE)
    client.post("/auth/verify-otp", email=BOB, otp=code)
    return number


def test_each_contact_gets_a_message_of_its_own(client, mailbox):
    contacts = {"email": BOB, "phone": PHONE}
    client.post("/auth/register", username="bob", password=PASSWORD, **contacts)

    letters = mailbox.fetch()
    assert {letter.recipient for letter in letters} == {BOB, PHONE}
    assert mailbox.code(BOB) != mailbox.code(PHONE)


@pytest.mark.parametrize("first", [BOB, PHONE])
def test_first_contact_proven_makes_the_user(client, mailbox, first):
    contacts = {"email": BOB, "phone": PHONE}
    client.post("/auth/register", username="bob", password=PASSWORD, **contacts)

    client.post(PATH, identifier=first, otp=mailbox.code(first))

    user = log_in(client, "bob").payload["user"]
    assert sorted((user["email"] or "", user["phone"] or "")) == ["", first]


def test_second_contact_is_not_attached_by_its_code_alone(client, mailbox):
    number = register_with_both(client, mailbox)

    answer = client.post(PATH, phone=PHONE, otp=number)

    assert answer.code == "invalid_code"
    assert log_in(client).payload["user"]["phone"] is None


def test_second_contact_is_attached_inside_the_session(client, mailbox):
    number = register_with_both(client, mailbox)
    inside = client.bearer(log_in(client).payload["access_token"])

    assert inside.post(PATH, phone=PHONE, otp=number).status == 200
    assert inside.get("/auth/me").payload["user"]["phone"] == PHONE


def second_link(client, mailbox):
    """The link to Bob's address, where the number was proven first."""
    contacts = {"email": BOB, "phone": PHONE}
    client.post("/auth/register", username="bob", password=PASSWORD, **contacts)
    client.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))
    return mailbox.link_token(BOB)


def test_second_contact_is_not_attached_by_its_link_alone(client, mailbox):
    token = second_link(client, mailbox)

    answer = client.post(PATH, token=token)

    assert answer.code == "invalid_credentials"
    assert log_in(client, "bob").payload["user"]["email"] is None


def test_second_contact_is_attached_by_link_and_password(client, mailbox):
    token = second_link(client, mailbox)

    answer = client.post(PATH, token=token, password=PASSWORD)

    assert answer.status == 200
    assert log_in(client, "bob").payload["user"]["email"] == BOB
    [notice] = mailbox.fetch()
    assert notice.recipient == PHONE


@closed_group
@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}])
def test_closed_group_s_own_contact_is_proven_by_the_link(client, token, given):
    before = log_in(client).payload["user"]["is_verified"]

    answer = client.post(PATH, token=token, **given)

    assert answer.status == 200
    assert before is False
    assert log_in(client).payload["user"]["is_verified"] is True


def test_proof_and_refusal_are_written_down_as_for_a_code(client, token, sql):
    client.post(PATH, token=token, password="guess")
    client.post(PATH, token=FORGED)
    client.post(PATH, token=token, password=PASSWORD)

    rows = sql(
        "SELECT event, outcome, identifier FROM audit_log WHERE event = 'verify'"
        " ORDER BY id"
    )
    assert sorted(map(tuple, rows), key=str) == sorted(
        [
            ("verify", "invalid_credentials", BOB),
            ("verify", "invalid_code", None),
            ("verify", "ok", BOB),
        ],
        key=str,
    )


@pytest.mark.parametrize("app", [{"address_failures_per_hour": 3}], indirect=True)
@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}])
def test_forged_tokens_count_against_the_address(client, given):
    statuses = [client.post(PATH, token=FORGED, **given).status for _ in range(4)]

    assert statuses == [401, 401, 401, 429]


def test_passwords_of_one_account_are_bounded_from_one_address(client, token):
    statuses = [
        client.post(PATH, token=token, password="guess").status for _ in range(11)
    ]

    assert statuses == [*10 * [401], 429]


def test_passwords_of_a_registration_are_bounded_from_everywhere(client, token):
    for number in range(30):
        place = client.at(f"198.51.100.{number}")
        place.post(PATH, token=token, password="guess")

    answer = client.post(PATH, token=token, password=PASSWORD)

    assert answer.code == "invalid_credentials"


def test_failed_logins_at_the_address_do_not_kill_the_link(client, token):
    for number in range(12):
        log_in(client.at(f"198.51.100.{number}"), BOB, "guess")

    assert client.post(PATH, token=token, password=PASSWORD).status == 200


def test_guesses_by_link_and_by_login_share_the_account_s_budget(
    client, new_token, alice
):
    for number in range(10):
        place = client.at(f"198.51.100.{number}")
        place.post(PATH, token=new_token, password="guess")

    stranger = client.at("203.0.113.9")
    assert log_in(stranger, alice.email).status == 401
    assert stranger.post(PATH, token=new_token, password=PASSWORD).status == 401


def test_right_password_gives_the_try_back(client, mailbox, inside, alice):
    elsewhere = client.at("203.0.113.9")
    for number in range(4):
        address = f"alice{number}@example.net"
        place = inside.at(f"198.51.100.{number}")
        place.post("/auth/contacts", email=address, current_password=PASSWORD)
        token = mailbox.link_token(address)
        place = elsewhere.at(f"203.0.113.{number}")
        assert place.post(PATH, token=token, password=PASSWORD).status == 200

    for number in range(9):
        log_in(client.at(f"203.0.113.{number + 100}"), alice.username, "guess")
    assert log_in(elsewhere, alice.username).status == 200
