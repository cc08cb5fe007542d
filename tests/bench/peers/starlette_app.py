"""Starlette alone with PyJWT: what is left when the framework goes."""

import os

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SECRET = os.environ["SECRET_KEY"]
ISSUER = os.environ["PUBLIC_URL"]
REFUSED = {"WWW-Authenticate": "Bearer"}


async def protected(request: Request) -> JSONResponse:
    """Show that the caller is logged in."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise jwt.InvalidTokenError
        user = jwt.decode(
            token, SECRET, algorithms=["HS256"], audience=ISSUER, issuer=ISSUER
        )
    except jwt.InvalidTokenError:
        return JSONResponse({"detail": "Invalid token"}, 401, headers=REFUSED)
    return JSONResponse(
        {
            "message": f"Hello, {user['name']}. You are logged in.",
            "user": {
                "id": user["sub"],
                "username": user["name"],
                "email": user["email"],
                "phone": None,
                "is_verified": True,
            },
        }
    )


app = Starlette(routes=[Route("/protected", protected)])
