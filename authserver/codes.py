"""One-time codes and link tokens, computed from a row's id and never stored.

A row of `one_time_codes` has a random id. From this id and a key of the server

    HMAC-SHA256(key, form NUL purpose NUL id)
        form "otp"   ->  "492039"
        form "link"  ->  "<id>.<43 characters>"

come the six digits that a person types and the token that stands in a mailed
link. So whoever sends the message needs the row and the key, the row holds no
secret, and a stolen database without the key opens nothing.

* Six digits by the truncation of RFC 4226 section 5.3, under SHA-256 instead of
  SHA-1 (as RFC 6238 section 1.2 allows): the low four bits of the last byte say
  where 31 bits are taken from. 2**31 is not a multiple of 10**6, so some codes
  are likelier than others by 1 part in 2,147: no help to a guesser who has
  five tries of a million.
* Purpose and form are part of the message. A code for logging in cannot reset
  a password, and nobody who sees the code can compute the link.
* Digits are 0 to 9 and nothing else: Python's `str.isdigit` and `int` also
  accept the digits of other scripts, which would give one code many spellings.
* Comparison takes the same time wherever the first difference is.

Guessing is the caller's to limit: a code has 20 bits, a link token 256. Expiry,
attempts and single use are in the row; this module knows no time and no state.
"""

import hashlib
import hmac
import re

from authserver import compact

CODE_KEY, LINK_KEY = "code", "link"  # labels of the keys, one for each form
DIGITS = 6
OTP_FORM = re.compile(r"[0-9]{6}")
# An id is `tokens.operation_id`, a MAC 32 bytes in base64url.
LINK_FORM = re.compile(r"([0-9a-f]{32})\.[A-Za-z0-9_-]{43}")


def otp(key: bytes, purpose: str, code_id: str) -> str:
    """Return the six digits of the row `code_id`."""
    return truncate(_mac(key, "otp", purpose, code_id), digits=DIGITS)


def otp_matches(given: str, key: bytes, purpose: str, code_id: str) -> bool:
    """Tell whether `given`, as a stranger typed it, is the code of the row."""
    if not OTP_FORM.fullmatch(given):
        return False
    expected = otp(key, purpose, code_id)
    return hmac.compare_digest(given.encode(), expected.encode())


def link_token(key: bytes, purpose: str, code_id: str) -> str:
    """Return the token for a link, which also names its row."""
    mac = _mac(key, "link", purpose, code_id)
    return f"{code_id}.{compact.base64url(mac)}"


def link_token_id(token: str) -> str | None:
    """Return the id of the row that `token` names, or None for other text.

    Nothing is proven yet: the id only says which row to compare with.
    """
    match = LINK_FORM.fullmatch(token)
    return match[1] if match else None


def link_token_matches(token: str, key: bytes, purpose: str, code_id: str) -> bool:
    """Tell whether `token`, as a stranger sent it, is the row's link token."""
    if link_token_id(token) is None:  # from here on it is ASCII
        return False
    # Text is compared, not decoded bytes: base64 has several spellings of one
    # value (the last character's spare bits), and only ours may pass.
    expected = link_token(key, purpose, code_id)
    return hmac.compare_digest(token.encode(), expected.encode())


def truncate(mac: bytes, *, digits: int) -> str:
    """Return `digits` decimal digits of a MAC of 20 bytes or more.

    RFC 4226 section 5.3; the last byte is number 19 there, as SHA-1 has 20.
    """
    offset = mac[-1] & 0x0F
    # The top bit is dropped, so that signed and unsigned machines agree.
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def _mac(key: bytes, form: str, purpose: str, code_id: str) -> bytes:
    # NUL occurs in none of the parts, so no two triples make one message.
    message = "\0".join((form, purpose, code_id)).encode()
    return hmac.digest(key, message, hashlib.sha256)
