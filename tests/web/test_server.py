"""Accepting, turning away and stopping, with nothing left behind."""

import errno
import gc
import itertools
import logging
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from authserver import logs
from authserver.web import server as server_module
from authserver.web import threads
from authserver.web.connections import AT_ONCE, IN_STEPS, WATCHING, WORKING, Limits
from authserver.web.loop import THREADS
from authserver.web.messages import Response
from authserver.web.poller import READ, Epoll
from authserver.web.server import Server
from tests.web.conftest import eventually

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ANSWER = b'{"path":"/"}\n'
PATIENCE_S = 10
LONG = {"make_room": (), "stop": (PATIENCE_S,)}  # arguments
ROOT = Path(__file__).parents[2]


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a slow site waits for; open at the end of every test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def slow_site(site, gate):
    """A site whose /slow takes until the gate opens."""

    def answer(_request) -> Response:
        gate.wait(PATIENCE_S)
        return Response(HTTPStatus.OK, {"slow": True})

    site.answers["/slow"] = answer
    return site


def ask_slowly(client, site) -> None:
    """Send a request that the site is at work on when this returns."""
    before = len(site.requests)
    client.send(GET.replace(b"/ ", b"/slow "))
    assert eventually(lambda: len(site.requests) > before)


# -- listening


def test_port_0_takes_a_free_port(server):
    assert server.server_port > 0
    assert server.server_address == ("127.0.0.1", server.server_port)


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6_host_is_served(serve, connect, site, host):
    server = serve(host)
    with socket.create_connection(("::1", server.server_port), PATIENCE_S) as client:
        client.sendall(LAST)
        assert client.recv(65536).endswith(ANSWER)

    assert site.requests[0].address == "::1"


def test_all_addresses_of_ipv6_include_ipv4(serve, site):
    server = serve("::")
    with socket.create_connection(
        ("127.0.0.1", server.server_port), PATIENCE_S
    ) as client:
        client.sendall(LAST)
        assert client.recv(65536).endswith(ANSWER)

    assert site.requests[0].address == "127.0.0.1"


def test_listener_without_addresses_to_count_by_is_refused(site, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))

        with pytest.raises(ValueError, match="TCP"):
            Server("ignored", 1, site, listener=listener)


class _Broken(Epoll):
    """Works for one round, in which somebody is let in."""

    waited = False

    def wait(self, timeout_s):
        if self.waited:
            raise OSError(errno.EBADF, "as if somebody had closed it")
        self.waited = True
        return super().wait(timeout_s)


def test_loop_that_cannot_go_on_ends_and_closes_its_connections(site):
    server = Server("127.0.0.1", 0, site, make_poller=_Broken)
    client = socket.create_connection(server.server_address, PATIENCE_S)

    with pytest.raises(OSError, match="as if"):
        server.serve_forever()
    server.stop()

    with client:
        assert client.recv(1) == b""


def test_shared_listener_serves_on_when_one_of_its_servers_stops(site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        first, second = (
            Server("ignored", 1, site, listener=listener.dup()) for _ in range(2)
        )
        threads = [
            threading.Thread(target=each.serve_forever, daemon=True)
            for each in (first, second)
        ]
        for thread in threads:
            thread.start()

        first.stop()
        with socket.create_connection(listener.getsockname(), PATIENCE_S) as client:
            client.sendall(LAST)
            answer = client.recv(65536)

        assert answer.endswith(ANSWER)
        second.stop()
        for thread in threads:
            thread.join(PATIENCE_S)


def test_taken_port_is_an_error_that_leaves_nothing(server, site):
    before = open_descriptors()

    with pytest.raises(OSError, match="in use"):
        Server("127.0.0.1", server.server_port, site)

    assert open_descriptors() == before


def test_thousand_at_once_of_row_r13_are_all_served(server):
    clients = []
    for _ in range(1_000):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(server.server_address)
        clients.append(client)

    for client in clients:
        client.settimeout(PATIENCE_S)
        assert client.getpeername()
        client.sendall(LAST)
    answers = [client.recv(65536) for client in clients]
    for client in clients:
        client.close()

    assert sum(answer.endswith(ANSWER) for answer in answers) == 1_000


# -- too many


def test_longest_idle_is_closed_for_a_newcomer(serve, connect):
    server = serve(connections=2)
    clients = [connect(server) for _ in range(2)]
    for client in clients:
        client.send(GET)
        client.read(ends_with=ANSWER)
        assert eventually(lambda: server.driver.counts()["idle"] == 2)

    newcomer = connect(server)
    newcomer.send(GET)
    newcomer.read(ends_with=ANSWER)

    assert clients[0].read_to_end() == b""
    clients[1].send(GET)
    clients[1].read(ends_with=ANSWER)


def test_slow_clients_cannot_keep_a_newcomer_out(serve, connect):
    server = serve(connections=3)
    slow = [connect(server) for _ in range(3)]
    slow[0].send(b"GET / HTTP/1.1\r\nA: ")
    assert eventually(lambda: server.driver.counts()["waiting"] == 1)
    for client in slow[1:]:
        client.send(b"GET / HTTP/1.1\r\nA: ")
    assert eventually(lambda: server.driver.counts()["waiting"] == 3)

    newcomer = connect(server)
    newcomer.send(LAST)

    assert newcomer.read_to_end().endswith(ANSWER)
    assert slow[0].read_to_end() == b""


def test_newcomer_is_turned_away_when_all_are_at_work(serve, connect, slow_site, gate):
    server = serve(connections=2)
    clients = [connect(server) for _ in range(2)]
    for client in clients:
        ask_slowly(client, slow_site)

    newcomer = connect(server)

    assert newcomer.read_to_end().startswith(b"HTTP/1.1 503 ")
    gate.set()
    for client in clients:
        client.read(ends_with=b'{"slow":true}\n')


def test_place_is_free_again_after_a_connection(serve, connect):
    server = serve(connections=1)

    for _ in range(20):
        client = connect(server)
        client.send(LAST)
        assert client.read_to_end().endswith(ANSWER)


LIMITED = """
import resource, socket, sys, threading, time
from http import HTTPStatus
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
from authserver.web.messages import Response
from authserver.web.poller import Epoll
from authserver.web.server import Server

class Site:
    def manner(self, request):
        return 0
    def answer(self, request, reply, *, in_steps=False):
        reply(Response(HTTPStatus.OK, {"path": request.path}))
    def turn_down(self, request, error):
        return Response(error.status)
    def refuse(self, error, request_id):
        return Response(error.status)

server = Server("127.0.0.1", 0, Site())
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
for command in sys.stdin:
    if command == "grab\\n":
        grabbed = []
        try:
            while True:
                grabbed.append(socket.socket())
        except OSError:
            print("grabbed", flush=True)
    if command == "measure\\n":
        before = time.process_time()
        time.sleep(0.5)
        print(time.process_time() - before, flush=True)
    if command == "release\\n":
        for one in grabbed:
            one.close()
        grabbed.clear()
        print("released", flush=True)
server.stop()
"""


@pytest.fixture
def limited() -> Iterator[subprocess.Popen[str]]:
    """A server process that may open 100 descriptors; answers with its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIMITED],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.stdin.close()
    process.wait(PATIENCE_S)
    process.stdout.close()


def order(process: subprocess.Popen[str], command: str) -> str:
    process.stdin.write(command + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_descriptors_of_row_r10_stay_in_reserve(limited):
    port = int(limited.stdout.readline())
    hoard = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]

    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(LAST)
        answer = client.recv(65536)
    for idler in hoard:
        idler.close()

    assert answer.endswith(ANSWER)


def test_exhausted_descriptors_of_row_r10_do_not_burn_a_core(limited):
    port = int(limited.stdout.readline())
    order(limited, "grab")

    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        busy_s = float(order(limited, "measure"))
        order(limited, "release")
        client.sendall(LAST)
        answer = client.recv(65536)

    assert busy_s < 0.1
    assert answer.endswith(ANSWER)


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_request_that_no_thread_can_begin_is_a_503(
    serve, connect, site, noted, monkeypatch, caplog
):
    server = serve(begin_s=0.1)
    site.answers["/waits"] = lambda _: Response(HTTPStatus.OK, {"waits": True})

    def no_thread(_thread) -> None:
        raise RuntimeError("can't start new thread")

    client = connect(server)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        client.send(GET.replace(b"/ ", b"/waits "))
        answer = client.read(ends_with=b"}\n")

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert "no thread" in caplog.text
    [request_id] = site.refused_ids
    assert request_id in [answered[-1] for answered in noted]
    client.send(GET.replace(b"/ ", b"/waits "))
    client.read(ends_with=b'{"waits":true}\n')


@pytest.mark.parametrize("make_poller", [lambda: None], ids=["threads"])
@pytest.mark.parametrize("spare", ["make_room", "stop"])
def test_who_asks_while_his_connection_is_spared_is_answered(
    serve, connect, slow_site, gate, monkeypatch, spare
):
    # The choice falls while he is silent; his request comes before it is done.
    server = serve(last_s=0)
    client = connect(server)
    ask_slowly(client, slow_site)
    monkeypatch.setattr(threads, "choose_spare", lambda found, _: found)
    monkeypatch.setattr(threads, "IDLE", WORKING)

    ending = threading.Thread(target=getattr(server.driver, spare), args=LONG[spare])
    ending.start()
    ending.join(0.2)
    gate.set()

    assert client.read(ends_with=b'{"slow":true}\n')
    ending.join(PATIENCE_S)


@pytest.mark.parametrize("make_poller", [lambda: None], ids=["threads"])
def test_crowd_that_comes_at_once_gets_no_more_threads_than_there_may_be(
    serve, connect
):
    server = serve(connections=10)

    clients = [connect(server) for _ in range(100)]
    clients[-1].send(GET)

    assert clients[-1].read(ends_with=ANSWER)
    assert eventually(lambda: sum(server.driver.counts().values()) <= 10)


@pytest.mark.parametrize("make_poller", [lambda: None], ids=["threads"])
def test_connection_that_gets_no_thread_harms_nobody_else(
    serve, connect, monkeypatch, caplog
):
    server = serve()

    def no_thread(_thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        assert connect(server).read_to_end() == b""

    assert "can't start new thread" in caplog.text
    survivor = connect(server)
    survivor.send(LAST)
    assert survivor.read_to_end().endswith(ANSWER)


def test_bug_in_a_connection_is_logged_and_harms_nobody_else(
    serve, connect, site, monkeypatch, caplog
):
    server = serve()
    resolver = server.shared.resolver
    monkeypatch.setattr(server.shared, "resolver", None)  # breaks every request
    client = connect(server)
    client.send(GET.replace(b"Host", b"X-Forwarded-For: 1.1.1.1\r\nHost"))
    assert client.read_to_end() == b""
    monkeypatch.setattr(server.shared, "resolver", resolver)

    survivor = connect(server)
    survivor.send(LAST)

    assert survivor.read_to_end().endswith(ANSWER)
    assert "failed" in caplog.text


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_round_ends_before_answers_and_before_the_loop_waits(serve, connect, site):
    events = []
    server = serve()
    site.answers["/waits"] = lambda _: Response(HTTPStatus.OK, {"waits": True})
    server.shared.end_round = lambda: events.append("round")
    respond = site.respond
    site.respond = lambda request: events.append(request.path) or respond(request)

    client = connect(server)
    client.send(GET + GET.replace(b"/ ", b"/waits ") + GET + LAST)
    client.read_to_end()

    # What one request read is forgotten before anybody is answered after it.
    told = [event for event in events if event != "/waits"]
    assert all(
        later == "round" for event, later in itertools.pairwise(told) if event == "/"
    )
    assert events[-1] == "round"


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_long_pipelines_keep_nobody_else_waiting(serve, connect, site):
    server = serve()
    crowd = [connect(server) for _ in range(20)]
    for client in crowd:
        client.send(GET * 400)
    assert eventually(lambda: len(site.requests) > 20)

    honest = connect(server)
    honest.send(LAST.replace(b"/ ", b"/honest "))
    honest.read_to_end()

    asked = [request.path for request in site.requests]
    assert asked.index("/honest") < 20 * 400 / 2


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_line_about_a_connection_has_no_other_ones_request_id(
    serve, connect, site, gate
):
    server = serve()
    first, second, third = (connect(server) for _ in range(3))
    site.manner = lambda request: AT_ONCE  # so that all stand still for the first
    site.answers["/slow"] = lambda _: (gate.wait(PATIENCE_S), Response(200))[1]
    told: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: told.append(logs.request_id.get())
    logger = logging.getLogger("authserver.web")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(listener)
    try:
        ask_slowly(first, site)
        second.send(GET)  # and both of these fall into the next round
        third.reset()
        gate.set()
        assert second.read(ends_with=ANSWER)
        assert eventually(lambda: bool(told))
    finally:
        logger.removeHandler(listener)
        logger.setLevel(logging.NOTSET)

    assert told == ["-"]


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_who_watches_is_answered_while_all_others_wait(serve, connect, slow_site, gate):
    server = serve()
    waiting = [connect(server) for _ in range(THREADS)]
    for each in waiting:
        ask_slowly(each, slow_site)
    manner = slow_site.manner
    slow_site.manner = lambda request: (
        WATCHING if request.path == "/figures" else manner(request)
    )
    watcher = connect(server)
    watcher.send(LAST.replace(b"/ ", b"/figures "))

    assert watcher.read_to_end().endswith(b'{"path":"/figures"}\n')
    gate.set()


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_many_deadlines_are_not_looked_at_one_by_one(serve, connect):
    looks = itertools.count()
    server = serve(idle_s=0.3)
    server.shared.sweeping = lambda: next(looks)
    started = time.monotonic()

    clients = []
    for _ in range(200):
        clients.append(connect(server))
        time.sleep(0.003)  # so that each has a deadline of its own
    assert [each.read_to_end() for each in clients] == [b""] * 200

    assert next(looks) <= (time.monotonic() - started) / 0.05 + 1


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_hook_with_a_bug_is_logged_and_harms_nobody(serve, connect, caplog):
    server = serve()
    server.shared.end_round = lambda: 1 / 0
    server.shared.at_leisure = lambda: 1 / 0

    client = connect(server)
    client.send(LAST)

    assert client.read_to_end().endswith(ANSWER)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_what_comes_while_a_request_pauses_keeps_and_wakes_nobody(
    serve, connect, site, monkeypatch
):
    looks = []
    wait = Epoll.wait
    monkeypatch.setattr(
        Epoll, "wait", lambda self, patience: looks.append(1) or wait(self, patience)
    )
    server = serve()
    site.manner = lambda request: IN_STEPS if request.path == "/steps" else AT_ONCE
    answer, paused, brought = site.answer, [], deque()

    def pause(request, reply, *, in_steps=False):
        if in_steps:
            paused.append(lambda: answer(request, reply))
        else:
            answer(request, reply)

    site.answer = pause
    server.shared.end_round = lambda: brought and brought.popleft()()
    client = connect(server)
    client.send(GET.replace(b"/ ", b"/steps "))
    assert eventually(lambda: paused)
    client.send(GET + LAST[:10])
    client.socket.shutdown(socket.SHUT_WR)
    before = len(looks)
    threading.Event().wait(0.2)

    assert len(looks) - before < 10
    brought.append(paused[0])
    server.shared.wake()
    told = client.read_to_end()
    assert told.index(b'{"path":"/steps"}') < told.index(ANSWER)
    assert told.index(ANSWER) < told.index(b"ended early")


# -- stopping


def start(site, **limits) -> tuple[Server, threading.Thread]:
    server = Server("127.0.0.1", 0, site, limits=Limits(**limits))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    return server, thread


def test_stop_closes_idle_connections_soon(server, connect):
    clients = [connect(server) for _ in range(5)]
    clients[0].send(GET)
    clients[0].read(ends_with=ANSWER)
    started = time.monotonic()

    server.stop()

    assert time.monotonic() - started < 2
    assert [client.read_to_end() for client in clients] == [b""] * 5


def test_stop_answers_who_has_connected_and_is_about_to_ask(serve, connect):
    server = serve(linger_s=0.1, last_s=PATIENCE_S)
    clients = [connect(server), connect(server)]
    clients[1].send(GET)
    clients[1].read(ends_with=ANSWER)
    assert eventually(lambda: server.driver.counts()["idle"] == 2)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert eventually(lambda: server.shared.draining)

    for client in clients:
        client.send(GET)
    answers = [client.read_to_end() for client in clients]
    stopping.join(PATIENCE_S)

    assert all(answer.endswith(ANSWER) for answer in answers)
    assert all(b"Connection: close\r\n" in answer for answer in answers)
    assert not stopping.is_alive()


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_stop_answers_all_who_have_connected_however_many(serve, connect, gate):
    server = serve(linger_s=0.1)
    server.shared.end_round = lambda: gate.wait(PATIENCE_S)  # holds the loop
    clients = [connect(server) for _ in range(200)]
    for client in clients:
        client.send(GET)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    gate.set()

    answers = [client.read_to_end() for client in clients]
    stopping.join(PATIENCE_S)

    assert all(answer.endswith(ANSWER) for answer in answers)


def test_stop_waits_no_longer_for_who_has_taken_an_answer_made_before_it(
    serve, connect, site
):
    large = 8 * 1024 * 1024
    site.answers["/large"] = lambda _: Response(HTTPStatus.OK, body=b"x" * large)
    server = serve()
    client = connect(server)
    client.send(GET.replace(b"/ ", b"/large "))
    assert eventually(lambda: server.driver.counts()["waiting"] == 1)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert eventually(lambda: server.shared.draining)
    started = time.monotonic()

    received = client.read_to_end()
    stopping.join(PATIENCE_S)

    assert len(received) > large
    assert time.monotonic() - started < 3  # idle connections have 15 s


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_connection_that_cannot_be_waited_for_ends_alone(
    serve, connect, slow_site, gate, monkeypatch
):
    server = serve()
    client, other = connect(server), connect(server)
    ask_slowly(client, slow_site)
    watch = server.driver._poller.watch

    def watch_others(fd, wanted):
        if wanted == READ and watched.popleft():
            raise OSError(errno.ENOSPC, "no space")
        watch(fd, wanted)

    watched = deque([True, False, False, False])
    monkeypatch.setattr(server.driver._poller, "watch", watch_others)
    gate.set()
    client.read_to_end()
    other.send(LAST)

    assert other.read_to_end().endswith(ANSWER)


def test_stop_finishes_what_is_in_flight_and_then_closes(
    serve, connect, slow_site, gate
):
    server = serve(linger_s=0.1)
    client = connect(server)
    ask_slowly(client, slow_site)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert eventually(lambda: server.shared.draining)

    gate.set()
    answer = client.read_to_end()
    stopping.join(PATIENCE_S)

    assert answer.endswith(b'{"slow":true}\n')
    assert b"Connection: close\r\n" in answer
    assert not stopping.is_alive()


def test_stop_lets_a_request_that_has_begun_arrive(serve, connect):
    server = serve(linger_s=0.1)
    client = connect(server)
    client.send(GET[:5])
    assert eventually(lambda: server.driver.counts()["waiting"] == 1)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert eventually(lambda: server.shared.draining)

    client.send(GET[5:])
    answer = client.read_to_end()
    stopping.join(PATIENCE_S)

    assert answer.endswith(ANSWER)
    assert b"Connection: close\r\n" in answer


def test_stop_tells_who_has_begun_to_ask_that_it_takes_too_long(serve, connect):
    server = serve(linger_s=0.1, last_s=0.05, finish_s=0.1)
    client = connect(server)
    client.send(GET[:5])
    assert eventually(lambda: server.driver.counts()["waiting"] == 1)
    started = time.monotonic()

    server.stop()

    assert time.monotonic() - started < 5
    assert client.read_to_end().startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_stop_gives_head_and_body_one_time_together(serve, connect):
    server = serve(linger_s=0.1, finish_s=2)
    client = connect(server)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n")
    assert eventually(lambda: server.driver.counts()["waiting"] == 1)
    stopping = threading.Thread(target=server.stop)
    started = time.monotonic()
    stopping.start()

    time.sleep(1.5)
    client.send(b"\r\n")
    answer = client.read_to_end()
    stopping.join(PATIENCE_S)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 3.3


def test_stop_accepts_nobody_new(server):
    server.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.server_address, PATIENCE_S)


def test_stop_does_not_wait_longer_than_it_was_told(server, connect, slow_site):
    client = connect(server)
    ask_slowly(client, slow_site)
    slow = connect(server)
    slow.send(b"GET / HT")
    assert eventually(lambda: server.driver.counts()["waiting"] == 1)
    started = time.monotonic()

    server.stop(drain_s=0.1)

    assert 0.1 <= time.monotonic() - started < 3
    assert slow.read_to_end() == b""
    assert client.read_to_end() == b""
    assert slow_site.refused == []


def test_stop_before_serving_and_stop_twice_are_harmless(site):
    server = Server("127.0.0.1", 0, site)

    server.stop()
    server.stop()
    server.serve_forever()  # returns at once


def test_stop_wakes_the_server_instead_of_waiting_for_its_next_look(site):
    server = Server("127.0.0.1", 0, site)
    thread = threading.Thread(target=server.serve_forever, args=(60,))
    thread.start()
    socket.create_connection(server.server_address, PATIENCE_S).close()
    assert eventually(lambda: server.driver.counts()["idle"] == 0)
    started = time.monotonic()

    server.stop()
    thread.join(PATIENCE_S)

    assert time.monotonic() - started < PATIENCE_S


def test_stop_twice_after_serving_is_harmless(site):
    server, thread = start(site)

    server.stop()
    server.stop()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()


def test_two_servers_in_one_process_leave_nothing_behind(site, connect):
    threads, descriptors = threading.active_count(), open_descriptors()

    for _ in range(2):
        server, thread = start(site)
        clients = [connect(server) for _ in range(20)]
        for client in clients:
            client.send(GET)
            client.read(ends_with=ANSWER)
        server.stop()
        thread.join(PATIENCE_S)
        for client in clients:
            client.close()

    assert eventually(lambda: threading.active_count() == threads)
    assert eventually(lambda: open_descriptors() == descriptors)


def test_threads_and_descriptors_return_to_base_after_resets(server, connect):
    gc.collect()  # what earlier tests dropped is not part of the base
    threads, descriptors = threading.active_count(), open_descriptors()

    for part in (b"", b"GET", GET, b"\0", GET * 3) * 20:
        client = connect(server)
        client.send(part)
        client.reset()
    # They are accepted in order: once this one is served, all have been.
    last = connect(server)
    last.send(LAST)
    last.read_to_end()
    last.close()

    assert eventually(lambda: threading.active_count() <= threads)
    assert eventually(lambda: open_descriptors() <= descriptors)


def test_accept_without_descriptors_spares_an_idle_connection(
    server, connect, monkeypatch, caplog
):
    idle = connect(server)
    assert eventually(lambda: server.driver.counts()["idle"] == 1)

    def exhausted(_socket):
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(socket.socket, "accept", exhausted)
    with pytest.raises(OSError, match="too many open files"):
        server.get_request()

    assert idle.read_to_end() == b""
    assert "cannot accept connections" in caplog.text


@pytest.mark.parametrize("make_poller", [Epoll], ids=["epoll"])
def test_listener_that_cannot_be_waited_for_again_is_tried_later(
    serve, connect, monkeypatch
):
    server = serve()
    before = connect(server)
    before.send(LAST)
    assert before.read_to_end().endswith(ANSWER)
    listener, watch = server.socket.fileno(), server.driver._poller.watch
    accept = socket.socket.accept
    refusals, failures = deque([True]), deque([True, True])

    def exhausted_once(self):
        if refusals:
            refusals.clear()
            raise OSError(errno.ENOMEM, "out of memory")
        return accept(self)

    def watch_later(fd, wanted):
        if fd == listener and failures:
            failures.popleft()
            raise OSError(errno.ENOMEM, "out of memory")
        watch(fd, wanted)

    monkeypatch.setattr(socket.socket, "accept", exhausted_once)
    monkeypatch.setattr(server.driver._poller, "watch", watch_later)
    client = connect(server)
    client.send(LAST)

    assert client.read_to_end().endswith(ANSWER)
    assert not refusals
    assert not failures


@pytest.mark.parametrize(
    ("soft", "wanted", "most"),
    [
        (1024, 1_000, 960),
        (256, 1_000, 192),
        (20_000, 1_000, 1_000),
        (resource.RLIM_INFINITY, 5_000, 5_000),
        (64, 1_000, 32),
        (1, 1_000, 1),
    ],
)
def test_most_connections_leave_descriptors_for_the_rest(
    monkeypatch, soft, wanted, most
):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))

    assert server_module._most_connections(wanted) == most


def test_limit_that_leaves_room_for_few_is_told(monkeypatch, caplog):
    for soft in (1_000, 100):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        server_module._most_connections(1_000)

    (sentence,) = caplog.messages
    assert sentence.startswith("only 50 connections fit")
    assert "ulimit -n 100" in sentence


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 4096), (1064, 4096)),
        ((256, 256), (256, 256)),
        ((2048, 4096), (2048, 4096)),
        ((1024, resource.RLIM_INFINITY), (1064, resource.RLIM_INFINITY)),
        (2 * (resource.RLIM_INFINITY,), 2 * (resource.RLIM_INFINITY,)),
    ],
)
def test_limit_of_descriptors_is_raised_as_far_as_it_may_be(monkeypatch, before, after):
    held = [before]
    monkeypatch.setattr(resource, "getrlimit", lambda _: before)
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: held.append(pair))

    server_module.raise_descriptor_limit(1_000)

    assert held[-1] == after


def test_platform_without_such_a_limit_has_as_many_as_wanted(monkeypatch):
    monkeypatch.setattr(server_module, "resource", None)
    server_module.raise_descriptor_limit()

    assert server_module._most_connections(1_000) == 1_000


def test_accept_that_fails_otherwise_is_not_waited_for(server, monkeypatch, caplog):
    def aborted(_socket):
        raise OSError(errno.ECONNABORTED, "gone before it was accepted")

    monkeypatch.setattr(socket.socket, "accept", aborted)

    with pytest.raises(OSError, match="gone before"):
        server.get_request()

    assert not [
        record for record in caplog.records if record.levelno >= logging.WARNING
    ]
