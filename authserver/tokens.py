"""Random tokens, their digests, and random ids.

Four kinds of random text leave this module:

    kind           made of                     form            secret
    token          256 random bits             43 base64url    yes
    operation id   128 random bits             32 hex digits   no
    request id     64 random bits              16 hex digits   no
    row id         48 bits of time, 74 random  36, UUIDv7      no

A token (session cookie, refresh token) is opaque: it means nothing without the
row that holds its digest. The row holds SHA-256 of the token and never the
token, so a stolen backup cannot be replayed. A plain fast hash suffices here,
unlike for passwords: nobody can try 2**256 tokens, however cheap each try is.

A row id is a UUID version 7 (RFC 9562 section 5.7): its time comes first, so
new rows land at the end of an index instead of all over it. Our time is whole
seconds; within a second ids are in no particular order, unless a counter of the
caller's takes the place of the first random bits (section 6.2, method 1), as
for the rows of a log. It is a name, not a secret: whoever knows it may do
nothing with it.

`successor` is the one token that is not random. A refresh token is exchanged
for HMAC(key, old token, nonce), where the nonce is random and stored in the
row of the old one. Asked again, the server can compute the same successor
again for a client whose answer was lost, though it stores neither of the two.

This module reads the system's random source (the `secrets` module) and no
clock; it does not store, compare or expire anything.
"""

import hashlib
import hmac
import os

from authserver import compact

TOKEN_BYTES = 32  # 256 bits: beyond guessing, also for many tokens at once
UUID_VERSION = 7
UUID_VARIANT = 0b10  # RFC 9562 section 4.1


def new() -> str:
    """Return a fresh secret token of 43 URL-safe characters."""
    return compact.base64url(os.urandom(TOKEN_BYTES))


def digest(token: str) -> str:
    """Return the SHA-256 of a long random token as 64 hex digits.

    Takes whatever text a stranger presents: half a surrogate pair, which UTF-8
    cannot encode, gets a digest that matches no row instead of an exception.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def successor(key: bytes, token: str, nonce: str) -> str:
    """Return the token that follows refresh token `token`, 43 characters.

    `nonce` is an `operation_id`; `key` one derived for this use alone. The dot
    occurs in neither part, so no two pairs make the same message.
    """
    message = f"{token}.{nonce}".encode("utf-8", "surrogatepass")
    mac = hmac.digest(key, message, hashlib.sha256)
    return compact.base64url(mac)


def new_id(now: int, *, order: int | None = None) -> str:
    """Return a row id for a row made at `now` (epoch seconds).

    Ids of one second are in the order of `order`, where it is given.
    """
    milliseconds = now * 1000 & (1 << 48) - 1  # a broken clock must not raise
    random = int.from_bytes(os.urandom(10))
    first, rest = random >> 68, random & (1 << 62) - 1  # rand_a and rand_b
    if order is not None:  # all of rand_a, and the first 14 bits of rand_b
        first = order >> 14 & 0xFFF
        rest = (order & 0x3FFF) << 48 | rest & (1 << 48) - 1
    rest |= UUID_VARIANT << 62
    # By hand: the module `uuid` would cost a twentieth of the start-up time.
    return (
        f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}"
        f"-{UUID_VERSION}{first:03x}"
        f"-{rest >> 48:04x}-{rest & (1 << 48) - 1:012x}"
    )


def operation_id() -> str:
    """Return 128 random bits as 32 hex digits: unique, and not a secret.

    Names what is done once: an attempt at spending something, a transaction, a
    one-time code, an access token (its `jti`). As a nonce, a `successor`.
    """
    return os.urandom(16).hex()


def request_id() -> str:
    """Return 16 hex digits that tie a response to its lines in the log."""
    return os.urandom(8).hex()
