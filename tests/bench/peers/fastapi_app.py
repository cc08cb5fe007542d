"""A FastAPI program with PyJWT and bcrypt, as its tutorial teaches them.

The dependency and the route that only look at a token are `async def`, the
faster kind; the login, whose hash would stop the loop, is `def`, so that it
runs on Starlette's threads.
"""

import os
import time
from typing import Annotated, Any

import bcrypt
import jwt
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

SECRET = os.environ["SECRET_KEY"]
ISSUER = os.environ["PUBLIC_URL"]
PASSWORD_HASH = os.environ.get("PASSWORD_HASH", "").encode()  # of everybody
LASTS_S = 900

app = FastAPI()
bearer = HTTPBearer()


class Login(BaseModel):
    """The body of a login."""

    identifier: str
    password: str


async def current_user(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> dict[str, Any]:
    """Return the claims of the caller's token."""
    try:
        claims: dict[str, Any] = jwt.decode(
            credentials.credentials,
            SECRET,
            algorithms=["HS256"],
            audience=ISSUER,
            issuer=ISSUER,
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            "Invalid token",
            headers={"WWW-Authenticate": "Bearer"},
        ) from error
    return claims


@app.get("/protected")
async def protected(user: Annotated[dict[str, Any], Depends(current_user)]):
    """Show that the caller is logged in."""
    return {
        "message": f"Hello, {user['name']}. You are logged in.",
        "user": {
            "id": user["sub"],
            "username": user["name"],
            "email": user["email"],
            "phone": None,
            "is_verified": True,
        },
    }


@app.post("/auth/login")
def login(form: Login):
    """Check the password and hand out a token."""
    if not bcrypt.checkpw(form.password.encode(), PASSWORD_HASH):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Wrong name or password")
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": form.identifier,
        "name": form.identifier,
        "email": f"{form.identifier}@example.org",
        "iat": now,
        "exp": now + LASTS_S,
    }
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return {"access_token": token, "token_type": "bearer", "expires_in": LASTS_S}
