"""Tokens in the query: credentials that end up in logs and histories.

Portainer took its JWT from the query string (CVE-2026-44883). RFC 6750 section
5.3 warns of it. Here only the Authorization header and the cookie count, and no
query is ever logged.
"""

import logging

import pytest

NAMES = ("token", "access_token", "jwt", "session", "__Host-session", "authorization")
PATHS = ("/auth/me", "/protected", "/session/active", "/sessions")


@pytest.mark.parametrize("path", PATHS)
def test_no_parameter_is_a_credential(client, logged_in, path):
    secrets = (logged_in.payload["access_token"], logged_in.cookies["__Host-session"])

    answers = [
        client.get(f"{path}?{name}={secret}") for name in NAMES for secret in secrets
    ]

    assert {answer.code for answer in answers} == {"not_authenticated"}


@pytest.mark.parametrize("name", NAMES)
def test_no_field_of_a_body_is_a_credential(client, logged_in, name):
    answer = client.post("/protected", **{name: logged_in.payload["access_token"]})

    assert answer.code == "not_authenticated"


def test_a_form_is_not_even_read(wire, logged_in):
    body = f"access_token={logged_in.payload['access_token']}".encode()

    answer = wire.request(
        "POST",
        "/protected",
        "Content-Type: application/x-www-form-urlencoded",
        body=body,
    )

    assert answer.code == "unsupported_media_type"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/auth/me", "/auth/refresh", "/nowhere", "/sessions"])
def test_no_query_is_logged_or_repeated(app, wire, caplog, method, path):
    caplog.set_level(logging.DEBUG)

    answer = wire.request(method, f"{path}?access_token=s3cr3t-value&x=s3cr3t-value")
    app.access.work_up()

    assert any(record.name == "authserver.access" for record in caplog.records)
    assert "s3cr3t" not in caplog.text
    assert "s3cr3t" not in repr(answer)


def test_query_of_a_malformed_request_is_not_logged_either(app, wire, caplog):
    caplog.set_level(logging.DEBUG)

    received = wire.send(
        b"GET /auth/me?token=s3cr3t-value HTTP/1.1\r\nHost: a b\r\n\r\n"
    )
    app.access.work_up()

    assert received.startswith(b"HTTP/1.1 400 ")
    assert "s3cr3t" not in caplog.text
    assert b"s3cr3t" not in received
