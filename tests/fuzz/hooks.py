"""What the request generator knows of this server beside its document.

Made-up requests hardly get past the first check: nobody guesses a password. So
there is a caller with a session, bob, whose bearer token goes with requests and
is renewed whenever one of them logged him out; and every other well-formed body
is filled with what is true of alice and bob, so that requests succeed as well.

Addresses are given by X-Forwarded-For, as a proxy would. The generator comes
from many, or the limits of one would hide the rest; bob and alice, when they
are to succeed, from where they always log in.
"""

import itertools
import os
from typing import Any

import requests
import schemathesis
from schemathesis import AuthContext, Case, HookContext, Response

from tests.processes import PASSWORD

URL = os.environ["FUZZED_URL"]
HOME = "203.0.113.7"
NEW_PEOPLE = ("/auth/register", "/register", "/auth/signup")
MAX_INTEGER = 2**53

numbers = itertools.count()


class Session:
    """Bob's tokens and password; `access` is empty once he is logged out."""

    access = ""
    refresh = ""
    password = os.environ["FUZZED_PASSWORD"]  # in no example, so nobody changes it

    def renew(self) -> None:
        body = {"identifier": "bob", "password": self.password}
        home = {"X-Forwarded-For": HOME}
        answer = requests.post(f"{URL}/auth/login", json=body, headers=home, timeout=20)
        tokens = answer.json()
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]


session = Session()


@schemathesis.auth(refresh_interval=None)
class Bob:
    """Sends bob's bearer token."""

    def get(self, _case: Case, _context: AuthContext) -> str:
        if not session.access:
            session.renew()
        return session.access

    def set(self, case: Case, token: str, _context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def filter_body(_context: HookContext, body: Any) -> bool:
    """Leave out numbers that are others in other languages: all are refused."""
    return not _has_huge_number(body)


@schemathesis.hook
def before_call(_context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Choose an address; make every other body true."""
    number = next(numbers)
    address = f"198.51.{number % 100}.{number % 250}"
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and number % 2 and isinstance(case.body, dict):
        true = _truth(case.path, number)
        case.body = {name: true.get(name, value) for name, value in case.body.items()}
        address = address if case.path in NEW_PEOPLE else HOME
    case.headers["X-Forwarded-For"] = address


@schemathesis.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Notice what the answer means for bob."""
    sent = response.request.headers.get("Authorization")
    if response.status_code == 401 and sent == f"Bearer {session.access}":
        session.access = ""
    if response.status_code == 200 and b'"refresh_token"' in response.content:
        session.refresh = response.json()["refresh_token"]
    if response.status_code == 200 and case.path == "/auth/password/change":
        session.password = case.body["new_password"]


def _truth(path: str, number: int) -> dict[str, Any]:
    """Return what would be right in a body to this path."""
    who = f"user{number}" if path in NEW_PEOPLE else "alice"
    return {
        "identifier": who,
        "username": who,
        "name": who,
        "email": f"{who}@example.org",
        "phone": "+442079460018",
        "mobile_number": "+442079460018",
        "password": PASSWORD,
        "pwd": PASSWORD,
        "confirm_password": PASSWORD,
        "current_password": session.password,
        "new_password": f"bob likes number {number}",
        "refresh_token": session.refresh,
    }


def _has_huge_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_huge_number(each) for each in value.values())
    if isinstance(value, list):
        return any(_has_huge_number(each) for each in value)
    return isinstance(value, int | float) and abs(value) > MAX_INTEGER
