"""Whose address counts behind proxies: the right-most one that is not ours."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver.web import forwarded
from tests.cpu import within

TRUSTED = tuple(
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "fd00::/8", "::1/128")
)
PEER = "10.0.0.1"


def client(forwarded_for: str | None, peer: str = PEER) -> str:
    return forwarded.client_address(peer, forwarded_for, TRUSTED)


def test_header_from_a_stranger_is_not_believed():
    assert client("203.0.113.9", peer="198.51.100.7") == "198.51.100.7"


def test_without_trusted_proxies_the_peer_is_the_client():
    assert forwarded.client_address(PEER, "203.0.113.9", ()) == PEER


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        (None, PEER),
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("1.2.3.4,203.0.113.9\t,\t10.0.0.2 , fd00::1", "203.0.113.9"),
        ("junk, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.3, 10.0.0.2", PEER),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("203.0.113.9:65535", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("::ffff:10.0.0.2", PEER),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
    ],
)
def test_address_is_the_rightmost_that_is_not_ours(forwarded_for, address):
    assert client(forwarded_for) == address


@pytest.mark.parametrize(
    "junk",
    [
        "",
        " ",
        ",",
        "a",
        "unknown",
        "203.0.113.9, a",
        "203.0.113.9, ",
        "203.0.113.9, junk, 10.0.0.2",
        "203.0.113.09",
        "203.0.113",
        "203.0.113.9:",
        "203.0.113.9:http",
        "203.0.113.9:123456",
        "203.0.113.9:\u0665",
        "203.0.113.9%eth0",
        "203.0.113.9/32",
        "3405803785",
        "0xcb007109",
        "[203.0.113.9]",
        "[203.0.113.9]:80",
        "[2001:db8::1",
        "[2001:db8::1]80",
        "[2001:db8::1]:",
        "2001:db8::1]",
        "2001:db8::1]:80",
        "[]",
        "[",
        ":80",
        "2001:db8::1::2",
        "fe80::1%",
        "\u0661.2.3.4",
        "for=203.0.113.9",
        "x" * 64_000,
        ", ".join(["10.0.0.2"] * 1_000),
        "203.0.113.9, " + ", ".join(["10.0.0.2"] * 1_000),
    ],
)
def test_junk_of_row_c10_counts_as_the_peer(junk):
    assert client(junk) in {PEER, "fe80::1"}


def test_spelling_of_an_address_makes_no_difference():
    spellings = ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "[2001:db8::0:1]:9")

    assert {client(spelling) for spelling in spellings} == {"2001:db8::1"}


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%2", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", ""),
    ],
)
def test_peer_is_written_canonically(peer, address):
    assert forwarded.client_address(peer, None, ()) == address


def test_proxy_on_an_ipv6_socket_is_trusted_as_its_ipv4_network():
    assert client("203.0.113.9", peer="::ffff:10.0.0.1") == "203.0.113.9"


def test_proxy_that_sees_only_its_own_kind_is_the_client():
    hops = ", ".join(["10.0.0.2"] * (forwarded.MAX_HOPS - 1))

    assert client("203.0.113.9, " + hops) == "203.0.113.9"


@pytest.mark.parametrize("header", ["," * 64_000, "10.0.0.2," * 7_000, ":" * 64_000])
def test_longest_header_takes_less_than_20_ms(header):
    assert within(0.02, lambda: client(header))


@given(st.text(alphabet="0123456789abcdef:.[]%, x", max_size=60))
def test_any_header_gives_an_address(header):
    address = client(header)

    assert str(ipaddress.ip_address(address)) == address


# -- the warning


@pytest.fixture
def warning(caplog):
    """Return what looks at a request, and tells the warnings until then."""
    warning = forwarded.ProxyWarning(TRUSTED)

    def look(peer, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        warning.look(peer, named)
        return caplog.messages

    return look


@pytest.mark.parametrize(
    "name",
    [
        *("x_forwarded_for", "x_forwarded_proto", "x_forwarded_host"),
        *("forwarded", "x_real_ip"),
    ],
)
def test_proxy_that_nobody_named_is_told_once(warning, name):
    for peer in ("192.0.2.9", "192.0.2.9", "192.0.2.10"):
        told = warning(peer, **{name: "203.0.113.9"})

    [sentence] = told
    assert sentence.startswith("192.0.2.9 forwards requests")
    assert "TRUSTED_PROXIES" in sentence


def test_trusted_proxies_and_plain_clients_are_no_reason_for_it(warning):
    told = [
        *warning(PEER, x_forwarded_for="203.0.113.9"),
        *warning("fd00::1", forwarded="for=203.0.113.9"),
        *warning("::ffff:10.0.0.1", x_real_ip="203.0.113.9"),
        *warning("192.0.2.9", user_agent="curl"),
    ]

    assert told == []


def test_stranger_beside_a_trusted_proxy_is_told(warning):
    warning(PEER, x_forwarded_for="203.0.113.9")

    assert len(warning("192.0.2.9", x_forwarded_for="203.0.113.9")) == 1


def test_peer_without_an_address_is_told(warning):
    assert len(warning("", x_forwarded_for="203.0.113.9")) == 1


def test_value_of_the_header_is_not_repeated(warning):
    assert "s3cr3t" not in warning("192.0.2.9", forwarded="s3cr3t")[0]
