"""Honest clients, who come meanwhile, with a stopwatch.

They are a process of their own, so that the time which attackers take to do
their work is not in theirs. It speaks JSON:

    one line of JSON --> python -m tests.faults.honest --> "ready"
    end of input     -->                               --> what they saw
"""

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence

from tests.faults.figures import p99
from tests.faults.peers import appointments, once
from tests.processes import ROOT


class Experience:
    """What honest clients went through: an answer and a time each."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.times_s: list[float] = []

    def note(self, status: int, since: float) -> None:
        self.statuses.append(status)
        self.times_s.append(time.monotonic() - since)

    @property
    def share_ok(self) -> float:
        """Return the percentage of requests that were answered with success."""
        good = sum(200 <= status < 300 for status in self.statuses)
        return 100 * good / max(1, len(self.statuses))

    @property
    def p99_ms(self) -> float:
        return p99(self.times_s) * 1000


@contextlib.asynccontextmanager
async def honest_clients(
    port: int, requests: Sequence[bytes], *, per_s: float
) -> AsyncIterator[Experience]:
    """Let clients come meanwhile, each with a connection and one request.

    What they went through is known at the end.
    """
    experience = Experience()
    job = {"port": port, "per_s": per_s, "requests": [r.decode() for r in requests]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.honest"),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        assert await process.stdout.readline() == b"ready\n"
        yield experience
        seen, _ = await process.communicate(b"")  # and that is the end
        experience.statuses, experience.times_s = json.loads(seen)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _come(port: int, requests: list[str], per_s: float) -> Experience:
    """Be those clients until the input ends."""
    experience = Experience()

    async def one(data: bytes, due: float) -> None:
        experience.note((await once(port, data)).status, due)

    async with asyncio.TaskGroup() as tasks:

        async def come() -> None:
            async for number, due in appointments(per_s):
                data = requests[number % len(requests)].encode()
                tasks.create_task(one(data, due))

        coming = tasks.create_task(come())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        coming.cancel()
    return experience


def main() -> None:
    """Do the job that stands in the input."""
    seen = asyncio.run(_come(**json.loads(sys.stdin.readline())))
    print(json.dumps([seen.statuses, seen.times_s]))


if __name__ == "__main__":
    main()
