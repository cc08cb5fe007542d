"""Guessing at one account under many spellings of its name.

Authelia counted user name and e-mail apart (CVE-2025-24806), Vault's lock-out
was passed by changing the case of a name (CVE-2025-6004). Here every spelling
becomes one canonical form, and every identifier leads to one account's budget.
"""

from functools import partial

import pytest

PHONE = "+442079460018"
SPELLINGS = (
    *("alice", "ALICE", "Alice", " alice", "alice ", "\talice\t", "aLiCe"),
    *("alice@example.org", "ALICE@EXAMPLE.ORG", "Alice@Example.Org"),
    *(" alice@example.org", "alice@example.org ", "alice@EXAMPLE.org"),
    *("+442079460018", "+44 20 7946 0018", "+44 (20) 7946-0018", "00442079460018"),
    *("+44-20-7946-0018", " +442079460018 ", "+44.20.7946.0018"),
    *("0044 20 7946 0018", "+44 2079460018", "+44207946 0018", "+4420 79460018"),
    *("aLICE", "alicE", "AlicE", "alice@example.ORG", "alicE@example.org", "Alice "),
)


@pytest.fixture
def reachable(client, mailbox, alice):
    """Alice, with a phone as well."""
    opened = client.post("/auth/login", email=alice.email, password=alice.password)
    inside = client.bearer(opened.payload["access_token"])
    inside.post("/auth/contacts", phone=PHONE, current_password=alice.password)
    inside.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))
    return alice


def test_thirty_spellings_get_ten_guesses(counted, tally, reachable, places):
    answers = [
        counted.at(place).post("/auth/login", identifier=spelling, password="wrong")
        for place, spelling in zip(places(30), SPELLINGS, strict=True)
    ]

    assert {answer.code for answer in answers} == {"invalid_credentials"}
    assert tally.judged == 10


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_means_the_account(client, reachable, spelling):
    opened = client.post(
        "/auth/login", identifier=spelling, password=reachable.password
    )

    assert opened.status == 200
    assert opened.payload["user"]["id"] == reachable.id


def test_spellings_share_the_visible_limit_too(client):
    guess = partial(client.post, "/auth/login", password="wrong")
    spellings = ("Nobody@example.org", "nobody@example.org ", "NOBODY@EXAMPLE.ORG")

    answers = [guess(identifier=spellings[n % 3]) for n in range(12)]

    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2


def test_plus_tags_share_the_visible_limit(client):
    guess = partial(client.post, "/auth/login", password="wrong")

    answers = [guess(identifier=f"nobody+{n}@example.org") for n in range(12)]

    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2


def test_codes_count_over_user_name_and_address(client, mailbox, alice, wrong):
    client.post("/auth/password/forgot", username="alice")
    code = mailbox.code(alice.email)

    for identifier in ("alice", alice.email, "ALICE", "Alice@example.org", "alice "):
        client.post("/validate-otp", identifier=identifier, otp=wrong(code))
    refused = client.post("/validate-otp", identifier=alice.email, otp=code)

    assert refused.code == "invalid_code"


@pytest.mark.parametrize(
    "twin",
    [
        "\uff41lice",  # a full-width letter, which NFKC makes an a
        "alic\u0435",  # Cyrillic
        "al\u0131ce",  # dotless i
        "alice\u200b",  # zero-width space
        "alice\u00a0",  # no-break space
        "\u00e1lice",
    ],
)
def test_look_alikes_are_nobody(client, alice, twin):
    answer = client.post("/auth/login", identifier=twin, password=alice.password)

    assert answer.status == 422


def test_registrations_of_one_contact_share_its_guesses(
    client, clock, mailbox, wrong, places
):
    names = [f"bob{number}" for number in range(5)]
    for name in names:
        person = {"username": name, "email": "bob@example.org"}
        client.post("/auth/register", password="correct horse battery", **person)
        clock.advance(20)  # until the mailbox takes the next letter
    code = mailbox.code("bob@example.org")  # of the last registration

    # Thirty guesses at the contact, under the names of the other four.
    for number, place in enumerate(places(30)):
        body = {"identifier": names[number % 4], "otp": wrong(code)}
        client.at(place).post("/auth/verify-otp", **body)
    refused = client.post("/auth/verify-otp", identifier="bob4", otp=code)

    assert refused.code == "invalid_code"
