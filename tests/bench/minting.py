"""Tokens for the peers, signed with PyJWT and what each of them asks for."""

import time
import uuid

import jwt

from tests.bench.people import TOKENS_LAST_S
from tests.bench.servers import PUBLIC_URL, SECRET


def token(number: int) -> str:
    """Return a token with our claims and those of flask-jwt-extended."""
    now = int(time.time())
    claims = {
        "iss": PUBLIC_URL,
        "aud": PUBLIC_URL,
        "sub": str(uuid.uuid4()),
        "sid": str(uuid.uuid4()),
        "jti": uuid.uuid4().hex,
        "iat": now,
        "nbf": now,
        "exp": now + TOKENS_LAST_S,
        "auth_time": now,
        "amr": ["pwd"],
        "roles": [],
        "name": f"alice{number}",
        "email": f"alice{number}@example.org",
        "type": "access",
        "fresh": False,
    }
    return jwt.encode(claims, SECRET, algorithm="HS256")
