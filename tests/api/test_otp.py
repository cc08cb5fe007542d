"""POST /auth/otp: sends a code where that makes sense, and never says where."""

import pytest

from tests.conftest import PASSWORD, Client

SENT = {"message": "OTP sent successfully"}


def register(client, username="bob", email="bob@example.org", **more):
    """Register without proving anything; return the registration's id."""
    answer = client.post(
        "/auth/register", username=username, email=email, password=PASSWORD, **more
    )
    return answer.payload["user"]["id"]


@pytest.mark.parametrize("path", ["/auth/otp", "/verify/send"])
@pytest.mark.parametrize("name", ["identifier", "email"])
def test_every_dialect_gets_the_same_answer(client, alice, path, name):
    answer = client.post(path, **{name: alice.email}, purpose="login")

    assert (answer.status, answer.payload) == (200, SENT)


@pytest.mark.parametrize("name", ["identifier", "phone", "mobile_number"])
def test_number_goes_by_three_names(client, name):
    answer = client.post("/auth/otp", **{name: "+44 20 7946 0018"})

    assert (answer.status, answer.payload) == (200, SENT)


@pytest.mark.parametrize("purpose", ["verify", "login", "reset"])
def test_stranger_gets_the_same_answer_and_nothing_is_sent(
    client, mailbox, alice, purpose
):
    known = client.post("/auth/otp", email=alice.email, purpose=purpose)
    mailbox.fetch()
    unknown = client.post("/auth/otp", email="nobody@example.org", purpose=purpose)

    assert unknown.public() == known.public()
    assert mailbox.fetch() == []


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [("login", "login code"), ("reset", "new password")],
)
def test_user_gets_the_code_asked_for(client, mailbox, alice, purpose, subject):
    client.post("/auth/otp", identifier="alice", purpose=purpose)

    letters = mailbox.fetch()
    assert [letter.recipient for letter in letters] == [alice.email]
    assert subject in letters[0].subject


def test_proven_user_has_nothing_to_verify(client, mailbox, alice):
    client.post("/auth/otp", email=alice.email)

    assert mailbox.fetch() == []


@pytest.mark.parametrize(("purpose", "letters"), [("login", 1), ("reset", 0)])
def test_registration_gets_its_verify_code_and_no_reset(
    client, mailbox, purpose, letters
):
    register(client)
    code = mailbox.code("bob@example.org")

    client.post("/auth/otp", email="bob@example.org", purpose=purpose)

    assert len(mailbox.fetch()) == letters
    assert mailbox.code("bob@example.org") == code


def test_code_asked_for_again_is_the_same_until_half_its_life(client, mailbox, clock):
    register(client)
    first = mailbox.code("bob@example.org")

    clock.advance(299)
    client.post("/auth/otp", email="bob@example.org")
    again = mailbox.code("bob@example.org")
    clock.advance(1)
    client.post("/auth/otp", email="bob@example.org")
    replaced = mailbox.code("bob@example.org")

    assert first == again
    assert replaced != first
    answer = client.post("/auth/verify-otp", email="bob@example.org", otp=first)
    assert answer.status == 401


def test_asking_again_does_not_restore_attempts(client, mailbox, sql):
    register(client)
    code = mailbox.code("bob@example.org")
    wrong = f"{(int(code) + 1) % 10**6:06d}"

    client.post("/auth/verify-otp", email="bob@example.org", otp=wrong)
    client.post("/auth/otp", email="bob@example.org")

    assert sql("SELECT attempts_left FROM one_time_codes") == [(4,)]


def test_id_names_one_of_several_registrations(client, mailbox):
    register(client, "bob")
    own = register(client, "robert")
    mailbox.fetch()

    client.post("/auth/otp", email="bob@example.org", id=own)

    letters = mailbox.fetch()
    assert len(letters) == 1
    assert "robert" in letters[0].text


def test_user_name_sends_to_the_mail_address_first(client, mailbox):
    register(client, phone="+442079460018")
    mailbox.fetch()

    client.post("/auth/otp", identifier="bob")

    assert [each.recipient for each in mailbox.fetch()] == ["bob@example.org"]


def test_number_of_a_registration_without_it_gets_nothing(client, mailbox):
    register(client)
    mailbox.fetch()

    client.post("/auth/otp", phone="+442079460018")

    assert mailbox.fetch() == []


def test_fourth_request_for_a_contact_waits(client):
    statuses = [
        client.post("/auth/otp", email="bob@example.org").status for _ in range(4)
    ]
    refused = client.post("/auth/otp", email="bob+again@example.org")

    assert statuses == [200, 200, 200, 429]
    assert refused.header("Retry-After") == "21"  # 20 s, rounded up


def test_account_that_was_sent_enough_is_skipped_silently(client, mailbox, alice):
    def attempt(number):
        at = client.at(f"198.51.100.{number}")
        return at.post("/auth/otp", email=alice.email, purpose="login").status

    statuses = [attempt(number) for number in range(4)]

    assert statuses == 4 * [200]
    assert len(mailbox.fetch()) == 3


@pytest.mark.parametrize(
    "body",
    [{}, {"purpose": "login"}, {"identifier": "bob", "email": "bob@example.org"}],
)
def test_exactly_one_identifier_is_needed(client, body):
    answer = client.post("/auth/otp", **body)

    assert (answer.status, answer.code) == (400, "invalid_body")


def test_purpose_is_one_of_three(client):
    answer = client.post("/auth/otp", identifier="bob", purpose="grant")

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert answer.payload["errors"][0]["field"] == "purpose"


def test_identifier_that_is_nothing_breaks_a_rule(client):
    answer = client.post("/auth/otp", identifier="!")

    assert (answer.status, answer.code) == (422, "rule_broken")


def test_bad_bearer_is_refused(client):
    answer = client.bearer("forged").post("/auth/otp", identifier="bob")

    assert (answer.status, answer.code) == (401, "invalid_token")


def test_ended_cookie_is_as_good_as_none(client: Client):
    answer = client.cookie("__Host-session", "x" * 43).post(
        "/auth/otp", identifier="bob"
    )

    assert (answer.status, answer.payload) == (200, SENT)
