"""Preparing an account before its owner comes, to walk in later.

35 of 75 large services fell to one of five variants (Sudhodanan and Paverd,
USENIX Security 2022): the attacker registers the victim's address first, or
leaves a session, a second contact or an unfinished change of address behind.
Here an account begins with a proof, and a reset or a new proof ends whatever
was there before.
"""

import pytest

from authserver.web.dispatch import Site

VICTIM = "victim@example.org"
PHONE = "+442079460018"  # of the attacker, except where said otherwise
THEIRS = "the attacker knows this"
OURS = "the owner chose this one"


@pytest.fixture
def attacker(client):
    return client.at("203.0.113.66")


def register(client, username, password, **contacts):
    body = {"username": username, "password": password}
    answer = client.post("/auth/register", **body, **contacts)
    assert answer.status == 201
    return answer.payload["user"]["id"]


def log_in(client, identifier, password):
    return client.post("/auth/login", identifier=identifier, password=password)


def test_unproven_registration_opens_nothing(client, attacker):
    register(attacker, "victim", THEIRS, email=VICTIM)

    assert log_in(attacker, VICTIM, THEIRS).status == 401
    assert log_in(attacker, "victim", THEIRS).status == 403


def test_owner_who_registers_after_the_attacker_has_an_own_account(
    client, clock, mailbox, attacker
):
    register(attacker, "victim", THEIRS, email=VICTIM)
    mailbox.fetch()
    clock.advance(1)
    own = register(client, "victim", OURS, email=VICTIM)
    client.post("/auth/verify-otp", email=VICTIM, otp=mailbox.code(VICTIM), id=own)

    assert log_in(client, VICTIM, OURS).payload["user"]["id"] == own
    assert log_in(attacker, VICTIM, THEIRS).status == 401
    assert log_in(attacker, "victim", THEIRS).status == 401


def test_owner_who_names_the_registration_blesses_no_other(
    client, clock, mailbox, attacker
):
    own = register(client, "victim", OURS, email=VICTIM)
    mailbox.fetch()
    clock.advance(1)
    register(attacker, "victim", THEIRS, email=VICTIM)
    strange = mailbox.code(VICTIM)  # the newer letter, for the same user name

    answer = client.post("/auth/verify-otp", email=VICTIM, otp=strange, id=own)

    assert answer.code == "invalid_code"
    assert log_in(attacker, "victim", THEIRS).status == 403


def test_code_of_a_strangers_registration_opens_nothing_where_the_owner_is(
    client, clock, mailbox, attacker
):
    register(client, "victim", OURS, email=VICTIM)
    own = mailbox.code(VICTIM)
    clock.advance(1)
    register(attacker, "victim", THEIRS, email=VICTIM)
    strangers = mailbox.code(VICTIM)

    assert client.post("/otp", email=VICTIM, otp=strangers).status == 401
    assert client.post("/otp", email=VICTIM, otp=own).status == 200
    assert log_in(client, "victim", OURS).status == 200
    assert log_in(attacker, "victim", THEIRS).status == 401


def test_asking_again_sends_the_code_of_ones_own_registration_only(
    client, clock, mailbox, attacker
):
    register(client, "victim", OURS, email=VICTIM)
    own = mailbox.code(VICTIM)
    clock.advance(1)
    register(attacker, "victim", THEIRS, email=VICTIM)
    mailbox.fetch()
    client.post("/auth/otp", email=VICTIM)

    assert [own in letter.text for letter in mailbox.fetch()] == [True]


def test_code_typed_on_another_device_still_works(client, mailbox):
    register(client, "victim", OURS, email=VICTIM)

    elsewhere = client.at("198.51.100.77")

    code = mailbox.code(VICTIM)
    assert elsewhere.post("/otp", email=VICTIM, otp=code).status == 200


def test_attackers_registration_dies_with_the_owners_proof(
    client, clock, mailbox, attacker
):
    theirs = register(attacker, "victim2", THEIRS, email=VICTIM)
    strange = mailbox.code(VICTIM)
    clock.advance(1)
    own = register(client, "victim", OURS, email=VICTIM)
    client.post("/auth/verify-otp", email=VICTIM, otp=mailbox.code(VICTIM), id=own)

    body = {"identifier": "victim2", "otp": strange, "id": theirs}
    assert attacker.post("/auth/verify-otp", **body).code == "invalid_code"
    assert attacker.post("/auth/login", identifier="victim2", otp=strange).status == 401


def test_resending_for_an_address_in_use_mails_no_code(
    client, clock, mailbox, attacker, alice
):
    register(attacker, "mallory", THEIRS, email=alice.email)
    clock.advance(60)
    attacker.post("/auth/otp", identifier="mallory")

    letters = mailbox.fetch()
    assert {each.subject.partition(" at ")[0] for each in letters} == {
        "You already have an account"
    }


def follow(client, token, password):
    """Do as the page behind a mailed link does."""
    return client.post("/verify/confirm", token=token, password=password)


def test_owner_who_follows_a_strangers_link_blesses_nothing(client, mailbox, attacker):
    register(attacker, "victim", THEIRS, email=VICTIM)
    token = mailbox.link_token(VICTIM)

    answer = follow(client, token, OURS)

    assert answer.code == "invalid_credentials"
    assert log_in(attacker, "victim", THEIRS).code == "contact_not_verified"
    assert log_in(attacker, VICTIM, THEIRS).status == 401


def test_owner_s_own_link_works_beside_a_stranger_s_and_ends_it(
    client, clock, mailbox, attacker
):
    register(attacker, "victim2", THEIRS, email=VICTIM)
    strange = mailbox.link_token(VICTIM)
    clock.advance(1)
    register(client, "victim", OURS, email=VICTIM)
    own = mailbox.link_token(VICTIM)

    assert follow(client, own, OURS).status == 200
    assert follow(attacker, strange, THEIRS).code == "invalid_code"
    assert log_in(client, VICTIM, OURS).payload["user"]["username"] == "victim"


def test_address_added_by_a_stranger_is_not_completed_by_its_owner(
    client, mailbox, attacker, join
):
    join("mallory", address="203.0.113.66")
    theirs = log_in(attacker, "mallory", "correct horse battery")
    inside = attacker.bearer(theirs.payload["access_token"])
    body = {"email": VICTIM, "current_password": "correct horse battery"}
    inside.post("/auth/contacts", **body)
    token = mailbox.link_token(VICTIM)
    own = join("alice")
    session = log_in(client, own.username, own.password).payload["access_token"]

    answers = [
        client.post("/verify/confirm", token=token),
        client.bearer(session).post("/verify/confirm", token=token),
        follow(client, token, OURS),
    ]

    assert {answer.code for answer in answers} == {"invalid_credentials"}
    user = inside.get("/auth/me").payload["user"]
    assert user["email"] == "mallory@example.org"


def test_second_contact_is_not_attached_by_its_code_alone(client, mailbox, attacker):
    mail = "mallory@example.com"
    register(attacker, "mallory", THEIRS, email=mail, phone=PHONE)  # the victim's
    own_code, victims_code = mailbox.code(mail), mailbox.code(PHONE)
    attacker.post("/auth/verify-otp", email=mail, otp=own_code)

    answer = client.post("/auth/verify-otp", phone=PHONE, otp=victims_code)

    assert answer.code == "invalid_code"
    user = log_in(attacker, "mallory", THEIRS).payload["user"]
    assert user["phone"] is None


def test_pending_change_of_address_dies_with_a_reset(client, mailbox, alice, attacker):
    stolen = log_in(attacker, "alice", alice.password).payload["access_token"]
    inside = attacker.bearer(stolen)
    evil = "mallory@example.com"
    inside.post("/auth/contacts", email=evil, current_password=alice.password)
    code = mailbox.code(evil)

    reset(client, mailbox, alice.email)

    assert inside.post("/auth/verify-otp", email=evil, otp=code).status == 401
    token = log_in(client, "alice", OURS).payload["access_token"]
    body = {"email": evil, "otp": code}
    assert client.bearer(token).post("/auth/verify-otp", **body).status == 401


def test_reset_begun_from_the_old_mailbox_dies_with_the_change_of_address(
    client, mailbox, alice, attacker
):
    attacker.post("/auth/password/forgot", email=alice.email)
    body = {"email": alice.email, "otp": mailbox.code(alice.email)}
    grant = attacker.post("/validate-otp", **body).payload["reset_token"]
    token = log_in(client, "alice", alice.password).payload["access_token"]
    new = "alice@example.com"
    inside = client.bearer(token)
    inside.post("/auth/contacts", email=new, current_password=alice.password)
    inside.post("/auth/verify-otp", email=new, otp=mailbox.code(new))

    body = {"token": grant, "new_password": THEIRS}
    assert attacker.post("/auth/password/reset", **body).code == "invalid_code"
    assert log_in(client, "alice", alice.password).status == 200


def reset(client, mailbox, email):
    client.post("/auth/password/forgot", email=email)
    body = {"email": email, "otp": mailbox.code(email), "new_password": OURS}
    assert client.post("/auth/password/reset", **body).status == 200


@pytest.fixture
def closed_group(make_app, client, mailbox, tmp_path):
    """A server where accounts need no proof, its client and its mailbox."""
    url = f"sqlite:///{tmp_path / 'closed.db'}"
    app = make_app(require_verification=False, database_url=url)
    return client._replace(site=Site(app)), type(mailbox)(app)


def test_reset_takes_an_unproven_account_over_whole(closed_group):
    client, mailbox = closed_group
    attacker = client.at("203.0.113.66")
    register(attacker, "victim", THEIRS, email=VICTIM, phone=PHONE)
    opened = log_in(attacker, "victim", THEIRS)
    inside = attacker.bearer(opened.payload["access_token"])
    evil = "mallory@example.com"
    inside.post("/auth/contacts", email=evil, current_password=THEIRS)
    pending = mailbox.code(evil)

    reset(client, mailbox, VICTIM)

    user = log_in(client, VICTIM, OURS).payload["user"]
    assert (user["email"], user["phone"]) == (VICTIM, None)
    assert log_in(attacker, "victim", THEIRS).status == 401
    assert inside.get("/auth/me").status == 401
    refresh = {"refresh_token": opened.payload["refresh_token"]}
    assert attacker.post("/auth/refresh", **refresh).status == 401
    assert inside.post("/auth/verify-otp", email=evil, otp=pending).status == 401


def test_address_beside_a_proven_number_goes_to_whoever_registers_and_proves_it(
    closed_group,
):
    client, mailbox = closed_group
    attacker = client.at("203.0.113.66")
    register(attacker, "mallory", THEIRS, email=VICTIM, phone=PHONE)
    attacker.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))
    register(client, "victim", OURS, email=VICTIM)

    early = log_in(client, "victim", OURS)
    client.post("/auth/verify-otp", email=VICTIM, otp=mailbox.code(VICTIM))

    assert early.code == "contact_not_verified"
    assert log_in(client, VICTIM, OURS).payload["user"]["username"] == "victim"
    assert log_in(attacker, "mallory", THEIRS).payload["user"]["email"] is None


def test_reset_by_a_proven_address_keeps_the_phone(client, mailbox, alice):
    token = log_in(client, "alice", alice.password).payload["access_token"]
    inside = client.bearer(token)
    inside.post("/auth/contacts", phone=PHONE, current_password=alice.password)
    inside.post("/auth/verify-otp", phone=PHONE, otp=mailbox.code(PHONE))

    reset(client, mailbox, alice.email)

    assert log_in(client, "alice", OURS).payload["user"]["phone"] == PHONE
