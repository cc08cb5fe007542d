"""Flows that pause at each transaction, so that no thread has to wait for it.

    def exchange(app, ...) -> Steps[Tokens]:
        ...
        outcome = yield Step(_rotate, (app, operation, attempt))
        ...
        return pair

A thread that waits for a commit costs two changes between threads, and sixteen
of them quarrel about the interpreter. A flow that is asked for often and has
one transaction may be written as a generator instead: it yields what is to run
inside a transaction and is sent what came of it, committed. It reads like any
other flow; who drives it decides whether the time between is waited for:

    run     waits, in the caller's thread
    start   goes on with other work, in a thread that works in rounds
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

from authserver.store.database import Database

T = TypeVar("T")


class Step(NamedTuple):
    """What is to run inside a transaction: `function(tx, *arguments)`."""

    function: Callable[..., object]
    arguments: tuple[Any, ...]


Steps = Generator[Step, Any, T]
# Called with what a flow returned, or with what it raised.
Done = Callable[[Any, BaseException | None], None]


def run(database: Database, steps: Steps[T]) -> T:
    """Return what a flow comes to, or raise what it raises."""
    try:
        step = next(steps)
        while True:
            try:
                outcome = database.transaction(step.function, *step.arguments)
            except Exception as error:  # noqa: BLE001 - the flow's to handle
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return result


def start(database: Database, steps: Steps[T], done: Done) -> None:
    """Begin a flow; `done` is called now, or at the end of a round."""
    _advance(database, steps, done, lambda: next(steps))


def _advance(
    database: Database,
    steps: Steps[T],
    done: Done,
    resume: Callable[[], Step],
) -> None:
    try:
        step = resume()
    except StopIteration as end:
        done(end.value, None)
    except Exception as error:  # noqa: BLE001 - told to who waits
        done(None, error)
    else:

        def settled(outcome: object, error: BaseException | None) -> None:
            def go_on() -> Step:
                return steps.send(outcome) if error is None else steps.throw(error)

            _advance(database, steps, done, go_on)

        database.begin(step.function, *step.arguments, done=settled)
