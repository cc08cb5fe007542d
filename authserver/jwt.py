"""Access tokens: JSON Web Tokens signed with HMAC-SHA256.

A token is three base64url strings joined by dots (RFC 7519 section 3.1):

    eyJhbGciOi...  .  eyJzdWIiOi...  .  6xGk0P4c...
    header            claims            HMAC-SHA256(key, "header.claims")

Anyone can read the first two parts; only a holder of the key can make the
third. That is all a JWT is: a signed postcard, not a sealed envelope.

    header  {"alg": "HS256", "typ": "at+jwt", "kid": which of our keys}
    claims  iss, aud       who issued it, for whom            text
            sub, sid, jti  the user, the session, the token   text
            iat, exp       issued, expires                    whole numbers
            auth_time      when the person last proved it     whole number
            amr, roles     how it was proved, what one may    lists of text

The decisions, each of which closes a hole that was used (RFC 8725):

* One algorithm. A verifier that obeys the token's "alg" can be talked into
  "none", or into taking a public key for an HMAC secret (section 2.1).
* The header is exactly these three members. What else it could carry ("jwk",
  "jku", "crit", "b64") asks the verifier to do something; we do nothing asked.
* "typ" tells an access token (RFC 9068 section 2.1) from any other kind of JWT
  that the same key may sign one day (RFC 8725 section 3.11).
* The signature is checked over the bytes received, before any claim is read,
  and compared as the text received: base64 has other spellings of the same
  bytes, and only ours passes.
* Every claim is required and of its type. A token without "exp" is not
  immortal, it is invalid; True is an int in Python, but not a time.
* A name may occur once: of two "sub", two parsers may believe different ones.

Times are whole seconds since the Unix epoch (RFC 7519 section 2, NumericDate).
A valid token only says what was true when it was issued. Whether its session
has ended since is for the caller to look up.
"""

import base64
import functools
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from authserver import compact, errors

ALGORITHM = "HS256"
TYPE = "at+jwt"
MAX_TOKEN_CHARS = 4096  # bounds the work done for an unauthenticated stranger
# RFC 7515 section 7.1, in the base64url of its section 2: no padding.
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
REMEMBERED = 256  # tokens that a verifier has read, half a MiB
LEEWAY_S = 30  # tolerated difference between the clocks of two machines

LISTS = ("amr", "roles")
CLAIMS: dict[str, type] = {
    **dict.fromkeys(("iss", "aud", "sub", "sid", "jti"), str),
    **dict.fromkeys(("iat", "exp", "auth_time"), int),  # and True is none
    **dict.fromkeys(LISTS, list),
}
_TEXT = frozenset({str})
NAMES_OF_TYPES = {str: "text", int: "a whole number", list: "a list of text"}


class Verifier:
    """Reads the tokens of one issuer, and remembers those it has read.

    A client sends its token with each request, and whether it is one of ours
    does not change. Whether it is in time does, and is looked at each time.
    """

    def __init__(self, *, keyring: Mapping[str, bytes], issuer: str) -> None:
        self._read = functools.lru_cache(maxsize=REMEMBERED)(
            functools.partial(
                decode_ended, keyring=keyring, issuer=issuer, audience=issuer
            )
        )

    def decode(self, token: str, *, now: int) -> Mapping[str, Any]:
        """Return the claims of a live token; raises as the function does."""
        claims = self._read(token)
        _check_lifetime(claims, now)
        return claims

    def decode_ended(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that may have expired."""
        return self._read(token)


def encode(claims: Mapping[str, Any], *, keyring: Mapping[str, bytes], kid: str) -> str:
    """Sign `claims` with the key named `kid` and return the compact token."""
    signing_input = f"{_header(kid)}.{_dump(claims)}"
    return f"{signing_input}.{_sign(signing_input, keyring[kid])}"


def decode(
    token: str, *, keyring: Mapping[str, bytes], issuer: str, audience: str, now: int
) -> dict[str, Any]:
    """Return the claims of a live token that we issued for `audience`.

    Raises `errors.InvalidToken` for every other input, whatever its fault.
    """
    claims = decode_ended(token, keyring=keyring, issuer=issuer, audience=audience)
    _check_lifetime(claims, now)
    return claims


def decode_ended(
    token: str, *, keyring: Mapping[str, bytes], issuer: str, audience: str
) -> dict[str, Any]:
    """Return the claims of a token that we issued, though it may have expired.

    Whether it is in time is for the caller to look at, if it matters: who has
    an expired token may still log out. Raises as `decode` does.
    """
    # 1. Shape. Length first: a megabyte of dots must cost nothing.
    if len(token) > MAX_TOKEN_CHARS or not COMPACT.fullmatch(token):
        raise errors.InvalidToken("not a compact JWS")
    signing_input, _, signature = token.rpartition(".")
    header_segment, _, claims_segment = signing_input.partition(".")

    # 2. Key. The header may choose which of our keys; it may not choose how.
    key = _choose_key(header_segment, keyring)

    # 3. Signature, compared in constant time so that a forger cannot learn
    #    from our response time how many leading characters were right.
    expected = _sign(signing_input, key)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise errors.InvalidToken("bad signature")

    # 4. Claims. They are ours, but may be stale or meant for somebody else.
    claims = _load(claims_segment)
    _check_types(claims)
    if claims["iss"] != issuer or claims["aud"] != audience:
        raise errors.InvalidToken("issued by or for somebody else")
    return claims


def _check_lifetime(claims: Mapping[str, Any], now: int) -> None:
    if not claims["iat"] - LEEWAY_S <= now < claims["exp"] + LEEWAY_S:
        raise errors.InvalidToken("outside its lifetime")


def _choose_key(header_segment: str, keyring: Mapping[str, bytes]) -> bytes:
    key = keyring.get(_read_header(header_segment))
    if key is None:
        raise errors.InvalidToken("unknown key")
    return key


@functools.lru_cache(maxsize=16)  # nearly all tokens have the same header
def _read_header(segment: str) -> str:
    """Return the `kid` of a header that is one of ours in all else."""
    header = _load(segment)
    kid = header.get("kid")
    if header != {"alg": ALGORITHM, "typ": TYPE, "kid": kid}:
        raise errors.InvalidToken("not the header of an access token")
    if type(kid) is not str:
        raise errors.InvalidToken("unknown key")
    return kid


def _check_types(claims: dict[str, Any]) -> None:
    """Refuse claims that are missing or of another type, naming the first."""
    for name, kind in CLAIMS.items():
        if type(claims.get(name)) is not kind:
            raise errors.InvalidToken(f"{name} must be {NAMES_OF_TYPES[kind]}")
    for name in LISTS:
        if not _TEXT.issuperset(map(type, claims[name])):
            raise errors.InvalidToken(f"{name} must be {NAMES_OF_TYPES[list]}")


def _sign(signing_input: str, key: bytes) -> str:
    mac = hmac.digest(key, signing_input.encode(), hashlib.sha256)
    return compact.base64url(mac)


@functools.lru_cache(maxsize=16)
def _header(kid: str) -> str:
    return _dump({"alg": ALGORITHM, "typ": TYPE, "kid": kid})


def _dump(value: Mapping[str, Any]) -> str:
    return compact.base64url(compact.json(value).encode())


def _load(segment: str) -> dict[str, Any]:
    padding = "=" * (-len(segment) % 4)  # which the decoder wants back
    try:
        text = base64.urlsafe_b64decode(segment + padding).decode()
        value, end = _JSON.raw_decode(text)
        if end != len(text):
            raise ValueError("more than one value")
    except (ValueError, RecursionError) as error:
        raise errors.InvalidToken("a segment is not base64url of JSON") from error
    if type(value) is not dict:
        raise errors.InvalidToken("a segment is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python would take NaN and Infinity


# Made once: `json.loads` makes one at each call.
_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
