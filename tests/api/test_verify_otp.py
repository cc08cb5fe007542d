"""POST /auth/verify-otp: the code that came proves the contact it came to."""

import pytest

from authserver import codes
from tests.conftest import PASSWORD

VERIFIED = {"message": "Account verified successfully"}
BOB = "bob@example.org"
PHONE = "+442079460018"

closed_group = pytest.mark.parametrize(
    "app", [{"require_verification": False}], indirect=True
)


def register(client, username="bob", **contacts):
    """Register with BOB's address, or others; return the registration's id."""
    contacts = contacts or {"email": BOB}
    answer = client.post(
        "/auth/register", username=username, password=PASSWORD, **contacts
    )
    return answer.payload["user"]["id"]


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


@pytest.mark.parametrize("path", ["/auth/verify-otp", "/otp"])
@pytest.mark.parametrize("name", ["identifier", "email"])
def test_right_code_makes_the_user(client, mailbox, path, name):
    registration_id = register(client)

    answer = client.post(path, **{name: BOB}, otp=mailbox.code(BOB))

    assert (answer.status, answer.payload) == (200, VERIFIED)
    assert answer.cookies == {}
    login = client.post("/auth/login", email=BOB, password=PASSWORD)
    assert login.payload["user"] == {
        "id": registration_id,
        "username": "bob",
        "email": BOB,
        "phone": None,
        "is_verified": True,
    }


@pytest.mark.parametrize("name", ["phone", "mobile_number"])
def test_number_is_proven_by_its_code(client, mailbox, name):
    register(client, phone=PHONE)

    answer = client.post("/otp", **{name: PHONE}, otp=mailbox.code(PHONE))

    assert answer.status == 200


def test_user_name_means_the_first_contact(client, mailbox):
    register(client, email=BOB, phone=PHONE)

    by_phone = client.post("/otp", identifier="bob", otp=mailbox.code(PHONE))
    by_mail = client.post("/otp", identifier="bob", otp=mailbox.code(BOB))

    assert (by_phone.status, by_mail.status) == (401, 200)


def test_number_that_lost_its_zeros_is_padded(app, client, sql):
    register(client)
    key = app.keyring.derive("code", app.keyring.current)
    ids = (f"{number:032x}" for number in range(1000))
    low = next(each for each in ids if codes.otp(key, "verify", each) < "100000")
    sql("UPDATE one_time_codes SET id = ?", low)

    answer = client.post("/otp", email=BOB, otp=int(codes.otp(key, "verify", low)))

    assert answer.status == 200


@pytest.mark.parametrize("otp", [0, -1, 1_000_000, True, 1.5, [], {}, None])
def test_code_of_another_type_is_refused(client, otp):
    answer = client.post("/auth/verify-otp", email=BOB, otp=otp)

    assert (answer.status, answer.code) == (400, "invalid_body")


def test_identifier_that_is_nothing_breaks_a_rule(client):
    answer = client.post("/auth/verify-otp", identifier="!", otp="123456")

    assert (answer.status, answer.code) == (422, "rule_broken")


def test_wrong_and_unknown_are_one_answer(client, mailbox):
    register(client)

    known = client.post("/otp", email=BOB, otp=wrong(mailbox.code(BOB)))
    unknown = client.post("/otp", email="nobody@example.org", otp="123456")

    assert (known.status, known.code) == (401, "invalid_code")
    assert known.public() == unknown.public()


def test_code_works_once(client, mailbox):
    register(client)
    code = mailbox.code(BOB)

    client.post("/auth/verify-otp", email=BOB, otp=code)

    assert client.post("/auth/verify-otp", email=BOB, otp=code).status == 401


def test_code_expires(client, mailbox, clock):
    register(client)
    code = mailbox.code(BOB)

    clock.advance(600)

    assert client.post("/auth/verify-otp", email=BOB, otp=code).status == 401


@pytest.mark.parametrize("app", [{"otp_expire_minutes": 60}], indirect=True)
def test_registration_expires(client, mailbox, clock):
    client.post("/auth/register", username="bob", email=BOB, password=PASSWORD)
    clock.advance(1800)
    client.post("/auth/otp", email=BOB)
    code = mailbox.code(BOB)

    clock.advance(1800)

    assert client.post("/auth/verify-otp", email=BOB, otp=code).status == 401


def test_five_wrong_guesses_use_the_code_up(client, mailbox):
    register(client)
    code = mailbox.code(BOB)

    for _ in range(5):
        client.post("/auth/verify-otp", email=BOB, otp=wrong(code))

    assert client.post("/auth/verify-otp", email=BOB, otp=code).status == 401


def test_each_live_registration_of_a_contact_is_tried(client, mailbox):
    first = register(client, "bob")
    code = mailbox.code(BOB)
    register(client, "robert")

    answer = client.post("/auth/verify-otp", email=BOB, otp=code)

    assert answer.status == 200
    user = client.post("/login", username="bob", password=PASSWORD).payload["user"]
    assert user["id"] == first


def test_id_spares_the_other_registrations_a_guess(client, mailbox, sql):
    own = register(client, "bob")
    other = register(client, "robert")

    client.post("/auth/verify-otp", email=BOB, otp="abcdef", id=own)

    left = dict(sql("SELECT subject_id, attempts_left FROM one_time_codes"))
    assert left == {own: 4, other: 5}


def test_guesses_at_a_contact_are_bounded_from_everywhere(client, mailbox):
    register(client)
    for number in range(30):
        at = client.at(f"198.51.100.{number}")
        at.post("/auth/verify-otp", email=BOB, otp="abcdef")
    client.post("/auth/otp", email=BOB)  # the first code has no attempts left
    code = mailbox.code(BOB)

    assert client.post("/auth/verify-otp", email=BOB, otp=code).status == 401


def test_name_taken_meanwhile_is_said_at_the_proof(client, mailbox, join):
    register(client, "alice")
    code = mailbox.code(BOB)
    join("alice")

    answer = client.post("/auth/verify-otp", email=BOB, otp=code)

    assert (answer.status, answer.code) == (409, "username_taken")


def test_contact_proven_by_somebody_faster_is_gone(client, mailbox):
    register(client, "bob")
    slow = mailbox.code(BOB)
    register(client, "robert")
    client.post("/auth/verify-otp", email=BOB, otp=mailbox.code(BOB))

    answer = client.post("/auth/verify-otp", identifier="bob", otp=slow)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_second_contact_needs_the_session_of_its_user(client, mailbox):
    register(client, email=BOB, phone=PHONE)
    client.post("/auth/verify-otp", email=BOB, otp=mailbox.code(BOB))
    login = client.post("/auth/login", email=BOB, password=PASSWORD)
    inside = client.cookie("__Host-session", login.cookies["__Host-session"])
    code = mailbox.code(PHONE)

    outside = client.post("/auth/verify-otp", phone=PHONE, otp=code)
    answer = inside.post("/auth/verify-otp", phone=PHONE, otp=code)

    assert (outside.status, answer.status) == (401, 200)
    assert inside.get("/auth/me").payload["user"]["phone"] == PHONE


def test_session_of_somebody_else_does_not_complete_a_second_contact(
    client, mailbox, logged_in
):
    register(client, email=BOB, phone=PHONE)
    client.post("/auth/verify-otp", email=BOB, otp=mailbox.code(BOB))

    inside = client.bearer(logged_in.payload["access_token"])
    answer = inside.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))

    assert answer.status == 401


def test_bad_bearer_is_refused(client):
    answer = client.bearer("forged").post("/otp", identifier="bob", otp="123456")

    assert (answer.status, answer.code) == (401, "invalid_token")


def test_eleventh_guess_waits(client):
    statuses = [
        client.post("/auth/verify-otp", email=BOB, otp="123456").status
        for _ in range(11)
    ]

    assert statuses == [*10 * [401], 429]


@closed_group
def test_closed_group_marks_its_user_as_proven(client, mailbox):
    register(client)
    register_code = mailbox.code(BOB)

    answer = client.post("/auth/verify-otp", email=BOB, otp=register_code)

    user = client.post("/login", email=BOB, password=PASSWORD).payload["user"]
    assert answer.status == 200
    assert user["is_verified"] is True


@closed_group
def test_whoever_proves_a_contact_takes_it_from_an_unproven_holder(client, mailbox):
    register(client, "eve", email=BOB, phone=PHONE)
    eve = client.post("/login", username="eve", password=PASSWORD)
    register(client, "bob", email="old@example.org")
    bob = client.post("/login", username="bob", password=PASSWORD)
    inside = client.bearer(bob.payload["access_token"])
    mailbox.fetch()
    inside.post("/auth/contacts", email=BOB, current_password=PASSWORD)
    code = mailbox.code(BOB)

    answer = inside.post("/auth/verify-otp", email=BOB, otp=code)

    assert answer.status == 200
    assert inside.get("/auth/me").payload["user"]["email"] == BOB
    assert client.bearer(eve.payload["access_token"]).get("/auth/me").status == 401


@closed_group
def test_number_is_taken_from_an_unproven_holder_too(client, mailbox):
    register(client, "eve", phone=PHONE)
    register(client, "bob")
    bob = client.post("/login", username="bob", password=PASSWORD)
    inside = client.bearer(bob.payload["access_token"])
    mailbox.fetch()
    inside.post("/auth/contacts", phone=PHONE, current_password=PASSWORD)

    answer = inside.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))

    assert answer.status == 200
    eve = client.post("/login", username="eve", password=PASSWORD)
    assert eve.payload["user"]["phone"] is None


@closed_group
def test_unproven_user_may_ask_for_the_code_again(client, mailbox):
    register(client)
    code = mailbox.code(BOB)

    client.post("/auth/otp", email=BOB)

    assert [each.recipient for each in mailbox.fetch()] == [BOB]
    assert mailbox.code(BOB) == code
