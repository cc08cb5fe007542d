"""A group of functions that share a commit, and so a sync of the disk.

    begin
      function of caller 1
      function of caller 2 ...     run
    commit                         one_writer
    every caller hears             tell, or refuse

A function that raises harms only its caller: what the group has done is undone,
and all run again, each in a savepoint. If the commit fails, every caller of the
group hears `Unavailable`, also those whose function raised: they may have seen
what a neighbour wrote and what now never was.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from authserver import errors
from authserver.store.database import Transaction
from authserver.store.readers import Reader
from authserver.store.waiting import Job

T = TypeVar("T")
Outcome = tuple[object, BaseException | None]  # what was returned, and raised


class Locked(Exception):
    """Another program holds the database's write lock at the moment."""


class Connection(Reader, Protocol):
    """What an engine provides; any failure of the machine is `Unavailable`."""

    def begin(self, *, wait: bool) -> None:
        """Take the write lock, after a while if need be. Raises `Locked`."""
        ...

    def commit(self) -> None:
        """Return when everything since `begin` is on disk."""
        ...

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        ...

    def run_in_savepoint(self, call: Callable[[Transaction], T]) -> T:
        """Return what `call` does; undo its writes if it raises."""
        ...


class Group(NamedTuple):
    """Functions that have run, and what each comes to once committed."""

    jobs: list[Job]
    outcomes: list[Outcome]

    @property
    def of_round(self) -> bool:
        """Whether a thread that works in rounds waits for an answer."""
        return any(job.rounds is not None for job in self.jobs)

    @property
    def succeeded(self) -> int:
        """How many have written what they wanted."""
        return sum(raised is None for _, raised in self.outcomes)


def run(writer: Connection, jobs: list[Job], *, wait: bool) -> Group:
    """Run all functions; the writes of those that raise are undone."""
    outcomes: list[Outcome] | None = None
    with contextlib.suppress(BaseException):  # it comes again, to its caller
        outcomes = [(job.run(writer), None) for job in jobs]
    if writer.failure is not None:  # whatever a function made of it
        raise writer.failure
    if outcomes is None:
        # Hardly any ever raises, so savepoints, which cost a sixth of the work,
        # are taken only now: all is undone, and run once more.
        writer.rollback()
        writer.begin(wait=wait)
        outcomes = [_outcome(writer, job) for job in jobs]
    return Group(jobs, outcomes)


def tell(group: Group) -> None:
    """Give each caller of a group that is on disk its answer."""
    for job, (result, raised) in zip(group.jobs, group.outcomes, strict=True):
        if raised is None:
            job.settle(result)
        else:
            job.settle(None, raised)


def refuse(jobs: list[Job]) -> None:
    """Tell the callers that nothing was written."""
    for job in jobs:
        job.settle(None, errors.Unavailable("the database cannot be written"))


def _outcome(writer: Connection, job: Job) -> Outcome:
    """Run a function in a savepoint of its own."""
    result, raised = None, None
    try:
        result = writer.run_in_savepoint(job.run)
    except BaseException as error:  # noqa: BLE001 - raised again where its caller waits
        raised = error
    if writer.failure is not None:
        raise writer.failure
    return result, raised
