"""What registering would say of a password, while it is still being typed.

The rules are those of `passwords.policy` and live nowhere else, so a page need
not have a copy that would soon be another opinion. A password is compared with
the identifiers that came with it and with nothing that is stored: whoever asks
learns what the rules are, and nothing about who has an account.

Nothing is hashed, written down or remembered. It has a limit of its own, for a
page asks with every pause in typing, which must not use up what the same person
needs to register and to log in.
"""

from authserver import errors, identifiers
from authserver.app import App, Caller
from authserver.errors import FieldFault
from authserver.flows import budgets
from authserver.passwords import policy


def check(
    app: App,
    caller: Caller,
    password: str,
    *,
    username: str | None,
    email: str | None,
    phone: str | None,
) -> tuple[FieldFault, ...]:
    """Return what is wrong with a password for whoever is known by these.

    Raises `TooManyRequests`.
    """
    budgets.admit_check(app, caller)
    typed = [each for each in (username, email, phone) if each is not None]
    found = policy.fault(password, identifiers=_canonical(app, typed))
    return (found.of("password"),) if found else ()


def _canonical(app: App, typed: list[str]) -> list[str]:
    """Return what is an identifier already: the others are being typed."""
    country_code, found = app.settings.phone_country_code, []
    for each in typed:
        try:
            found.append(identifiers.parse(each, country_code=country_code).value)
        except errors.RuleBroken:
            continue
    return found
