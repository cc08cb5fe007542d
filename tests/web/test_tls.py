"""TLS: what holds for plain connections, and what nobody may do with keys."""

import contextlib
import gc
import logging
import os
import socket
import ssl
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from authserver.web.certificate import Certificate
from authserver.web.poller import Epoll
from authserver.web.server import Server
from tests import certificates
from tests.web.conftest import PATIENCE_S, Client, eventually

# What holds without TLS, held once more with it.
from tests.web.test_handler import (  # noqa: F401
    GET,
    LAST,
    post,
    statuses,
    test_answer_larger_than_the_kernel_takes_arrives_whole,
    test_body_of_64_kib_is_read,
    test_byte_by_byte_is_read_like_all_at_once,
    test_bytes_behind_a_refusal_are_never_answered,
    test_client_that_sends_on_still_reads_why_it_was_refused,
    test_connection_serves_one_request_after_another,
    test_continue_is_sent_when_the_body_is_yet_to_come,
    test_idle_connection_closes_in_silence,
    test_last_request_closes_and_nothing_behind_it_is_answered,
    test_pipelined_requests_are_answered_in_their_order,
    test_refusal_after_good_requests_leaves_their_answers,
    test_request_reaches_the_site_and_its_answer_the_client,
    test_site_sees_a_request_only_when_it_is_complete,
    test_slow_client_of_row_r11_is_closed_however_it_dribbles,
)

ANSWER = b'{"path":"/"}\n'
FAST_S = 0.25  # for a request beside a flood; alone it takes a thousandth of that


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> certificates.Made:
    """An RSA certificate: the kind that costs most."""
    folder = tmp_path_factory.mktemp("tls") / "rsa"
    return certificates.make(folder, kind=certificates.RSA)


@pytest.fixture
def certificate(made) -> Certificate:
    return Certificate(*made, clock=time.monotonic)


@pytest.fixture
def context(made) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(made.certificate))
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


class Slow:
    """A client whose every encrypted byte the test sends itself."""

    def __init__(self, server: Server, context: ssl.SSLContext) -> None:
        self.socket = socket.create_connection(server.server_address[:2], PATIENCE_S)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_hostname="localhost"
        )

    def hello(self) -> bytes:
        """Return the first bytes of a handshake."""
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def finish(self) -> bytes:
        """Shake hands; return the last bytes of that, to be sent."""
        self.socket.sendall(self.hello())
        while self.receive():
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                break
        return self.outgoing.read()

    def begin(self) -> "Slow":
        self.socket.sendall(self.finish())
        return self

    def sealed(self, *texts: bytes) -> bytes:
        """Return a record for each text."""
        for text in texts:
            self.tls.write(text)
        return self.outgoing.read()

    def receive(self) -> int:
        """Take encrypted bytes; return how many came."""
        data = self.socket.recv(65536)
        self.incoming.write(data)
        return len(data)

    def read_to_end(self) -> bytes:
        """Read until the server says that nothing more will come."""
        plain = b""
        while True:
            try:
                part = self.tls.read(65536)
            except ssl.SSLWantReadError:
                assert self.receive(), "cut off"
                continue
            except ssl.SSLZeroReturnError:
                return plain
            if not part:
                return plain
            plain += part


@pytest.fixture
def slowly(context) -> Iterator[Callable[[Server], Slow]]:
    """Open connections that the test need not close."""
    with contextlib.ExitStack() as stack:

        def open_one(server: Server) -> Slow:
            client = Slow(server, context)
            stack.callback(client.socket.close)
            return client

        yield open_one


def at_end(client: socket.socket) -> bool:
    """Wait for the server to close, in order or with a reset."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


# -- what is agreed on


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_tls_1_2_and_1_3_are_spoken(server, connect, context, version):
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    connection = connect(server)

    connection.send(LAST)

    assert statuses(connection.read_to_end()) == [200]
    assert connection.socket.version() == version.replace("_", ".")


def s_client(server: Server, *options: str, typed: str = "") -> str:
    """What openssl's own client tells of a connection."""
    address = f"127.0.0.1:{server.server_port}"
    done = subprocess.run(
        ["openssl", "s_client", "-connect", address, *options],
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.stdout + done.stderr


def test_tls_1_1_is_refused_with_a_reason(server):
    told = s_client(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")

    assert "alert protocol version" in told


def test_renegotiation_is_refused(server):
    told = s_client(server, "-tls1_2", typed="R\n")

    assert "RENEGOTIATING" in told
    assert "no renegotiation" in told


def test_http_1_1_is_chosen_of_what_browsers_offer(server, connect, context):
    context.set_alpn_protocols(["h2", "http/1.1"])

    assert connect(server).socket.selected_alpn_protocol() == "http/1.1"


def test_second_connection_of_a_client_needs_no_signature(server, connect, context):
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = connect(server).socket.session
    again = socket.create_connection(server.server_address, PATIENCE_S)

    with context.wrap_socket(
        again, server_hostname="localhost", session=session
    ) as client:
        assert client.session_reused


# -- records and packets, in all the ways they can fall


def test_request_right_behind_the_handshake_is_answered(server, slowly):
    client = slowly(server)
    last_of_handshake = client.finish()

    client.socket.sendall(last_of_handshake + client.sealed(GET, LAST))

    assert statuses(client.read_to_end()) == [200, 200]


@pytest.mark.parametrize(
    "texts",
    [
        (GET * 99 + LAST,),
        (*[GET] * 99, LAST),
        [bytes([each]) for each in GET * 3 + LAST],
        (b"", GET, b"", LAST),
        (post(b"Content-Length: 60000"), b"x" * 16384, b"x" * 43616 + LAST),
    ],
    ids=["one record", "many", "one for each byte", "empty ones", "large ones"],
)
def test_records_may_hold_any_part_of_requests(server, slowly, site, texts):
    client = slowly(server).begin()

    client.socket.sendall(client.sealed(*texts))

    assert set(statuses(client.read_to_end())) == {200}
    assert site.requests[-1].path == "/last"


def test_handshake_and_request_may_come_byte_by_byte(server, slowly):
    client = slowly(server)
    for each in client.hello():
        client.socket.sendall(bytes([each]))
    client.receive()
    client.tls.do_handshake()

    for each in client.outgoing.read() + client.sealed(LAST):
        client.socket.sendall(bytes([each]))

    assert statuses(client.read_to_end()) == [200]


# -- the end


@pytest.mark.parametrize(
    ("limits", "text", "told"), [({}, LAST, [200]), ({"idle_s": 0.05}, b"", [])]
)
def test_client_can_tell_that_nothing_was_cut_off(serve, connect, limits, text, told):
    connection = connect(serve(**limits))
    connection.socket.suppress_ragged_eofs = False
    connection.send(text)

    assert statuses(connection.read_to_end()) == told


@pytest.mark.parametrize(
    ("text", "told"), [(b"", []), (GET + GET, [200, 200]), (GET[:-2], [400])]
)
def test_client_that_will_send_no_more_still_gets_its_answers(
    server, slowly, text, told
):
    client = slowly(server).begin()
    sealed = client.sealed(text)
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()

    client.socket.sendall(sealed + client.outgoing.read())

    # No end of TCP: what was said inside is enough.
    plain = b""
    with contextlib.suppress(ssl.SSLError):
        plain = client.read_to_end()
    assert statuses(plain) == told
    assert at_end(client.socket)


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_stop_lets_a_handshake_that_has_begun_come_to_its_request(serve, slowly):
    server = serve(last_s=0.1, linger_s=0.1)
    client = slowly(server)
    rest = client.finish()  # and the server waits for it
    threading.Thread(target=server.stop, args=(PATIENCE_S,)).start()
    assert eventually(lambda: server.shared.draining)

    time.sleep(1)  # a client that is far away
    client.socket.sendall(rest + client.sealed(LAST))

    assert statuses(client.read_to_end()) == [200]


def test_stop_closes_who_shakes_hands(serve, slowly):
    server = serve(finish_s=0.2)
    client = slowly(server)
    client.socket.sendall(client.hello())
    client.receive()
    threading.Thread(target=server.stop, args=(PATIENCE_S,)).start()

    assert at_end(client.socket)


def test_stop_does_not_wait_for_a_handshake_that_dribbles(serve, slowly):
    server = serve(last_s=0.2, finish_s=0.2)
    client, started = slowly(server), time.monotonic()
    hello = client.hello() * 100
    client.socket.settimeout(0.01)
    threading.Thread(target=server.stop, args=(PATIENCE_S,)).start()

    with pytest.raises(ConnectionError):
        dribble(client.socket, hello)

    assert time.monotonic() - started < 5


def test_stop_takes_leave_of_who_is_idle(server, connect):
    idle = connect(server)
    idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.read(ends_with=b'{"path":"/"}\n')
    idle.socket.suppress_ragged_eofs = False
    threading.Thread(target=server.stop, args=(PATIENCE_S,)).start()

    assert idle.read_to_end() == b""


# -- clients who are no good


@pytest.mark.parametrize("part", [0, 1, 100])
def test_handshake_that_stalls_is_closed_at_its_deadline(serve, slowly, part):
    client = slowly(serve(head_s=0.2))
    started = time.monotonic()
    client.socket.sendall(client.hello()[:part])

    assert at_end(client.socket)
    assert 0.15 < time.monotonic() - started < 5


def test_handshake_that_dribbles_is_closed_at_its_deadline(serve, slowly):
    client = slowly(serve(head_s=0.3))
    hello, started = client.hello() * 100, time.monotonic()
    client.socket.settimeout(0.01)

    with pytest.raises(ConnectionError):
        dribble(client.socket, hello)

    assert 0.25 < time.monotonic() - started < 5


def dribble(client: socket.socket, data: bytes) -> None:
    """Send byte by byte until the server has closed."""
    for each in data:
        client.sendall(bytes([each]))
        with contextlib.suppress(TimeoutError):
            if client.recv(1) == b"":
                raise ConnectionAbortedError


def test_plain_http_is_told_so_in_clear(server, site):
    client = socket.create_connection(server.server_address, PATIENCE_S)
    with client:
        client.sendall(GET)
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert statuses(answer) == [400]
    assert site.refused[0].code == "tls_expected"
    assert site.requests == []


GARBAGE = b"\x16\x03\x01\x00\x05hello"  # looks like TLS, and is not


@pytest.mark.parametrize("data", [b"\0", b"\x80\x2e\x01\x03", GARBAGE, b"\x17" * 99])
def test_what_is_no_tls_is_closed_in_silence(server, site, caplog, data):
    caplog.set_level(logging.INFO)
    with socket.create_connection(server.server_address, PATIENCE_S) as client:
        client.sendall(data)

        assert at_end(client)

    assert (site.requests, site.refused, caplog.messages) == ([], [], [])


@pytest.mark.parametrize("text", [b"", GET[:5], GET], ids=["idle", "part", "all"])
def test_bytes_that_were_tampered_with_end_the_connection(
    server, slowly, site, caplog, text
):
    caplog.set_level(logging.INFO)
    client = slowly(server).begin()
    sealed = bytearray(client.sealed(text + b"x"))
    sealed[-1] ^= 1

    client.socket.sendall(sealed)

    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        client.read_to_end()
    assert at_end(client.socket)
    assert (site.requests, caplog.messages) == ([], [])


@pytest.mark.parametrize("stage", ["hello", "finish", "begin"])
def test_reset_at_any_stage_leaves_nothing(server, context, caplog, stage):
    caplog.set_level(logging.INFO)
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(20):
        client = Slow(server, context)
        made = getattr(client, stage)()
        client.socket.sendall(made if isinstance(made, bytes) else GARBAGE)
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.socket.close()

    assert eventually(lambda: sum(server.driver.counts().values()) == 0)
    gc.collect()
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= before)
    assert caplog.messages == []


# -- many at once


class Hanging:
    """A certificate that nobody gets before the gate opens."""

    def __init__(self, certificate: Certificate) -> None:
        self.gate = threading.Event()
        self.waiting: list[None] = []
        self._good = certificate.context()

    def context(self) -> ssl.SSLContext:
        self.waiting.append(None)
        self.gate.wait(3 * PATIENCE_S)
        return self._good


@pytest.fixture
def hanging(certificate) -> Iterator[Hanging]:
    """What takes a certificate's place; its gate is open at the test's end."""
    hanging = Hanging(certificate)
    yield hanging
    hanging.gate.set()


def test_handshake_that_takes_long_holds_up_nobody_else(
    server, connect, slowly, certificate, hanging, monkeypatch
):
    connection = connect(server)
    monkeypatch.setattr(certificate, "context", hanging.context)
    late = [slowly(server) for _ in range(4)]
    for client in late:
        client.socket.sendall(client.hello())
    assert eventually(lambda: len(hanging.waiting) >= 2)

    connection.send(GET)
    answer = connection.read(ends_with=ANSWER)

    hanging.gate.set()
    assert statuses(answer) == [200]
    assert all(client.receive() for client in late)


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_who_waits_behind_handshakes_that_hang_is_closed(
    serve, slowly, certificate, hanging, monkeypatch
):
    monkeypatch.setattr(certificate, "context", hanging.context)
    server = serve(begin_s=0.1, head_s=60)
    first, second, third = (slowly(server) for _ in range(3))
    first.socket.sendall(first.hello())
    second.socket.sendall(second.hello())
    assert eventually(lambda: len(hanging.waiting) == 2)

    third.socket.sendall(third.hello())

    assert at_end(third.socket)
    assert not hanging.gate.is_set()


def test_flood_of_handshakes_leaves_others_fast(server, connect, slowly):
    connection = connect(server)
    hello = slowly(server).hello()
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            client = stack.enter_context(
                socket.create_connection(server.server_address, PATIENCE_S)
            )
            client.sendall(hello)
        took = [timed(connection) for _ in range(50)]

    assert statistics.median(took) < FAST_S


def timed(connection: Client) -> float:
    """Return how long one request takes."""
    started = time.monotonic()
    connection.send(GET)
    connection.read(ends_with=ANSWER)
    return time.monotonic() - started


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_handshake_that_no_thread_begins_in_time_is_closed(serve, slowly):
    client = slowly(serve(begin_s=0, head_s=60))
    client.socket.sendall(client.hello())

    assert at_end(client.socket)


def test_who_stalls_in_the_handshake_makes_room(serve, slowly, connect):
    server = serve(connections=2)
    stalled = [slowly(server) for _ in range(2)]
    for client in stalled:
        client.socket.sendall(b"\x16")
    assert eventually(lambda: sum(server.driver.counts().values()) == 2)

    assert eventually(lambda: can_connect(connect, server))


def can_connect(connect: Callable[[Server], Client], server: Server) -> bool:
    try:
        connection = connect(server)
    except OSError:  # turned away, as nobody can be spared at this moment
        return False
    connection.send(LAST)
    return statuses(connection.read_to_end()) == [200]
