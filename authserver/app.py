"""The one object that flows work with: settings, parts and clocks.

There are no globals. Whatever a flow needs -- the database, the hasher, the
time -- hangs on the `App` that it is given first, so two apps live side by side
in one process and a test hands in its own clock.

Two clocks, for two questions. `now()` is the wall clock in whole epoch seconds
(UTC), for times that are stored or put into tokens. `monotonic()` never jumps
and is what counts durations in this process.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from authserver.access import AccessBook
from authserver.board import Board
from authserver.jwt import Verifier
from authserver.keys import Keyring
from authserver.metrics import Metrics
from authserver.passwords.hasher import Hasher
from authserver.passwords.threads import HashingThreads
from authserver.ratelimit import Limiter
from authserver.settings import Settings
from authserver.store.database import Database


class Caller(NamedTuple):
    """Who is asking, as far as the connection tells."""

    address: str  # IP address in canonical text
    user_agent: str  # at most 200 characters, unchecked
    request_id: str
    language: str = "en"  # that messages to them are worded in


class App(NamedTuple):
    """Everything a flow may use. Made by `runtime.create_app`."""

    settings: Settings
    database: Database
    hasher: Hasher
    hashing: HashingThreads
    keyring: Keyring
    # Made by `flows.authenticate` for a keyring and an issuer.
    verifiers: dict[tuple[Keyring, str], Verifier]
    limiter: Limiter
    now: Callable[[], int]
    monotonic: Callable[[], float]
    order: Callable[[], int]  # 0, 1, 2 ...: for rows of one second
    metrics: Metrics
    access: AccessBook
    board: Board | None  # of messages that are printed and not sent
    # The operator's files that pages load (`web.looks`).
    looks: Mapping[str, bytes]
    # What `web.rendering` and `web.assets` made when it was first asked for.
    pages: dict[object, Any]
    # Set when a message was queued, so that the delivery worker wakes at once.
    delivery_due: threading.Event
