"""From bytes as they come to requests, one after another, however they come."""

import gc
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authserver import errors
from authserver.web.inbox import MAX_REMEMBERED_BYTES, Inbox

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
)
LONG = b"GET /d HTTP/1.1\r\nHost: a\r\nA: " + b"a" * MAX_REMEMBERED_BYTES + b"\r\n\r\n"
KINDS = {
    GET: ("GET", "/a", b""),
    b"\r\n" + GET: ("GET", "/a", b""),
    POST: ("POST", "/b", b"hello"),
    CHUNKED: ("PUT", "/c", b"hello"),
    LONG: ("GET", "/d", b""),
}


def cut_all(inbox: Inbox) -> list[tuple[str, str, bytes]]:
    """Return method, path and body of all requests that are complete."""
    found = []
    while (request := inbox.cut()) is not None:
        head, body = request
        found.append((head.method, head.path, body))
    return found


def fed(inbox: Inbox, packets: list[bytes]) -> list[tuple[str, str, bytes]]:
    """Return all requests that are cut while packets come."""
    found = []
    for packet in packets:
        inbox.add(packet)
        found += cut_all(inbox)
    return found


def kept(inbox: Inbox) -> set[bytes]:
    """Return all bytes that an inbox refers to, itself or by what it holds."""
    found, waiting = set(), [*gc.get_referents(inbox)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, bytes):
            found.add(each)
        elif isinstance(each, tuple):
            waiting += each
    return found


@given(
    st.lists(st.sampled_from([*KINDS]), max_size=6),
    st.lists(st.integers(min_value=0, max_value=2000), max_size=12),
)
@settings(deadline=None, max_examples=400)
def test_requests_are_the_same_wherever_the_bytes_are_cut(requests, places):
    stream, inbox = b"".join(requests), Inbox()
    places = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    packets = [stream[a:b] for a, b in itertools.pairwise(places)]

    assert fed(inbox, packets) == [KINDS[each] for each in requests]
    assert inbox.blank


@pytest.mark.parametrize("request_", KINDS)
def test_nothing_is_cut_before_its_last_byte(request_):
    inbox = Inbox()

    assert fed(inbox, [request_[:-1]]) == []
    assert fed(inbox, [request_[-1:]]) == [KINDS[request_]]


def test_head_waits_for_its_body_and_is_there_to_be_asked():
    inbox = Inbox()

    inbox.add(POST[:-3])
    assert inbox.cut() is None
    assert inbox.head is not None
    assert inbox.head.body_bytes == 5

    inbox.add(POST[-3:])
    assert inbox.cut() is not None
    assert inbox.head is None


def test_head_of_a_body_is_judged_once():
    inbox = Inbox()
    inbox.add(POST[:-3])
    inbox.cut()
    first = inbox.head

    inbox.add(b"l")
    inbox.cut()

    assert inbox.head is first


def test_second_request_is_not_taken_for_the_first_that_begins_like_it():
    inbox = Inbox()

    assert fed(inbox, [GET, GET + POST, GET]) == [
        KINDS[each] for each in (GET, GET, POST, GET)
    ]


def test_request_that_came_in_two_pieces_is_remembered_like_any_other():
    inbox = Inbox()

    assert fed(inbox, [GET, GET[:9], GET[9:], GET]) == [KINDS[GET]] * 3


def test_same_bytes_are_not_parsed_again():
    inbox = Inbox()
    heads = []

    for _ in range(2):
        inbox.add(GET)
        heads.append(inbox.cut()[0])

    assert heads[0] is heads[1]


@pytest.mark.parametrize(
    "packets",
    [[LONG], [POST], [POST[:-5], b"hello"], [GET + POST], [GET + POST[:-5], b"hello"]],
)
def test_neither_bodies_nor_long_heads_are_kept(packets):
    inbox = Inbox()

    fed(inbox, packets)

    assert kept(inbox) <= {b"", GET}


def test_head_that_a_body_follows_is_judged_anew():
    inbox = Inbox()
    heads = []

    for _ in range(2):
        inbox.add(POST[:-5])
        inbox.cut()
        inbox.add(b"hello")
        heads.append(inbox.cut()[0])

    assert heads[0] is not heads[1]


@pytest.mark.parametrize(
    ("received", "blank"),
    [(b"", True), (b"\r", True), (b"\r\n", True), (b"\r\n\r", False), (b"G", False)],
)
def test_only_an_empty_line_begins_no_request(received, blank):
    inbox = Inbox()
    inbox.add(received)

    assert inbox.blank == blank


@pytest.mark.parametrize(
    ("received", "answer"),
    [(b"HEAD / x", True), (b"\r\nHEAD /", True), (b"HEADS /", False), (b"G", False)],
)
def test_malformed_head_request_is_known_for_one(received, answer):
    inbox = Inbox()
    inbox.add(received)

    assert inbox.asks_for_no_body == answer


def test_what_follows_a_request_does_not_spoil_it():
    inbox = Inbox()
    inbox.add(GET + b"\x00")

    assert inbox.cut() is not None
    with pytest.raises(errors.MalformedRequest, match="no method"):
        inbox.cut()
