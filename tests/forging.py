"""Access tokens with a good signature, however odd the rest: for the tests."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from authserver import errors, jwt

KEYRING = {"k1": b"k" * 32, "k2": b"l" * 32}
NOW = 1_700_000_000
HEADER = {"alg": "HS256", "typ": "at+jwt", "kid": "k1"}
ISSUER = "https://auth.example"
CLAIMS = {
    "iss": ISSUER,
    "aud": ISSUER,
    "sub": "u1",
    "sid": "s1",
    "jti": "t1",
    "iat": NOW,
    "exp": NOW + 900,
    "auth_time": NOW - 60,
    "amr": ["pwd"],
    "roles": ["admin", "editor"],
}
ABSENT = object()  # the value of a member to leave out


def vectors(name: str) -> list[dict[str, Any]]:
    path = Path(__file__).parent / "vectors" / f"{name}.json"
    return json.loads(path.read_text())


def dumped(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed_raw(header: bytes, claims: bytes, key: bytes = KEYRING["k1"]) -> str:
    """A token with a good signature over any bytes."""
    signing_input = f"{b64(header)}.{b64(claims)}"
    mac = hmac.digest(key, signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{b64(mac)}"


def changed(members: dict[str, Any], changes: dict[str, Any]) -> bytes:
    merged = {**members, **changes}
    return dumped(
        {name: value for name, value in merged.items() if value is not ABSENT}
    )


def signed(**changes: Any) -> str:
    """A token with a good signature, however odd its claims."""
    return signed_raw(dumped(HEADER), changed(CLAIMS, changes))


def headed(**changes: Any) -> str:
    """A token with a good signature, however odd its header."""
    return signed_raw(changed(HEADER, changes), dumped(CLAIMS))


def decode(token: str, *, now: int = NOW) -> dict[str, Any]:
    return jwt.decode(token, keyring=KEYRING, issuer=ISSUER, audience=ISSUER, now=now)


def refusal(token: str, *, now: int = NOW) -> str:
    """The reason for the log with which `token` is refused."""
    with pytest.raises(errors.InvalidToken) as caught:
        decode(token, now=now)
    return caught.value.detail
