"""One row of the route table: what a route is declared with.

A row is the single source for three readers: dispatch finds the endpoint by it
and validates the body, `openapi` describes it, and tests hold every route to
what it declares.
"""

from collections.abc import Callable
from typing import NamedTuple

from authserver import errors
from authserver.app import App
from authserver.flows.steps import Steps
from authserver.web.api.answers import Answer
from authserver.web.api.fields import Field, Rule
from authserver.web.messages import Request, Response

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# What answering takes: nothing but memory, a short read of the database, a
# transaction between steps that are short (`flows.steps`), or something that
# one may have to wait for. Who watches the server does not wait for the others.
MEMORY, READ, STEPS, WAIT, WATCH = "memory", "read", "steps", "wait", "watch"

Refusals = tuple[type[errors.AuthError], ...]

COMMON: Refusals = (
    errors.MalformedRequest,  # one of our cookies sent twice
    errors.Unavailable,
)
OF_CHANGES: Refusals = (
    errors.InvalidBody,
    errors.UnsupportedMediaType,
    errors.UnsupportedContentCoding,
    errors.CrossSite,
)
LOGGED_IN: Refusals = (errors.NotAuthenticated, errors.InvalidToken)

# What a request may be known by, for readers; the endpoints decide.
CALLER = ("bearer", "session")
ANYBODY = ("", *CALLER)  # a caller if there is one
PROVEN = ("", "reset")
WATCHER = ("", "metrics")  # without it 404, and not 401: there is nothing here


class Route(NamedTuple):
    """A method, the paths it is known by, and how it is answered.

    `cost`: what it takes to answer; only what takes no more than a read, or
    goes in steps, may be answered by the loop itself. `limited`: counts against
    the address's requests per minute. `hashes`: with this field in the body the
    endpoint computes a password hash, so it runs whole on a hashing thread.
    """

    method: str
    paths: tuple[str, ...]
    endpoint: Callable[[App, Request], Response | Steps[Response]]
    success: Answer
    body: tuple[Field, ...] = ()
    rules: tuple[Rule, ...] = ()
    refusals: Refusals = ()
    credentials: tuple[str, ...] = ()
    cost: str = WAIT
    limited: bool = False
    hashes: str | None = None

    @property
    def raises(self) -> Refusals:
        """Every class of refusal that this route may answer with."""
        changes = OF_CHANGES if self.method in CHANGING else ()
        limit: Refusals = (errors.TooManyRequests,) if self.limited else ()
        return (*COMMON, *changes, *limit, *self.refusals)
