"""Requests with a few bytes wrong: read as the grammar says, or refused.

Most of a parser's mistakes lie one byte from a good request: a line end that is
half, a blank too many, a header twice. So good requests are mutated at random,
and what the parser makes of each is compared with another reading of the same
bytes (`grammar`), which knows the RFC and not our parser. However a request
arrives in packets, the verdict is the same, and a refusal stays one.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authserver import errors
from authserver.web import head
from authserver.web.framing import Body
from tests.web import grammar

FEW = settings(deadline=None, max_examples=150)
MANY = settings(deadline=None, max_examples=1_000)
REFUSALS = (
    errors.MalformedRequest,
    errors.HeadTooLarge,
    errors.TargetTooLong,
    errors.UnsupportedVersion,
    errors.UnknownTransferCoding,
    errors.BodyTooLarge,
    errors.ExpectationFailed,
)

HEADS = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /login?a=1 HTTP/1.1\r\nAccept: text/html;q=1, */*\r\nHost: a:80\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: a/b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding:\tChunked \r\n\r\n",
    b"\r\nGET http://a/b?c HTTP/1.1\r\nhost:a\r\nCookie: b=c\r\nCookie: d\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, TE\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
    b"GET / HTTP/1.1\r\nX-\xe9: b\r\nHost: a\r\nUser-Agent: \xe9\r\n\r\n",
)
BODIES = (
    b"5\r\nhello\r\n6;note=x\r\n world\r\n0\r\n\r\n",
    b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
    b"0A ; a=b\r\n0123456789\r\n000\r\n\r\n",
    b"2\r\n\r\n\r\n0\r\n\r\n",
)
BYTES = st.one_of(
    st.sampled_from(
        [*(bytes([code]) for code in b"\r\n\t :,;/?#*@0fx+\x00\x0b\x7f\xa0")]
    ),
    st.binary(min_size=1, max_size=1),
)
PIECES = st.sampled_from(
    [b"\r\n", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"\r\n ", b"HTTP/1.1", b"chunked"]
)
LINES = st.sampled_from(
    [
        *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n"),
        *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b" folded\r\n"),
        *(
            b"\r\n",
            b"\n",
            b"5\r\n",
            b"0\r\n",
            b"Expect: a\r\n",
            b"Authorization: a\r\n",
        ),
    ]
)
SWAPS = st.sampled_from(
    [
        *((b"\r\n", b"\n"), (b"\r\n", b"\r"), (b"\r\n", b"\n\r"), (b" ", b"\t")),
        *((b" ", b"  "), (b" ", b""), (b":", b" :"), (b"1", b"0"), (b"/", b"//")),
    ]
)

KINDS = ("insert", "insert", "put", "cut", "again", "swap", "line", "case")


def replaced(buffer: bytes, start: int, end: int, piece: bytes) -> bytes:
    return buffer[:start] + piece + buffer[end:]


@st.composite
def mutated(draw: st.DrawFn, originals: tuple[bytes, ...]) -> bytes:
    """One of these, after up to three mutations."""
    buffer = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(buffer)))
        start, stop = buffer.rfind(b"\n", 0, at) + 1, buffer.find(b"\n", at) + 1
        kind = draw(st.sampled_from(KINDS))
        if kind == "insert":
            buffer = replaced(buffer, at, at, draw(BYTES))
        elif kind == "put":
            buffer = replaced(buffer, at, at + draw(st.integers(0, 1)), draw(PIECES))
        elif kind == "cut":
            buffer = replaced(buffer, at, at + draw(st.integers(1, 4)), b"")
        elif kind == "again":
            buffer = replaced(buffer, start, start, buffer[start:stop])
        elif kind == "line":
            buffer = replaced(buffer, start, start, draw(LINES))
        elif kind == "swap":
            buffer = buffer[:at] + buffer[at:].replace(*draw(SWAPS), 1)
        else:
            buffer = buffer[:at] + buffer[at:].swapcase()
    return buffer


@st.composite
def packets(draw: st.DrawFn, buffers: st.SearchStrategy[bytes]) -> list[bytes]:
    """A buffer as it may arrive, packet by packet."""
    buffer = draw(buffers)
    inner = draw(st.lists(st.integers(0, len(buffer)), max_size=8).map(sorted))
    ends = zip([0, *inner], [*inner, len(buffer)], strict=True)
    return [buffer[start:end] for start, end in ends]


def head_verdict(buffer: bytes, seen: int = 0) -> object:
    """What parse says, after so many bytes told it nothing."""
    if not head.can_decide(buffer, seen):
        return None
    try:
        return head.parse(buffer)
    except REFUSALS as error:
        return type(error), error.detail


def body_verdicts(arriving: list[bytes]) -> list[object]:
    """What the decoder says after each packet, up to its last word."""
    buffer, decoder = b"", Body(0, None)
    verdicts: list[object] = []
    for packet in arriving:
        buffer += packet
        try:
            content = decoder.content(buffer)
        except (errors.MalformedRequest, errors.BodyTooLarge) as error:
            return [*verdicts, (type(error), error.detail)]
        if content is not None:
            return [*verdicts, (content, decoder.end)]
        verdicts.append(None)
    return verdicts


def bytewise(buffer: bytes) -> list[bytes]:
    return [buffer[at : at + 1] for at in range(len(buffer))]


def reading(verdict: object) -> grammar.Reading | None:
    """What was read, None if it was refused or is incomplete."""
    if not isinstance(verdict, head.Head):
        return None
    names = grammar.Reading._fields
    return grammar.Reading(*(getattr(verdict, name) for name in names))


def canonical(said: grammar.Reading) -> grammar.Reading:
    """Without what another spelling may change: length, and outer blanks."""
    headers = {name: value.strip(" \t") for name, value in said.headers.items()}
    return said._replace(size=0, headers=headers)


# -- the same as the grammar says


def test_the_other_grammar_reads_what_is_good():
    assert [grammar.read(each) is not None for each in HEADS[:-1]] == [True] * 9
    assert grammar.read(HEADS[-1]) is None


@MANY
@given(mutated(HEADS))
def test_head_is_read_exactly_when_the_grammar_has_it(buffer):
    verdict = head_verdict(buffer)

    expected = grammar.read(buffer)
    assert reading(verdict) == expected
    # Nothing is left open once the empty line has come.
    assert verdict is not None or b"\r\n\r\n" not in buffer[2:]


@MANY
@given(mutated(HEADS))
def test_accepted_head_means_the_same_in_its_canonical_spelling(buffer):
    first = reading(head_verdict(buffer)) or grammar.read(HEADS[0])

    again = reading(head_verdict(grammar.written(first)))

    assert canonical(again) == canonical(first)


@MANY
@given(mutated(BODIES))
def test_chunks_are_read_exactly_when_the_grammar_has_them(buffer):
    last = body_verdicts([buffer])[-1]

    expected = grammar.read_chunks(buffer)
    assert (last == expected) if expected else not isinstance(last and last[0], bytes)


@MANY
@given(mutated(HEADS), mutated(BODIES))
def test_bytes_behind_a_head_do_not_change_it(buffer, behind):
    verdict = head_verdict(buffer)

    assert verdict is None or head_verdict(buffer + behind) == verdict


# -- however it arrives


@FEW
@given(mutated(HEADS))
def test_head_that_grows_is_judged_once_and_for_all(buffer):
    verdicts = [head_verdict(buffer[:end]) for end in range(len(buffer) + 1)]

    decided = [each for each in verdicts if each is not None]
    assert decided == [verdicts[-1]] * len(decided)


@MANY
@given(packets(mutated(HEADS)))
def test_bytes_already_seen_need_no_second_look(arriving):
    buffer, seen = b"", 0
    verdict = None
    while arriving and verdict is None:
        buffer, seen = buffer + arriving.pop(0), len(buffer)
        verdict = head_verdict(buffer, seen)

        assert verdict == head_verdict(buffer)


@pytest.mark.parametrize("size", [16_380, 16_384, 16_388])
@pytest.mark.parametrize("start", [b"", b"\r\n", b"\r", b"\r\r\n"])
def test_single_bytes_near_the_limit_need_no_second_look(start, size):
    buffer = start + b"GET /" + b"a" * size
    lengths = [*range(12), *range(16_375, len(buffer))]

    for end in lengths:
        assert head_verdict(buffer[: end + 1], end) == head_verdict(buffer[: end + 1])


@FEW
@given(mutated(BODIES))
def test_chunks_that_grow_are_judged_as_all_at_once(buffer):
    assert body_verdicts(bytewise(buffer))[-1:] == body_verdicts([buffer])[-1:]


@MANY
@given(packets(mutated(BODIES)))
def test_packets_of_chunks_change_nothing(arriving):
    assert body_verdicts(arriving)[-1] == body_verdicts([b"".join(arriving)])[-1]


@pytest.mark.parametrize("buffer", HEADS[:-1])
def test_every_split_of_a_good_head_gives_it(buffer):
    verdicts = [head_verdict(buffer[:end]) for end in range(len(buffer))]

    assert verdicts == [None] * len(buffer)
    assert reading(head_verdict(buffer)) == grammar.read(buffer)
