"""POST /auth/contacts: a new address or number, once its code came back."""

import pytest

from tests.conftest import PASSWORD

PATH = "/auth/contacts"
SENT = {"message": "OTP sent successfully"}
NEW = "alice@example.net"
PHONE = "+442079460018"


@pytest.fixture
def inside(client, logged_in):
    """Alice, logged in by bearer."""
    return client.bearer(logged_in.payload["access_token"])


def ask(who, **contact):
    return who.post(PATH, current_password=PASSWORD, **contact)


def shown(who):
    return who.get("/auth/me").payload["user"]


def test_proven_address_replaces_the_old_one_whose_owner_is_told(
    inside, mailbox, alice
):
    asked = ask(inside, email=NEW)
    before = shown(inside)["email"]
    proven = inside.post("/auth/verify-otp", email=NEW, otp=mailbox.code(NEW))

    assert (asked.status, asked.payload) == (200, SENT)
    assert (before, shown(inside)["email"]) == (alice.email, NEW)
    assert proven.status == 200
    [notice] = mailbox.fetch()
    assert notice.recipient == alice.email
    assert "address of your account" in notice.subject


@pytest.mark.parametrize("name", ["phone", "mobile_number"])
@pytest.mark.parametrize("app", [{"phone_country_code": "44"}], indirect=True)
def test_number_is_added_beside_the_address(inside, mailbox, alice, name):
    ask(inside, **{name: "020 7946 0018"})
    inside.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))

    assert shown(inside)["email"] == alice.email
    assert shown(inside)["phone"] == PHONE
    [notice] = mailbox.fetch()
    assert notice.recipient == alice.email
    assert notice.subject.startswith("An address was added")


def test_code_is_worth_nothing_outside_the_session(client, inside, mailbox):
    ask(inside, email=NEW)
    code = mailbox.code(NEW)

    outside = client.post("/auth/verify-otp", email=NEW, otp=code)
    login = client.post("/auth/login", email=NEW, otp=code)

    assert (outside.status, login.status) == (401, 401)


def test_code_is_sent_again_inside_the_session_only(client, inside, mailbox):
    ask(inside, email=NEW)
    code = mailbox.code(NEW)

    client.post("/auth/otp", email=NEW)
    outside = mailbox.fetch()
    inside.post("/auth/otp", email=NEW)

    assert outside == []
    assert mailbox.code(NEW) == code


def test_number_s_code_is_sent_again_too(inside, mailbox):
    ask(inside, phone=PHONE)
    code = mailbox.code(PHONE)

    inside.post("/auth/otp", phone=PHONE)

    assert len(mailbox.fetch()) == 1
    assert mailbox.code(PHONE) == code


def test_contact_in_use_gets_the_same_answer_and_another_letter(
    inside, mailbox, join, sql
):
    bob = join("bob")

    taken = ask(inside, email=bob.email)
    free = ask(inside, email=NEW)
    letters = {letter.recipient: letter.subject for letter in mailbox.fetch()}
    again = inside.post("/auth/otp", email=bob.email)

    assert taken.public() == free.public()
    assert "already have an account" in letters[bob.email]
    assert "confirm this address" in letters[NEW]
    assert again.status == 200
    assert mailbox.fetch() == []


def test_contact_proven_by_somebody_faster_is_gone(client, inside, mailbox):
    ask(inside, email=NEW)
    code = mailbox.code(NEW)
    client.post("/register", username="bob", email=NEW, password=PASSWORD)
    client.post("/auth/verify-otp", email=NEW, otp=mailbox.code(NEW))

    answer = inside.post("/auth/verify-otp", email=NEW, otp=code)

    assert (answer.status, answer.code) == (401, "invalid_code")


def test_own_address_may_be_proven_again(inside, mailbox, alice):
    ask(inside, email=alice.email)

    answer = inside.post(
        "/auth/verify-otp", email=alice.email, otp=mailbox.code(alice.email)
    )

    assert answer.status == 200
    assert mailbox.fetch() == []


def test_wrong_password_is_refused(inside, mailbox):
    answer = inside.post(PATH, email=NEW, current_password="guess")

    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert mailbox.fetch() == []


def test_fourth_letter_to_a_contact_waits(inside):
    statuses = [ask(inside, email=NEW).status for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


def test_contact_that_was_sent_enough_is_skipped_silently(inside, mailbox):
    answers = [ask(inside.at(f"198.51.101.{n}"), email=NEW) for n in range(4)]

    assert {answer.status for answer in answers} == {200}
    assert len(mailbox.fetch()) == 3


@pytest.mark.parametrize(
    ("contacts", "field"),
    [({"email": "alice"}, "email"), ({"phone": "020 7946 0018"}, "phone")],
)
def test_bad_contact_is_refused(inside, contacts, field):
    answer = ask(inside, **contacts)

    assert (answer.status, answer.code) == (422, "rule_broken")
    assert answer.payload["errors"][0]["field"] == field


@pytest.mark.parametrize("contacts", [{}, {"email": NEW, "phone": PHONE}])
def test_one_contact_is_needed(inside, contacts):
    answer = ask(inside, **contacts)

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["field"] == "email"


def test_current_password_is_needed(inside):
    answer = inside.post(PATH, email=NEW)

    assert (answer.status, answer.code) == (400, "invalid_body")


@pytest.mark.parametrize(
    "app",
    [
        {"email_host": "mail.example.org", "email_from": "a@example.org"},
        {"sms_countries": "91"},
    ],
    indirect=True,
)
def test_phone_is_refused_where_no_text_message_can_be_sent(inside):
    answer = ask(inside, phone=PHONE)

    assert answer.status == 422
    assert answer.payload["errors"][0]["field"] == "phone"


def test_nobody_is_refused(client):
    assert ask(client, email=NEW).code == "not_authenticated"


def test_bad_bearer_is_refused(client):
    assert ask(client.bearer("forged"), email=NEW).code == "invalid_token"
