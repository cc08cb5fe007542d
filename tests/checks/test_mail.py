"""Mail: a login is tried, no letter is sent, and what fails has a remedy."""

import socket
import time

from tests import mail_server, ports

MAIL = {
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_SECURITY": "none",
    "EMAIL_FROM": "noreply@example.org",
}
GIVES_UP_WITHIN_S = 20


def test_mail_login_is_tried_without_a_letter(doctor):
    options = {"authenticator": mail_server.log_in, "auth_require_tls": False}
    with mail_server.running(**options) as server:
        login = {"EMAIL_USER": "postman", "EMAIL_PASS": "letterbox"}
        report = doctor(EMAIL_PORT=str(server.port), **MAIL, **login)

    place = f"127.0.0.1:{server.port}"
    assert report.of("mail") == [("ok", f"{place}, none, logged in as postman")]
    assert server.deliveries == []


def test_wrong_mail_password_is_told_and_not_shown(doctor):
    options = {"authenticator": mail_server.log_in, "auth_require_tls": False}
    with mail_server.running(**options) as server:
        login = {"EMAIL_USER": "postman", "EMAIL_PASS": "hush-hush"}
        report = doctor(EMAIL_PORT=str(server.port), **MAIL, **login)

    ((state, words),) = report.of("mail")
    assert state == "FAIL"
    assert "opening: 535 5.7.8" in words
    assert "Correct EMAIL_USER and EMAIL_PASS" in words
    assert "hush" not in report.text


def test_mail_server_without_encryption_is_told(doctor):
    with mail_server.running() as server:
        report = doctor(
            EMAIL_PORT=str(server.port), **(MAIL | {"EMAIL_SECURITY": "starttls"})
        )

    ((state, words),) = report.of("mail")
    assert state == "FAIL"
    assert "Set EMAIL_SECURITY=tls" in words


def test_mail_server_that_is_not_there_is_told(doctor):
    report = doctor(EMAIL_PORT=str(ports.free_port()), **MAIL)

    ((state, words),) = report.of("mail")
    assert state == "FAIL"
    assert "Connection refused" in words
    assert "Check EMAIL_HOST and EMAIL_PORT" in words


def test_mail_server_that_says_nothing_is_given_up(doctor):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()

        report = doctor(EMAIL_PORT=str(silent.getsockname()[1]), **MAIL)

    ((state, words),) = report.of("mail")
    assert state == "FAIL"
    assert "(opening: no answer within 8 s). Check EMAIL_HOST" in words
    assert time.monotonic() - started < GIVES_UP_WITHIN_S
