"""Reset poisoning: a stranger asks for my reset and says where its mail points.

Servers that build links from what a request says of its host sent the victim a
genuine mail with the attacker's address in it (Django CVE-2012-4520, Zitadel
CVE-2025-64101). Here nothing of a request reaches a message: its site and its
links begin with PUBLIC_URL, however the request was addressed.
"""

import json
import re

import pytest

PUBLIC_HOST = "auth.example.org"
BODY = json.dumps({"email": "alice@example.org"}).encode()
FRAMING = (
    "Connection: close\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
)

HOSTS = (
    "evil.test",
    "evil.test:443",
    "auth.example.org.evil.test",
    "evil.test:auth.example.org",
    "auth.example.org@evil.test",
    "auth.example.org, evil.test",
    "evil.test/auth.example.org",
    "evil.test#auth.example.org",
    "[::1].evil.test",
    "",
)
TARGETS = (
    "http://evil.test/forgot-password",
    "https://auth.example.org@evil.test/forgot-password",
    "//evil.test/forgot-password",
    "/forgot-password?host=evil.test",
)
HEADERS = (
    "X-Forwarded-Host: evil.test",
    "x-FORWARDED-host: evil.test",
    "X_Forwarded_Host: evil.test",
    "HTTP_HOST: evil.test",
    "Hos_t: evil.test",
    "X-Forwarded-Server: evil.test",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Port: 1337",
    "X-Forwarded-Prefix: //evil.test",
    "X-Original-URL: http://evil.test/",
    "X-Original-Host: evil.test",
    "X-Rewrite-URL: http://evil.test/",
    "X-Host: evil.test",
    "X-HTTP-Host-Override: evil.test",
    "Forwarded: for=192.0.2.1;host=evil.test;proto=http",
    "Host: evil.test",
    " Host: evil.test",
    "Referer: https://evil.test/",
)
HEADS = (
    *(f"POST /forgot-password HTTP/1.1\r\nHost: {host}\r\n" for host in HOSTS),
    *(f"POST {target} HTTP/1.1\r\nHost: {PUBLIC_HOST}\r\n" for target in TARGETS),
    *(
        f"POST /forgot-password HTTP/1.1\r\nHost: {PUBLIC_HOST}\r\n{line}\r\n"
        for line in HEADERS
    ),
)


@pytest.mark.parametrize("head", HEADS)
def test_no_part_of_a_request_reaches_the_mail(alice, mailbox, wire, head):
    received = wire.send(head.encode() + FRAMING.encode() + BODY)

    letters = mailbox.fetch()
    told = "".join(each.subject + each.text + each.html for each in letters)
    links = re.findall(r"\w+://[^#]*", told)
    assert received.split()[1] in (b"200", b"400", b"404")
    assert bool(letters) == (received.split()[1] == b"200")
    assert "evil" not in told
    assert "1337" not in told
    assert set(links) <= {f"https://{PUBLIC_HOST}/reset"}
    assert len(links) == 3 * len(letters)  # in the text, under the button, below it


@pytest.mark.parametrize("head", HEADS)
def test_no_part_of_a_request_reaches_the_answer(wire, head):
    received = wire.send(head.encode() + FRAMING.encode() + BODY)

    urls = re.findall(rb"https?://[^\s\"]+", received)
    assert b"evil" not in received
    assert {url.partition(b"/problems/")[0] for url in urls} <= {
        b"https://auth.example.org"
    }
