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

import base64
import hashlib
import hmac
import secrets

TOKEN_BYTES = 32  # 256 bits: beyond guessing, also for many tokens at once
UUID_VERSION = 7
UUID_VARIANT = 0b10  # RFC 9562 section 4.1
ORDER_BITS = 26  # 67 million within a second; 48 random bits remain


def new() -> str:
    """Return a fresh secret token of 43 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


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
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def new_id(now: int, *, order: int | None = None) -> str:
    """Return a row id for a row made at `now` (epoch seconds).

    Ids of one second are in the order of `order`, where it is given.
    """
    milliseconds = now * 1000 & (1 << 48) - 1  # a broken clock must not raise
    bits = milliseconds << 80 | secrets.randbits(80)
    if order is not None:
        high, low = divmod(order % (1 << ORDER_BITS), 1 << ORDER_BITS - 12)
        bits = bits & ~(0xFFF << 64) | high << 64  # all of rand_a, and then ...
        bits = bits & ~(0x3FFF << 48) | low << 48  # ... the first of rand_b
    # Version and variant overwrite 6 of the random bits, which leaves 74.
    bits = bits & ~(0xF << 76) | UUID_VERSION << 76
    bits = bits & ~(0b11 << 62) | UUID_VARIANT << 62
    # By hand: the module `uuid` would cost a twentieth of the start-up time.
    digits = f"{bits:032x}"
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts)


def operation_id() -> str:
    """Return 128 random bits as 32 hex digits: unique, and not a secret.

    Names what is done once: an attempt at spending something, a transaction, a
    one-time code, an access token (its `jti`). As a nonce, a `successor`.
    """
    return secrets.token_hex(16)


def request_id() -> str:
    """Return 16 hex digits that tie a response to its lines in the log."""
    return secrets.token_hex(8)
