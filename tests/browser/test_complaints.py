"""What is wrong stands beside its field, in words, and what was typed stays."""

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

NAME = {"form.username": "carol"}
EMAIL = {"form.email": "carol@example.org"}
SECRET = {"form.password": PASSWORD}
WHO = {"form.identifier": "carol"}


@pytest.mark.parametrize(
    ("page", "typed", "button", "field", "complaint"),
    [
        ("register", {}, "submit", "username", "script.required"),
        ("register", NAME | EMAIL, "submit", "password", "script.required"),
        (
            *("register", {"form.username": "carol!"} | EMAIL | SECRET, "submit"),
            *("username", "fields.username_form"),
        ),
        (
            *("register", NAME | {"form.email": "carol@"} | SECRET, "submit"),
            *("email", "fields.email_form"),
        ),
        (
            *("register", NAME | {"form.phone": "+44 two"} | SECRET, "submit"),
            *("phone", "fields.phone_form"),
        ),
        ("register", NAME | SECRET, "submit", "email", "fields.contact_missing"),
        (
            *("register", NAME | EMAIL | {"form.password": "short"}, "submit"),
            *("password", "fields.password_length"),
        ),
        ("login", {}, "submit", "identifier", "script.required"),
        ("login", WHO, "submit", "password", "script.required"),
        ("login", WHO | SECRET, "submit", "password", "script.wrong_login"),
        ("forgot", {}, "form.send_code", "identifier", "script.required"),
        (
            *("forgot", {"form.identifier": "carol@"}, "form.send_code"),
            *("identifier", "fields.email_form"),
        ),
        (
            "reset",
            WHO | {"form.code": "12345"},
            "code_submit",
            "code",
            "fields.not_a_code",
        ),
        ("verify", {}, "submit", "identifier", "script.required"),
        ("verify", WHO, "submit", "code", "script.required"),
    ],
)
def test_complaint_stands_beside_its_field_and_has_the_focus(
    visitor, watch, page, typed, button, field, complaint
):
    watch.announce("status of 4")
    visitor.open(page)
    for key, text in typed.items():
        visitor.fill(key, text)

    visitor.press(button if "." in button else f"{page}.{button}")

    visitor.complains(visitor.field(f"form.{field}"), complaint)
    for key, text in typed.items():
        expect(visitor.field(key)).to_have_value(text)


@pytest.mark.parametrize("page", ["reset", "verify"])
def test_wrong_code_is_complained_of(visitor, watch, alice, page):
    watch.announce("status of 401")
    visitor.open(page)
    visitor.fill("form.identifier", alice)

    visitor.fill("form.code", "000000")  # the last digit sends it

    visitor.complains(visitor.field("form.code"), "script.wrong_code")


@pytest.mark.parametrize("page", ["reset", "verify"])
def test_code_that_is_too_short_costs_no_try(visitor, alice, page):
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.method))
    visitor.open(page)
    visitor.fill("form.identifier", alice)
    visitor.fill("form.code", "12345")

    visitor.page.keyboard.press("Enter")

    visitor.complains(visitor.field("form.code"), "fields.not_a_code")
    assert "POST" not in asked


@pytest.mark.parametrize("page", ["reset", "verify"])
def test_code_sent_again_finds_an_empty_field_and_buttons_where_they_were(
    visitor, watch, alice, page
):
    watch.announce("status of 401")
    visitor.open(page)
    visitor.fill("form.identifier", alice)
    visitor.fill("form.code", "000000")
    code, again = visitor.field("form.code"), visitor.page.locator("#again")
    visitor.complains(code, "script.wrong_code")
    place = again.bounding_box()

    visitor.press("form.again")
    visitor.reads("script.sent_again")

    expect(code).to_have_value("")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("aria-invalid", "false")
    assert again.bounding_box() == place


@pytest.mark.parametrize("page", ["reset", "verify"])
def test_nothing_is_sent_again_as_long_as_nobody_is_named(visitor, page):
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.method))
    visitor.open(page)

    visitor.press("form.again")

    visitor.complains(visitor.field("form.identifier"), "script.required")
    expect(visitor.page.locator("#code-outcome")).to_be_empty()
    assert "POST" not in asked


def test_taken_user_name_is_complained_of(visitor, watch, alice):
    watch.announce("status of 409")
    visitor.open("register")
    visitor.fill("form.username", alice)
    visitor.fill("form.email", "carol@example.org")
    visitor.fill("form.password", PASSWORD)

    visitor.press("register.submit")

    visitor.complains(visitor.field("form.username"), "problems.username_taken.detail")


@pytest.mark.parametrize(
    ("current", "new", "field", "complaint"),
    [
        (PASSWORD, PASSWORD, "form.new_password", "fields.password_unchanged"),
        (PASSWORD, "short", "form.new_password", "fields.password_length"),
        (
            "wrong",
            "another good phrase",
            "account.current_password",
            "script.wrong_password",
        ),
    ],
)
def test_change_of_the_password_complains_beside_the_field(
    member, watch, current, new, field, complaint
):
    watch.announce("status of 4")
    member.open("account")
    member.press("account.change_password")
    member.fill("account.current_password", current)
    member.fill("form.new_password", new)

    member.press("account.save_password")

    member.complains(member.field(field), complaint)


def test_complaint_goes_as_soon_as_the_field_is_mended(visitor):
    visitor.open("login")
    visitor.press("login.submit")
    field = visitor.field("form.identifier")
    visitor.complains(field, "script.required")

    visitor.fill("form.identifier", "carol")

    expect(field).to_have_attribute("aria-invalid", "false")
    expect(field).to_have_accessible_description("")


def test_whoever_has_not_proven_their_address_is_led_to_it(visitor, watch, server):
    form = {"username": "dora", "email": "dora@example.org", "password": PASSWORD}
    assert server.ask("POST", "/auth/register", **form).status == 201
    watch.announce("status of 403")
    visitor.open("login")
    visitor.fill("form.identifier", "dora")
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")

    visitor.reads("verify.unproven")
    visitor.fill("form.code", visitor.code("dora", "verify_code"))
    visitor.reads("login.notice_confirmed")
