"""Open redirects: a login that sends its visitor on to a page of the attacker.

Login pages took the way back from a parameter and believed what looked like
a path (Flask-Security-Too CVE-2021-32618, Gitea CVE-2026-25779).
Ours leads password managers to our own page, always the same, and else nobody:
no parameter, header or field makes any route do it.
"""

import pytest

from authserver.web.api.routes import ROUTES

TARGETS = (
    "//evil.test",
    "///evil.test",
    "////evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "https:evil.test",
    "https:/evil.test",
    "https://evil.test",
    "https://auth.example.org@evil.test",
    "https://auth.example.org.evil.test",
    "https://evil.test\\@auth.example.org",
    "https://evil.test#auth.example.org",
    "javascript:alert(1)",
    "data:text/html,x",
    "%09//evil.test",
    "%2f%2fevil.test",
    "/%09/evil.test",
    "/..//evil.test",
    "https://evil%E3%80%82test",
)
NAMES = (
    *("next", "rd", "url", "to", "redirect", "redirect_uri", "redirect_url"),
    *("return", "return_to", "returnTo", "continue", "callback", "goto", "dest"),
    *("target", "RelayState", "service", "ref", "state"),
)
OWN = "https://auth.example.org/account#password"
TRIED = [(route.method, path) for route in ROUTES for path in route.paths]


def redirects(answer):
    if answer.header("Location") == OWN:
        return False
    return 300 <= answer.status < 400 or any(
        answer.header(name)
        for name in ("Location", "Refresh", "Link", "Content-Location")
    )


@pytest.mark.parametrize("target", TARGETS)
def test_no_parameter_sends_anybody_elsewhere(client, target):
    query = "&".join(f"{name}={target}" for name in NAMES)

    answers = [client.send(method, f"{path}?{query}") for method, path in TRIED]

    assert not any(redirects(answer) for answer in answers)
    assert "evil" not in repr(answers)


def test_no_field_of_a_login_sends_anybody_elsewhere(client, alice):
    body = dict.fromkeys(NAMES, "https://evil.test")

    answer = client.post(
        "/auth/login", email=alice.email, password=alice.password, **body
    )

    assert answer.status == 200
    assert not redirects(answer)
    assert "evil" not in repr(answer)


@pytest.mark.parametrize("path", ["//evil.test", "//evil.test/..", "/login/", "/auth"])
def test_no_path_is_put_right_by_a_redirect(wire, path):
    answer = wire.request("GET", path)

    assert answer.status == 404
    assert not redirects(answer)
    assert "evil" not in repr(answer)
