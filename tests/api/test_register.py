"""POST /auth/register: asks for an account, and tells nobody who has one."""

import pytest

from tests.conftest import PASSWORD

FORM = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}
PHONE = "+442079460018"

closed_group = pytest.mark.parametrize(
    "app", [{"require_verification": False}], indirect=True
)


def form(**changes):
    """Bob's form with some fields changed; None leaves one out."""
    return {name: value for name, value in (FORM | changes).items() if value}


@pytest.mark.parametrize(
    ("path", "verb"),
    [
        ("/auth/register", "registered"),
        ("/register", "registered"),
        ("/auth/signup", "created"),
    ],
)
def test_every_dialect_gets_the_registration_back(client, path, verb):
    answer = client.post(path, **FORM)

    user = answer.payload["user"]
    assert answer.status == 201
    assert answer.payload == {
        "status": 201,
        "message": f"User {verb} successfully",
        "user": {
            "id": user["id"],
            "username": "bob",
            "email": "bob@example.org",
            "phone": None,
            "is_verified": False,
        },
    }


def test_older_field_names_are_understood(client):
    answer = client.post(
        "/register",
        name=" Bob ",
        pwd=PASSWORD,
        mobile_number=PHONE,
        confirm_password=PASSWORD,
        favourite_colour=["unknown fields are ignored"],
    )

    assert answer.status == 201
    assert answer.payload["user"]["username"] == "bob"
    assert answer.payload["user"]["phone"] == PHONE


def test_each_contact_gets_a_code_of_its_own(client, mailbox):
    client.post("/auth/register", **form(phone=PHONE))

    letters = mailbox.fetch()
    assert {letter.recipient for letter in letters} == {"bob@example.org", PHONE}
    assert mailbox.code("bob@example.org") != mailbox.code(PHONE)


@pytest.mark.parametrize("app", [{"phone_country_code": "91"}], indirect=True)
def test_national_number_gets_the_country_code(client):
    answer = client.post("/auth/register", **form(phone="9876543210"))

    assert answer.payload["user"]["phone"] == "+919876543210"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("username", {"username": "1bob"}),
        ("email", {"email": "bob@nowhere"}),
        ("phone", {"phone": "020 7946 0018"}),
        ("password", {"password": "short"}),
        ("password", {"password": "bob@example.org"}),
        ("confirm_password", {"confirm_password": "something else"}),
    ],
)
def test_broken_rule_names_its_field(client, field, changes):
    answer = client.post("/auth/register", **form(**changes))

    assert (answer.status, answer.code) == (422, "rule_broken")
    assert [fault["field"] for fault in answer.payload["errors"]] == [field]


def test_all_broken_rules_are_named_at_once(client):
    wrong = {"username": "\u00dcn\u00ef", "email": "bob@nowhere", "phone": "123"}

    answer = client.post("/auth/register", **form(**wrong, password="short"))

    fields = [fault["field"] for fault in answer.payload["errors"]]
    assert fields == ["username", "email", "phone", "password"]


@pytest.mark.parametrize(
    "app",
    [{"email_host": "mail.example.org", "email_from": "a@example.org"}],
    indirect=True,
)
def test_phone_is_refused_where_no_text_message_can_be_sent(client):
    answer = client.post("/auth/register", **form(phone=PHONE))

    assert answer.status == 422
    assert answer.payload["errors"][0]["field"] == "phone"


@pytest.mark.parametrize("app", [{"sms_countries": "91,4420"}], indirect=True)
def test_phone_of_another_country_is_refused(client):
    abroad = client.post("/auth/register", **form(phone="+4915112345678"))
    at_home = client.post("/auth/register", **form(phone=PHONE))

    assert (abroad.status, abroad.code) == (422, "rule_broken")
    assert abroad.payload["errors"] == [
        {
            "field": "phone",
            "message": "This server sends no text messages to that country.",
            "code": "phone_country",
        }
    ]
    assert at_home.status == 201


def test_missing_fields_are_all_named(client):
    answer = client.post("/auth/register", email="bob@example.org")

    assert (answer.status, answer.code) == (400, "invalid_body")
    faults = [fault["field"] for fault in answer.payload["errors"]]
    assert faults == ["username", "password"]


def test_some_contact_is_needed(client):
    answer = client.post("/auth/register", **form(email=None))

    assert (answer.status, answer.code) == (400, "invalid_body")
    assert [fault["field"] for fault in answer.payload["errors"]] == ["email"]


def test_two_names_for_one_field_are_refused(client):
    answer = client.post("/auth/register", **FORM, name="robert")

    assert (answer.status, answer.code) == (400, "invalid_body")


def test_name_of_a_user_is_taken(client, alice):
    answer = client.post("/auth/register", **form(username="Alice"))

    assert (answer.status, answer.code) == (409, "username_taken")


def test_name_of_a_registration_is_free(client):
    client.post("/auth/register", **FORM)

    answer = client.post("/auth/register", **form(email="other@example.org"))

    assert answer.status == 201


def test_contact_in_use_gets_the_same_answer_and_another_letter(client, mailbox, alice):
    free = client.post("/auth/register", **FORM)
    taken = client.post("/auth/register", **form(username="eve", email=alice.email))

    letters = {letter.recipient: letter.subject for letter in mailbox.fetch()}
    assert taken.status == free.status
    assert taken.payload.keys() == free.payload.keys()
    assert "already have an account" in letters[alice.email]
    assert "code" in letters["bob@example.org"]


def test_registration_with_a_contact_in_use_never_becomes_a_user(
    client, mailbox, alice, sql
):
    answer = client.post("/auth/register", **form(username="eve", email=alice.email))
    mailbox.fetch()

    client.post("/auth/otp", identifier="eve")

    # Asking again brings the same notice, and no code that could be entered.
    left = "SELECT attempts_left FROM one_time_codes WHERE subject_id = ?"
    assert "already have an account" in mailbox.fetch()[0].subject
    assert sql(left, answer.payload["user"]["id"]) == [(0,)]


@pytest.mark.parametrize("contacts", [{}, {"email": None, "phone": PHONE}])
def test_contact_keeps_the_five_latest_registrations(client, clock, sql, contacts):
    ids = []
    for number in range(7):
        clock.advance(60)
        body = form(username=f"bob{number}", **contacts)
        answer = client.post("/auth/register", **body)
        ids.append(answer.payload["user"]["id"])

    left = [row[0] for row in sql("SELECT id FROM registrations ORDER BY created_at")]
    assert left == ids[2:]
    orphans = "SELECT COUNT(*) FROM one_time_codes WHERE subject_id = ?"
    assert [sql(orphans, each) for each in ids[:2]] == 2 * [[(0,)]]


def test_twenty_first_registration_of_a_network_waits(client):
    def attempt(number):
        changes = {"username": f"bob{number}", "email": f"bob{number}@example.org"}
        return client.post("/auth/register", **form(**changes)).status

    statuses = [attempt(number) for number in range(21)]

    assert statuses == [*20 * [201], 429]


def test_unanswered_contact_is_not_flooded(client, clock, mailbox):
    def attempt(number):
        answer = client.at(f"198.51.100.{number}").post("/auth/register", **FORM)
        return answer.status

    statuses = [attempt(number) for number in range(5)]

    assert statuses == 5 * [201]
    assert len(mailbox.fetch()) == 3  # OTP_REQUESTS_PER_MINUTE, silently


@closed_group
def test_closed_group_has_its_user_at_once(client):
    assert client.post("/auth/register", **FORM).status == 201

    answer = client.post("/auth/login", username="bob", password=PASSWORD)

    assert answer.status == 200
    assert answer.payload["user"]["is_verified"] is False


@closed_group
def test_closed_group_refuses_a_contact_in_use(client):
    client.post("/auth/register", **FORM)

    answer = client.post("/auth/register", **form(username="eve"))

    assert (answer.status, answer.code) == (409, "contact_taken")
    assert [fault["field"] for fault in answer.payload["errors"]] == ["email"]


@closed_group
def test_closed_group_names_the_contact_that_is_in_use(client):
    client.post("/auth/register", **FORM, phone=PHONE)

    mine = form(username="eve", email="eve@example.org", phone=PHONE)
    answer = client.post("/auth/register", **mine)

    assert (answer.status, answer.code) == (409, "contact_taken")
    assert [fault["field"] for fault in answer.payload["errors"]] == ["phone"]
