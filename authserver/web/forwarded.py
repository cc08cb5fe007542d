"""Whose address a request came from, when proxies stand in between.

A proxy appends the address it was called from to `X-Forwarded-For`:

    X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.2      peer: 10.0.0.1
                     anything      the client     proxy              proxy

Everybody may send that header, so its left part is whatever the client wrote.
It is believed from the right, and only as far as each address that vouches for
the next is a proxy of ours (`TRUSTED_PROXIES`): the first that is not is the
client. Who believed the leftmost one, or believed any peer, would let a guesser
pick a new address for each guess and so escape every limit.

An entry that is no address ends the search with the peer itself: junk is never
an address of its own, else it would be one more way to pick a bucket.

Whoever forgets to name a proxy in TRUSTED_PROXIES has a server that seems to
work, until all the world shares the limits of one address. So the first time
that a peer we do not trust forwards for somebody, the log says so, once: a
stranger may send such a header too, and must not fill the log with it.

Addresses leave in one canonical spelling: IPv6 shortened, without zone id, and
an IPv4 address that an IPv6 socket shows as ::ffff:192.0.2.1 as plain IPv4.
"""

import functools
import ipaddress
import logging
from collections.abc import Mapping
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

log: Final = logging.getLogger("authserver.web")

MAX_REMEMBERED_CHARS: Final = 100  # of a header: two hops and more
# What proxies add.
FORWARDING: Final = frozenset(
    {
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "forwarded",
    }
)
MAX_HOPS: Final = 32  # proxies of ours in a row; bounds the work per request


def client_address(
    peer: str, forwarded_for: str | None, trusted: tuple[Network, ...]
) -> str:
    """Return the client's address in canonical text.

    `peer` is what the socket says, `forwarded_for` the header, if any. Never
    raises: what is not an address is never believed.
    """
    address = _parsed(peer)
    if address is None:
        return peer  # a Unix socket, say
    if forwarded_for is None or not _is_trusted(address, trusted):
        return str(address)
    for entry in reversed(forwarded_for.rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
        hop = _parsed(_without_port(entry.strip(" \t")))
        if hop is None:
            return str(address)
        if not _is_trusted(hop, trusted):
            return str(hop)
    return str(address)


def is_address(text: str) -> bool:
    """Tell whether it is an address of the Internet, with a zone or without."""
    return _parsed(text) is not None


def canonical(peer: str) -> str:
    """Return an address as the socket says it, in canonical text."""
    return client_address(peer, None, ())


class Resolver:
    """Finds clients' addresses, and remembers those that it has found."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self._remembered = functools.lru_cache(maxsize=1024)(self._find)

    def address(self, peer: str, forwarded_for: str | None) -> str:
        """Return what `client_address` does; `peer` is in canonical form."""
        if forwarded_for is None:
            return peer
        if len(forwarded_for) > MAX_REMEMBERED_CHARS:
            return self._find(peer, forwarded_for)
        return self._remembered(peer, forwarded_for)

    def _find(self, peer: str, forwarded_for: str) -> str:
        return client_address(peer, forwarded_for, self._trusted)


class ProxyWarning:
    """Warns of a proxy that nobody named, once."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self._trusted_peer: str | None = None  # the last one: mostly there is one
        self._due = True

    def look(self, peer: str, headers: Mapping[str, str]) -> None:
        """Look at a request's headers (names in lower case) from `peer`."""
        if (
            self._due
            and peer != self._trusted_peer
            and not FORWARDING.isdisjoint(headers)
        ):
            self._look_closely(peer)

    def _look_closely(self, peer: str) -> None:
        address = _parsed(peer)
        if address is not None and _is_trusted(address, self._trusted):
            self._trusted_peer = peer
            return
        self._due = False
        log.warning(
            "%s forwards requests and is not among TRUSTED_PROXIES, so it counts as "
            "the client itself. If it is a proxy of yours, name it there: else all "
            "who come through it share the limits of one address.",
            peer,
        )


def _is_trusted(address: Address, trusted: tuple[Network, ...]) -> bool:
    return any(address in network for network in trusted)


def _without_port(entry: str) -> str:
    """Return the address of `192.0.2.1:80`, `[2001:db8::1]:80` or itself."""
    if entry.startswith("["):
        address, bracket, port = entry[1:].partition("]")
        if ":" not in address or not bracket or (port and not _is_port(port)):
            return ""
        return address
    address, colon, port = entry.partition(":")
    # A second colon is IPv6, which carries a port only in brackets.
    return address if colon and _is_port(colon + port) else entry


def _is_port(text: str) -> bool:
    digits = text[1:]
    return text[0] == ":" and len(digits) <= 5 and digits.isascii() and digits.isdigit()


def _parsed(text: str) -> Address | None:
    # "fe80::1%eth0": a zone names an interface of ours, not another client.
    address_text, percent, _ = text.partition("%")
    try:
        address = ipaddress.ip_address(address_text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return None if percent else address
