"""Guessing a six-digit code, as AuthQuake did with Microsoft's second factor.

There, each new half-login brought ten more guesses, so a million codes were
tried in an hour (Oasis Security, December 2024). Here a code dies after five
guesses, and the account's own budget -- ten an hour, thirty a day -- goes on
counting over new codes, other purposes and other places.
"""

from functools import partial

import pytest


def ask(client, email, purpose):
    assert client.post("/auth/otp", email=email, purpose=purpose).status == 200


def log_in(client, email, otp):
    return client.post("/auth/login", email=email, otp=otp)


def validate(client, email, otp):
    return client.post("/validate-otp", email=email, otp=otp)


def reset(client, email, otp):
    body = {"email": email, "otp": otp, "new_password": "another good phrase"}
    return client.post("/auth/password/reset", **body)


GUESSED = (("login", log_in), ("reset", validate), ("reset", reset))
both_ways = pytest.mark.parametrize(("purpose", "guess"), GUESSED)


@both_ways
def test_code_dies_after_five_wrong_guesses(
    client, mailbox, alice, wrong, purpose, guess
):
    ask(client, alice.email, purpose)
    code = mailbox.code(alice.email)

    answers = [guess(client, alice.email, wrong(code)) for _ in range(5)]

    assert {answer.code for answer in answers} == {"invalid_code"}
    assert guess(client, alice.email, code).public() == answers[0].public()


@both_ways
def test_fifth_guess_may_still_be_right(client, mailbox, alice, wrong, purpose, guess):
    ask(client, alice.email, purpose)
    code = mailbox.code(alice.email)
    for _ in range(4):
        guess(client, alice.email, wrong(code))

    assert guess(client, alice.email, code).status == 200


def use_up(client, clock, mailbox, alice, wrong, guesses):
    """Guess wrong: five times at a login code, the rest at a reset code.

    Each guess comes from a place of its own, after asking for a code there.
    """
    for number in range(guesses):
        purpose, guess = GUESSED[number // 5]
        place = client.at(f"203.0.113.{number}")
        ask(place, alice.email, purpose)
        code = mailbox.code(alice.email)
        assert guess(place, alice.email, wrong(code)).code == "invalid_code"
        clock.advance(20)  # until the mailbox takes the next letter


def test_ten_guesses_an_hour_over_all_codes_purposes_and_places(
    client, clock, mailbox, alice, wrong
):
    use_up(client, clock, mailbox, alice, wrong, 10)
    clock.advance(60)
    stranger = client.at("192.0.2.99")
    ask(stranger, alice.email, "login")

    refused = log_in(stranger, alice.email, mailbox.code(alice.email))

    assert refused.code == "invalid_code"


def test_ninth_guess_leaves_one_that_may_be_right(client, clock, mailbox, alice, wrong):
    use_up(client, clock, mailbox, alice, wrong, 9)
    clock.advance(60)
    stranger = client.at("192.0.2.99")
    ask(stranger, alice.email, "login")

    accepted = log_in(stranger, alice.email, mailbox.code(alice.email))

    assert accepted.status == 200


def test_a_hundred_half_logins_share_one_code(client, mailbox, alice, places):
    for place in places(100):
        ask(client.at(place), alice.email, "login")
    letters = mailbox.fetch()

    codes = {letter.text for letter in letters}

    assert len(letters) == 3  # a minute's worth
    assert len(codes) == 1


def test_parallel_guesses_at_one_code_are_five(
    client, mailbox, alice, wrong, places, at_once
):
    ask(client, alice.email, "reset")
    code = mailbox.code(alice.email)
    guess = partial(validate, email=alice.email, otp=wrong(code))

    # Eight: the account's own budget of ten is not what stops them.
    answers = at_once([partial(guess, client.at(place)) for place in places(8)])

    assert {answer.code for answer in answers} == {"invalid_code"}
    assert validate(client, alice.email, code).code == "invalid_code"


def test_code_of_a_registration_dies_after_five_guesses(client, mailbox, wrong):
    person = {"username": "bob", "email": "bob@example.org"}
    client.post("/auth/register", password="correct horse battery", **person)
    code = mailbox.code("bob@example.org")

    for _ in range(5):
        client.post("/auth/verify-otp", email="bob@example.org", otp=wrong(code))
    refused = client.post("/auth/verify-otp", email="bob@example.org", otp=code)

    assert refused.code == "invalid_code"
    assert client.post("/auth/login", email="bob@example.org", otp=code).status == 401


def test_code_expires_with_its_minutes(client, clock, app, mailbox, alice):
    ask(client, alice.email, "login")
    code = mailbox.code(alice.email)

    clock.advance(app.settings.otp_ttl_s)

    assert log_in(client, alice.email, code).code == "invalid_code"
