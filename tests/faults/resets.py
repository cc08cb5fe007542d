"""C23: connections that are reset, at every stage of their lives.

    python -m tests.faults C23

A reset is the rudest way to leave: the next thing that the server does with the
socket is an error, whatever it is. Waitress once lost its only thread to one
(CVE-2022-31015). After thousands of them the process is there, with no more
descriptors than before and no more threads than there are places for, and the
log tells of no bug.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.faults.figures import Figure, at_least, at_most
from tests.faults.peers import request
from tests.faults.servers import Vitals, reset, serving, settled
from tests.processes import PASSWORD, ServerProcess

WARM_UP = 20  # of each stage; opens what stays open
THREADS = 32 + 12 + (os.cpu_count() or 1)  # for requests, for the house, for hashes
SMALL_BUFFER = 4096
GIVE_UP_S = 10.0
HEALTH = request("GET", "/healthz")
MUCH = request("GET", "/openapi.json") * 8
LOGIN = request("POST", "/auth/login", identifier="nobody", password=PASSWORD)
COSTLY = request("POST", "/auth/otp", identifier="nobody@example.org")


def _before_any_byte(peer: socket.socket) -> None:
    pass


def _in_the_head(peer: socket.socket) -> None:
    peer.send(HEALTH[:20])


def _in_the_body(peer: socket.socket) -> None:
    peer.send(LOGIN[:-10])


def _before_the_answer(peer: socket.socket) -> None:
    peer.send(HEALTH)


def _before_an_answer_that_takes_a_commit(peer: socket.socket) -> None:
    peer.send(COSTLY)


def _before_an_answer_that_takes_a_hash(peer: socket.socket) -> None:
    peer.send(LOGIN)


def _in_the_answer(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    peer.send(MUCH)
    peer.recv(100)


def _between_requests(peer: socket.socket) -> None:
    peer.send(HEALTH)
    peer.recv(65536)


def _behind_a_refusal(peer: socket.socket) -> None:
    peer.send(b"no HTTP at all\r\n\r\n" + HEALTH)
    peer.recv(100)


STAGES: tuple[Callable[[socket.socket], None], ...] = (
    _before_any_byte,
    _in_the_head,
    _in_the_body,
    _before_the_answer,
    _before_an_answer_that_takes_a_commit,
    _before_an_answer_that_takes_a_hash,
    _in_the_answer,
    _between_requests,
    _behind_a_refusal,
)


def run(folder: Path, *, connections: int) -> list[Figure]:
    """Reset connections, as many at each stage."""
    with serving(folder, REQUIRE_VERIFICATION="false") as server:
        vitals = Vitals(server)
        _reset_many(server, WARM_UP)
        base, _ = settled(vitals)
        _reset_many(server, connections // len(STAGES))
        descriptors, threads = settled(vitals)
        answered = [server.ask("GET", "/readyz").status for _ in range(20)]
        return [
            at_least("processes left", int(vitals.alive()), 1),
            at_least("requests answered afterwards", answered.count(200), 20),
            at_most("descriptors more than before", descriptors - base, 0),
            at_most("threads", threads, THREADS),
            at_most("errors in the log", _errors(server), 0),
        ]


def _reset_many(server: ServerProcess, times: int) -> None:
    for stage in STAGES:
        for _ in range(times):
            peer = socket.create_connection(("127.0.0.1", server.port), GIVE_UP_S)
            try:
                with contextlib.suppress(ConnectionError):  # it may be first to close
                    stage(peer)
            finally:
                reset(peer)


def _errors(server: ServerProcess) -> int:
    return sum(server.log().count(each) for each in (" ERROR ", "Traceback"))
