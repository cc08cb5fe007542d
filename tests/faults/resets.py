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
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from tests import certificates
from tests.faults.figures import Figure, at_least, at_most
from tests.faults.peers import request
from tests.faults.servers import Vitals, reset, serving, settled
from tests.processes import PASSWORD, ServerProcess

Stage = Callable[[socket.socket], None]

WARM_UP = 20  # of each stage; opens what stays open
THREADS = 32 + 12 + (os.cpu_count() or 1)  # for requests, for the house, for hashes
SMALL_BUFFER = 4096
GIVE_UP_S = 10.0
HEALTH = request("GET", "/healthz")
READY = request("GET", "/readyz")
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


STAGES: tuple[Stage, ...] = (
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


def _in_the_hello(peer: socket.socket) -> None:
    peer.send(_hello()[:100])


def _behind_the_hello(peer: socket.socket) -> None:
    peer.send(_hello())


def _in_the_handshake(peer: socket.socket) -> None:
    peer.send(_hello())
    peer.recv(100)


def _behind_the_handshake(peer: socket.socket) -> None:
    _encrypted(peer).close()


def _before_an_encrypted_answer(peer: socket.socket) -> None:
    with _encrypted(peer) as encrypted:
        encrypted.sendall(HEALTH)


def _in_an_encrypted_answer(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    with _encrypted(peer) as encrypted:
        encrypted.sendall(MUCH)
        encrypted.recv(100)


def _behind_something_else_than_tls(peer: socket.socket) -> None:
    peer.send(HEALTH)
    peer.recv(100)


TLS_STAGES: tuple[Stage, ...] = (
    _before_any_byte,
    _in_the_hello,
    _behind_the_hello,
    _in_the_handshake,
    _behind_the_handshake,
    _before_an_encrypted_answer,
    _in_an_encrypted_answer,
    _behind_something_else_than_tls,
)


def run(folder: Path, *, connections: int) -> list[Figure]:
    """Reset connections, as many at each stage, without TLS and with it."""
    times = connections // (len(STAGES) + len(TLS_STAGES))
    made = certificates.make(folder / "certificate")
    tls = {
        "TLS_CERT": str(made.certificate),
        "TLS_KEY": str(made.key),
        "PUBLIC_URL": "https://localhost",
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }
    plain, encrypted = folder / "plain", folder / "encrypted"
    return [
        *_figures(plain, "", STAGES, times, {}),
        *_figures(encrypted, "TLS: ", TLS_STAGES, times, tls),
    ]


def _figures(
    folder: Path,
    name: str,
    stages: Sequence[Stage],
    times: int,
    settings: dict[str, str],
) -> list[Figure]:
    folder.mkdir()
    with serving(folder, REQUIRE_VERIFICATION="false", **settings) as server:
        vitals = Vitals(server)
        _reset_many(server, stages, WARM_UP)
        base, _ = settled(vitals)
        _reset_many(server, stages, times)
        descriptors, threads = settled(vitals)
        answered = [_is_ready(server, encrypted=bool(settings)) for _ in range(20)]
        return [
            at_least(f"{name}processes left", int(vitals.alive()), 1),
            at_least(f"{name}requests answered afterwards", sum(answered), 20),
            at_most(f"{name}descriptors more than before", descriptors - base, 0),
            at_most(f"{name}threads", threads, THREADS),
            at_most(f"{name}errors in the log", _errors(server), 0),
        ]


def _is_ready(server: ServerProcess, *, encrypted: bool) -> bool:
    with (
        socket.create_connection(("127.0.0.1", server.port), GIVE_UP_S) as peer,
        _encrypted(peer) if encrypted else peer.dup() as client,
    ):
        client.sendall(READY)
        return client.recv(65536).startswith(b"HTTP/1.1 200 ")


def _encrypted(peer: socket.socket) -> ssl.SSLSocket:
    # A second handle of the same connection, so that the first can reset it.
    return _context().wrap_socket(peer.dup())


def _hello() -> bytes:
    """Return what a client of TLS says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = _context().wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # whoever resets a connection trusts nobody
    context.verify_mode = ssl.CERT_NONE
    return context


def _reset_many(server: ServerProcess, stages: Sequence[Stage], times: int) -> None:
    for stage in stages:
        for _ in range(times):
            peer = socket.create_connection(("127.0.0.1", server.port), GIVE_UP_S)
            try:
                with contextlib.suppress(ConnectionError):  # it may be first to close
                    stage(peer)
            finally:
                reset(peer)


def _errors(server: ServerProcess) -> int:
    return sum(server.log().count(each) for each in (" ERROR ", "Traceback"))
