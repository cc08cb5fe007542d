"""Where a body ends: by its announced length, or by its chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import errors
from authserver.web import framing
from authserver.web.framing import Body
from authserver.web.head import MAX_BODY_BYTES
from tests.cpu import within

GOOD = b"5\r\nhello\r\n6;note=x\r\n world\r\n0\r\n\r\n"


def dechunked(*packets: bytes) -> tuple[bytes | None, int]:
    """Decode a body that arrives in packets; return content and end."""
    buffer, decoder = b"", Body(0, None)
    content = None
    for packet in packets:
        buffer += packet
        content = decoder.content(buffer)
        if content is not None:
            break
    return content, decoder.end


def verdict(*packets: bytes) -> object:
    """The decoder's result, or its refusal as something to compare."""
    try:
        return dechunked(*packets)
    except errors.AuthError as error:
        return (type(error), error.detail)


def bytewise(buffer: bytes) -> list[bytes]:
    return [buffer[at : at + 1] for at in range(len(buffer))]


# -- announced by Content-Length


def test_announced_body_ends_after_its_length():
    buffer = b"HEADhelloNEXT"
    announced = Body(4, 5)

    assert announced.content(buffer[:8]) is None
    assert announced.content(buffer[:9]) == b"hello"
    assert announced.content(buffer) == b"hello"
    assert announced.end == 9


# -- chunked


def test_chunks_are_joined_and_what_follows_is_left():
    assert dechunked(GOOD + b"GET /next") == (b"hello world", len(GOOD))


def test_chunked_body_may_start_anywhere():
    decoder = Body(4, None)

    assert decoder.content(b"HEAD1\r\na\r\n0\r\n\r\n") == b"a"
    assert decoder.end == 15


@pytest.mark.parametrize(
    ("buffer", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"00000000\r\n\r\n", b""),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"00a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"1 ; a=b\r\nx\r\n0;c\r\n\r\n", b"x"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
    ],
)
def test_chunks_within_the_grammar_are_decoded(buffer, content):
    assert dechunked(buffer) == (content, len(buffer))


@pytest.mark.parametrize(
    ("attack", "buffer", "reason"),
    [
        ("no size", b"\r\nhello\r\n", "bad chunk size"),
        ("signed size", b"+5\r\nhello\r\n", "bad chunk size"),
        ("negative size", b"-1\r\n\r\n", "bad chunk size"),
        ("prefixed size", b"0x5\r\nhello\r\n", "bad chunk size"),
        ("underscored size", b"1_0\r\n" + b"a" * 16 + b"\r\n", "bad chunk size"),
        ("blank before the size", b" 5\r\nhello\r\n", "bad chunk size"),
        ("blank behind the size", b"5 \r\nhello\r\n", "bad chunk size"),
        ("size in letters", b"five\r\nhello\r\n", "bad chunk size"),
        ("size of nine digits", b"000000005\r\nhello\r\n", "bad chunk size"),
        ("bare CR for a line end", b"5\rhello\r\n", "bad chunk size"),
        ("bare LF for a line end", b"5\nhello\n0\n\n", "bare LF"),
        ("LF inside an extension", b"5;a\nb\r\nhello\r\n", "bare LF"),
        ("CR inside an extension", b"5;a\rb\r\nhello\r\n", "bad chunk size"),
        ("NUL inside an extension", b"5;a\x00\r\nhello\r\n", "bad chunk size"),
        ("extension without a name", b"5;\r\nhello\r\n", "bad chunk size"),
        ("extension of no name", b"5;=a\r\nhello\r\n", "bad chunk size"),
        ("extension without a value", b"5;a=\r\nhello\r\n", "bad chunk size"),
        ("extension in an open quote", b'5;a="b\r\nhello\r\n', "bad chunk size"),
        ("quote in a quote", b'5;a="b"c"\r\nhello\r\n', "bad chunk size"),
        ("words in an extension", b"5;a b\r\nhello\r\n", "bad chunk size"),
        ("blank behind an extension", b"5;a \r\nhello\r\n", "bad chunk size"),
        ("endless extension", b"5;" + b"a" * 300, "line is too long"),
        ("long extension", b"5;" + b"a" * 300 + b"\r\nhello", "line is too long"),
        ("extension one too long", b"5;" + b"a" * 254, "line is too long"),
        ("chunk too long", b"5\r\nhello!\r\n", "longer than its size"),
        ("chunk ended by LF", b"5\r\nhello\n0\r\n\r\n", "longer than its size"),
        ("chunk ended by CR X", b"5\r\nhello\rX", "longer than its size"),
        ("chunk too short", b"6\r\nhello\r\n0\r\n\r\n", "longer than its size"),
        ("trailer", b"0\r\nHost: evil\r\n\r\n", "trailer"),
        ("another request as a trailer", b"0\r\nGET / HTTP/1.1\r\n", "trailer"),
    ],
)
def test_chunks_outside_the_grammar_are_refused(attack, buffer, reason):
    with pytest.raises(errors.MalformedRequest, match=reason):
        dechunked(buffer)


@pytest.mark.parametrize(
    ("buffer", "reason"),
    [
        (b"10001\r\n", "add up"),
        (b"ffffffff\r\n", "add up"),
        (b"8000\r\n" + b"a" * 0x8000 + b"\r\n8001\r\n", "add up"),
        (b"1\r\na\r\n" * 30_000, "too small"),
    ],
)
def test_body_beyond_64_kib_is_refused_before_it_arrives(buffer, reason):
    with pytest.raises(errors.BodyTooLarge, match=reason):
        dechunked(buffer)


def test_body_of_exactly_64_kib_is_decoded():
    content, _ = dechunked(b"10000\r\n" + b"a" * MAX_BODY_BYTES + b"\r\n0\r\n\r\n")

    assert content == b"a" * MAX_BODY_BYTES


def test_incomplete_chunks_are_waited_for():
    assert [dechunked(GOOD[:end])[0] for end in range(len(GOOD))] == [None] * len(GOOD)


FRAGMENTS = st.sampled_from(
    [
        *(b"5\r\n", b"hello", b"\r\n", b"0\r\n\r\n", b"0\r\n", b"\n", b"\r", b" "),
        *(b"1", b"f", b";a=b", b"a" * 150, b"\x00", b"-", b"x", b"10000\r\n"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=12), st.data())
def test_no_split_changes_the_verdict(fragments, data):
    buffer = b"".join(fragments)
    end = data.draw(st.integers(0, len(buffer)))

    assert verdict(buffer[:end], buffer[end:]) == verdict(buffer)
    assert verdict(*bytewise(buffer), b"") == verdict(buffer)


def test_single_bytes_cost_linear_time():
    # Starting over with each packet would need 10,000 * 1,700 chunks.
    packets = bytewise(b"1\r\na\r\n" * 1_700)

    assert within(0.5, lambda: dechunked(*packets))


def test_limits_are_those_the_documentation_names():
    assert MAX_BODY_BYTES == 64 * 1024
    assert framing.MAX_ENCODED_BYTES == 2 * MAX_BODY_BYTES
