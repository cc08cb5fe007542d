"""What the server tells about itself in figures.

Counters are counted where things happen. The rest is read here, and only when
somebody asks: lengths of queues, what the outbox holds, whether the database
answers. A database that is away takes its own figures with it and no others:
just then somebody will want to see them.
"""

import sys

from authserver import errors, logs
from authserver.app import App
from authserver.metrics import Family, Values, family
from authserver.settings import VERSION
from authserver.store import outbox


def gather(app: App) -> list[Family]:
    """Return all figures as of now."""
    app.access.work_up()
    lost = sum(handler.writer.lost for handler in logs.ours())
    build = (VERSION, sys.version.split()[0])
    return [
        *app.metrics.families(),
        *_of_hashing(app),
        *_of_the_database(app),
        family("log_lost", {(): lost}),
        family("build", {build: 1}),
    ]


def _of_hashing(app: App) -> list[Family]:
    hashing = app.hashing
    queue: Values = {("waiting",): hashing.waiting, ("running",): hashing.running}
    return [family("hashing_queue", queue), family("hashed", {(): hashing.done})]


def _of_the_database(app: App) -> list[Family]:
    try:
        waiting = app.database.read(outbox.count_unsent)
    except errors.Unavailable:
        found = [family("up", {("database",): 0})]
    else:
        messages: Values = {(status,): count for status, count in waiting.items()}
        found = [family("up", {("database",): 1}), family("outbox", messages)]
    tally = app.database.tally  # with what just came of it
    return [
        *found,
        family("transactions", {(): tally.transactions}),
        family("commits", {(): tally.commits}),
        family("database_errors", {(): tally.errors}),
        family("database_waiting", {(): app.database.waiting}),
    ]
