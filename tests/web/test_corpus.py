"""Ambiguous requests, sent to us without a proxy: what is seen, what refused.

Each is followed by an honest request, the marker, on the same connection. Had
we read one byte too many or too few, the marker would be gone or another
request would be there. What must be seen stands beside each case (`corpus`).
"""

import re
import signal
import socket
from collections import Counter
from contextlib import suppress

import pytest

from tests.processes import ServerProcess
from tests.web import corpus

CASES = corpus.cases()
PATIENCE_S = 20


def words(site) -> tuple[str, ...]:
    """What the site saw, by the words of the paths."""
    seen = [re.search("case|inner|marker|$", each.path) for each in site.requests]
    refused = ["refused"] * len(site.refused)
    return (*(match[0] or "case" for match in seen if match), *refused)


def answered(connection, packets: list[bytes]) -> int:
    """Send packets, and no more; return how many final answers come."""
    with suppress(ConnectionError):  # refused, and no longer listened to
        for packet in packets:
            connection.send(packet)
        connection.socket.shutdown(socket.SHUT_WR)
    return len(re.findall(rb"HTTP/1\.1 [2-5]\d\d ", connection.read_to_end()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ambiguous_request_is_seen_as_one_thing(connection, site, case):
    data = case.data + case.get("marker", "Connection: close")

    answers = answered(connection, [data])

    assert words(site) == case.seen
    assert answers == len(case.seen)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ambiguous_request_in_small_packets_is_the_same(connection, site, case):
    data = case.data + case.get("marker", "Connection: close")
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = 1 + len(data) // 2_000  # single bytes of all but the largest

    answered(connection, [data[at : at + size] for at in range(0, len(data), size)])

    assert words(site) == case.seen


def entries(log: str) -> Counter[tuple[str, str]]:
    """What the access log has: of each line a word and the case's number."""
    lines = re.findall(r" access [0-9a-f]+: 127\.0\.0\.1 (\S+) (\S+) \d{3} ", log)
    found: Counter[tuple[str, str]] = Counter()
    for method, path in lines:
        numbered = re.search(r"(case|inner|marker)-(\d{3})", path)
        word = "refused" if method == "-" else "case"
        found[numbered.group(1, 2) if numbered else (word, "")] += 1
    return found


def expected(case) -> list[tuple[str, str]]:
    known = {"refused": "", "case": str(case.number) * (b"/case-" in case.data)}
    return [(word, known.get(word, str(case.number))) for word in case.seen]


def test_a_whole_server_logs_the_same(tmp_path):
    server = ServerProcess(tmp_path, {"LOG_LEVEL": "info"}).start()
    for case in CASES:
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address, PATIENCE_S) as peer:
            peer.sendall(case.data + case.get("marker", "Connection: close"))
            peer.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while peer.recv(65536):
                    pass
    server.signal(signal.SIGTERM)
    server.wait()

    logged = entries(server.log())

    assert logged == Counter(each for case in CASES for each in expected(case))


def test_corpus_is_large_and_its_names_are_its_own():
    names = [case.name for case in CASES]

    assert len(CASES) >= 150
    assert len(set(names)) == len(names)
    assert len(
        {case.data.replace(b"%03d" % case.number, b"") for case in CASES}
    ) == len(CASES)
