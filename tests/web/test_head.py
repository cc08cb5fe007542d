"""What `head.parse` reads, what it refuses, and that packets do not matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authserver import errors
from authserver.web import head
from tests.cpu import within

HOST = b"Host: auth.example.org\r\n"


def get(*lines: bytes, target: bytes = b"/", version: bytes = b"HTTP/1.1") -> bytes:
    """A GET request with a good Host and these further lines."""
    return b"GET %b %b\r\n%b%b\r\n" % (
        target,
        version,
        HOST,
        b"".join(line + b"\r\n" for line in lines),
    )


def bare(text: bytes) -> bytes:
    """A head as it stands, with the empty line that ends it."""
    return text + b"\r\n\r\n"


def parsed(buffer: bytes) -> head.Head:
    result = head.parse(buffer)
    assert result is not None
    return result


def verdict(buffer: bytes) -> object:
    """What parse makes of a buffer: a head, None, or a refusal to compare."""
    try:
        return head.parse(buffer)
    except errors.AuthError as error:
        return (type(error), error.detail)


# -- what is read


def test_request_line_and_headers_are_taken_apart():
    request = parsed(get(b"Accept:  text/html \t", target=b"/login?next=1?2"))

    assert (request.method, request.path, request.query) == (
        "GET",
        "/login",
        "next=1?2",
    )
    assert request.headers == {"host": "auth.example.org", "accept": "text/html"}
    assert (request.minor, request.body_bytes) == (1, 0)
    assert request.keep_alive
    assert not request.expects_continue


def test_size_counts_the_head_and_nothing_behind_it():
    request = get()

    assert parsed(request + b"GET /next").size == len(request)
    assert parsed(b"\r\n" + request).size == len(request) + 2


def test_one_empty_line_before_the_request_line_is_skipped():
    assert parsed(b"\r\n" + get()).method == "GET"


def test_names_are_lower_case_and_values_keep_theirs():
    headers = parsed(get(b"X-NAME: VaLuE", b"aCCept: A")).headers

    assert headers["x-name"] == "VaLuE"
    assert headers["accept"] == "A"


def test_repeated_headers_are_joined():
    headers = parsed(get(b"Accept: a", b"accept: b", b"Cookie: c=1", b"Cookie: d=2"))

    assert headers.headers["accept"] == "a, b"
    assert headers.headers["cookie"] == "c=1; d=2"


def test_header_text_above_ascii_is_latin_1():
    assert parsed(get(b"User-Agent: caf\xe9")).headers["user-agent"] == "caf\u00e9"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", ""),
        (b"//evil.example/x", "//evil.example/x", ""),
        (b"/a/../b/%2e%2e/%00", "/a/../b/%2e%2e/%00", ""),
        (b"/a?", "/a", ""),
        (b"/a?b=http://c/", "/a", "b=http://c/"),
        (b"http://auth.example.org/a?b", "/a", "b"),
        (b"HTTPS://auth.example.org:443/a", "/a", ""),
        (b"http://[2001:db8::1]:80/a", "/a", ""),
        (b"http://auth.example.org", "/", ""),
        (b"http://auth.example.org?a", "/", "a"),
        (b"http://evil.example/reset", "/reset", ""),
    ],
)
def test_target_is_reduced_to_path_and_query(target, path, query):
    request = parsed(get(target=target))

    assert (request.path, request.query) == (path, query)


def test_host_of_an_absolute_target_counts_and_not_the_header():
    request = parsed(get(target=b"http://evil.example:80/messages/x"))

    assert request.headers["host"] == "evil.example:80"


@pytest.mark.parametrize("target", [b"*", b"http://auth.example.org"])
def test_options_may_ask_about_the_whole_server(target):
    request = parsed(bare(b"OPTIONS %b HTTP/1.1\r\nHost: a" % target))

    assert (request.method, request.path) == ("OPTIONS", "*")


@pytest.mark.parametrize("method", [b"TRACE", b"get", b"M-SEARCH", b"!#$%&'*+.^_`|~9"])
def test_any_token_is_a_method_for_the_site_to_judge(method):
    assert parsed(bare(method + b" / HTTP/1.1\r\nHost: a")).method == method.decode()


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"a:8080",
        b"192.0.2.1",
        b"[::1]",
        b"[2001:db8::1]:443",
        b"a_b.c-d",
        b"a:",
    ],
)
def test_host_may_be_a_name_or_address_with_a_port(host):
    assert parsed(bare(b"GET / HTTP/1.1\r\nHost: " + host)).headers["host"]


def test_http_1_0_needs_no_host():
    assert parsed(bare(b"GET / HTTP/1.0")).minor == 0


@pytest.mark.parametrize(
    ("version", "lines", "keep_alive"),
    [
        (b"HTTP/1.1", [], True),
        (b"HTTP/1.1", [b"Connection: close"], False),
        (b"HTTP/1.1", [b"Connection: TE, Close"], False),
        (b"HTTP/1.1", [b"Connection: upgrade"], True),
        (b"HTTP/1.1", [b"Connection: TE", b"Connection: close"], False),
        (b"HTTP/1.0", [], False),
        (b"HTTP/1.0", [b"Connection: Keep-Alive"], True),
        (b"HTTP/1.0", [b"Connection: keep-alive, close"], False),
    ],
)
def test_connection_is_kept_as_version_and_header_say(version, lines, keep_alive):
    assert parsed(get(*lines, version=version)).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("line", "body_bytes"),
    [
        (b"Content-Length: 0", 0),
        (b"Content-Length: 0042", 42),
        (b"Content-Length: 65536", 65536),
        (b"Transfer-Encoding: chunked", None),
        (b"transfer-encoding:\tChunked ", None),
    ],
)
def test_body_length_comes_from_one_header(line, body_bytes):
    assert parsed(get(line)).body_bytes == body_bytes


def test_expectation_of_100_continue_is_noted():
    assert parsed(get(b"Expect: 100-Continue")).expects_continue


@pytest.mark.parametrize("expectation", [b"100-continue", b"anything"])
def test_expectation_of_http_1_0_is_ignored(expectation):
    request = parsed(get(b"Expect: " + expectation, version=b"HTTP/1.0"))

    assert not request.expects_continue


# -- what is refused

MALFORMED = [
    # The request line
    ("empty request line", b"\r\n\r\n\r\n\r\n", "three parts"),
    ("two empty lines first", b"\r\n\r\n" + get(), "three parts"),
    ("HTTP/0.9", bare(b"GET /"), "three parts"),
    ("two spaces", bare(b"GET  / HTTP/1.1\r\nHost: a"), "three parts"),
    ("two spaces, no target", bare(b"GET  HTTP/1.1\r\nHost: a"), "neither path"),
    ("trailing space", bare(b"GET / HTTP/1.1 \r\nHost: a"), "three parts"),
    ("leading space", bare(b" GET / HTTP/1.1\r\nHost: a"), "no method"),
    ("space in the target", bare(b"GET /a b HTTP/1.1\r\nHost: a"), "three parts"),
    ("tab for a space", bare(b"GET\t/ HTTP/1.1\r\nHost: a"), "three parts"),
    ("tab in the target", bare(b"GET /a\tb HTTP/1.1\r\nHost: a"), "printable"),
    ("leading tab", bare(b"\tGET / HTTP/1.1\r\nHost: a"), "no method"),
    ("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00", "no method"),
    ("NUL first", b"\x00" + get(), "no method"),
    ("non-ASCII first", b"\xc3\xa9 / HTTP/1.1\r\n\r\n", "no method"),
    ("colon in the method", bare(b"GE:T / HTTP/1.1\r\nHost: a"), "not a token"),
    ("non-ASCII in the method", bare(b"G\xc9T / HTTP/1.1\r\nHost: a"), "not a token"),
    ("endless method", bare(b"A" * 33 + b" / HTTP/1.1\r\nHost: a"), "too long"),
    ("quoted method", bare(b'G"ET" / HTTP/1.1\r\nHost: a'), "not a token"),
    # The version
    ("lower-case version", get(version=b"http/1.1"), "no HTTP version"),
    ("no minor version", get(version=b"HTTP/1"), "no HTTP version"),
    ("two-digit version", get(version=b"HTTP/1.10"), "no HTTP version"),
    ("comma in the version", get(version=b"HTTP/1,1"), "no HTTP version"),
    ("another protocol", get(version=b"RTSP/1.0"), "no HTTP version"),
    ("non-ASCII digit in the version", get(version=b"HTTP/1.\xb9"), "no HTTP"),
    # The target
    ("relative path", get(target=b"login"), "neither path"),
    ("question mark only", get(target=b"?a"), "neither path"),
    ("asterisk for GET", get(target=b"*"), "neither path"),
    ("fragment", get(target=b"/a#b"), "printable"),
    ("non-ASCII target", get(target=b"/caf\xe9"), "printable"),
    ("DEL in the target", get(target=b"/\x7f"), "control"),
    ("NUL in the target", get(target=b"/a\x00b"), "control"),
    ("CONNECT", bare(b"CONNECT a:443 HTTP/1.1\r\nHost: a"), "neither path"),
    ("CONNECT to a path", bare(b"CONNECT / HTTP/1.1\r\nHost: a"), "neither path"),
    ("authority form", get(target=b"auth.example.org:80"), "neither path"),
    ("another scheme", get(target=b"ftp://a/"), "neither path"),
    ("script for a scheme", get(target=b"javascript:alert(1)"), "neither path"),
    ("user in the target", get(target=b"http://good@evil/"), "host in the target"),
    ("no host in the target", get(target=b"http:///a"), "host in the target"),
    ("backslash in the host", get(target=b"http://a\\b/"), "host in the target"),
    ("endless port", get(target=b"http://a:123456/"), "host in the target"),
    # Line ends
    ("bare LF throughout", b"GET / HTTP/1.1\nHost: a\n\n", "bare LF"),
    ("bare LF after a header", get(b"A: b\nC: d"), "bare LF"),
    ("LF before CRLF", get(b"A: b\n"), "bare LF"),
    ("LF first", b"\n" + get(), "no method"),
    ("LF after an empty line", b"\r\n\n" + get(), "no method"),
    ("bare CR in a value", get(b"A: b\rC: d"), "bare CR"),
    ("CR CR LF", get(b"A: b\r"), "bare CR"),
    ("bare CR in the target", get(target=b"/a\rb"), "bare CR"),
    ("CR first", b"\r" + get(), "bare CR"),
    # Field lines
    ("folded header", get(b"A: b", b" c"), "folded"),
    ("folded by a tab", get(b"A: b", b"\tc: d"), "folded"),
    ("blank line of blanks", get(b" "), "folded"),
    ("first header folded", bare(b"GET / HTTP/1.1\r\n Host: a"), "folded"),
    ("no colon", get(b"Accept"), "without a colon"),
    ("known name without a colon", get(b"Cookie"), "without a colon"),
    ("empty name", get(b": a"), "name is not a token"),
    ("space before the colon", get(b"Content-Length : 5"), "name is not a token"),
    ("tab before the colon", get(b"Transfer-Encoding\t: chunked"), "not a token"),
    ("space in a name", get(b"A B: c"), "name is not a token"),
    ("parenthesis in a name", get(b"A(b): c"), "name is not a token"),
    ("non-ASCII name", get(b"Caf\xe9: c"), "name is not a token"),
    ("NUL in a name", get(b"A\x00: b"), "control"),
    ("NUL in a value", get(b"A: b\x00c"), "control"),
    ("escape in a value", get(b"User-Agent: \x1b[2J"), "control"),
    ("backspace in a value", get(b"A: b\x08"), "control"),
    ("vertical tab around a value", get(b"Content-Length:\x0b5"), "control"),
    ("DEL in a value", get(b"A: b\x7f"), "control"),
    # Host
    ("no Host", bare(b"GET / HTTP/1.1\r\nAccept: a"), "no Host"),
    ("no headers at all", bare(b"GET / HTTP/1.1"), "no Host"),
    ("two Hosts", get(b"Host: auth.example.org"), "second host"),
    ("two Hosts in HTTP/1.0", get(HOST[:-2], version=b"HTTP/1.0"), "second host"),
    ("empty Host", bare(b"GET / HTTP/1.1\r\nHost:"), "bad Host"),
    ("Host with a path", bare(b"GET / HTTP/1.1\r\nHost: a/b"), "bad Host"),
    ("Host with a user", bare(b"GET / HTTP/1.1\r\nHost: a@b"), "bad Host"),
    ("Host with a list", bare(b"GET / HTTP/1.1\r\nHost: a, b"), "bad Host"),
    ("Host with a word port", bare(b"GET / HTTP/1.1\r\nHost: a:b"), "bad Host"),
    ("Host with two ports", bare(b"GET / HTTP/1.1\r\nHost: a:1:2"), "bad Host"),
    ("Host of no address", bare(b"GET / HTTP/1.1\r\nHost: [x]"), "bad Host"),
    ("Host half bracketed", bare(b"GET / HTTP/1.1\r\nHost: [::1"), "bad Host"),
    ("bad Host in HTTP/1.0", bare(b"GET / HTTP/1.0\r\nHost: a b"), "bad Host"),
    ("Host beside a good target", get(b"X: y", target=b"http://a b/"), "three parts"),
    # Other headers that must stand alone
    ("two Authorizations", get(b"Authorization: a", b"authorization: b"), "second a"),
    ("two Origins", get(b"Origin: a", b"Origin: a"), "second origin"),
    ("two Expects", get(b"Expect: 100-continue", b"Expect: x"), "second expect"),
    ("two types", get(b"Content-Type: a", b"Content-Type: a"), "second content-type"),
    # The length of the body: request smuggling
    ("two lengths", get(b"Content-Length: 5", b"Content-Length: 6"), "second content"),
    ("two equal lengths", get(*2 * [b"Content-Length: 5"]), "second content-length"),
    ("list of lengths", get(b"Content-Length: 5, 5"), "not digits"),
    ("signed length", get(b"Content-Length: +5"), "not digits"),
    ("negative length", get(b"Content-Length: -5"), "not digits"),
    ("hexadecimal length", get(b"Content-Length: 0x5"), "not digits"),
    ("underscored length", get(b"Content-Length: 1_0"), "not digits"),
    ("fractional length", get(b"Content-Length: 5.0"), "not digits"),
    ("empty length", get(b"Content-Length:"), "not digits"),
    ("superscript length", get(b"Content-Length: \xb2"), "not digits"),
    ("length in words", get(b"Content-Length: five"), "not digits"),
    ("length of 20 digits", get(b"Content-Length: " + b"0" * 20), "too long"),
    ("length of 5,000 digits", get(b"Content-Length: " + b"9" * 5000), "too long"),
    (
        "length and coding",
        get(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        "both",
    ),
    (
        "coding and length of 0",
        get(b"Transfer-Encoding: chunked", b"Content-Length: 0"),
        "both",
    ),
    (
        "coding in HTTP/1.0",
        get(b"Transfer-Encoding: chunked", version=b"HTTP/1.0"),
        "in HTTP/1.0",
    ),
    ("chunked twice", get(b"Transfer-Encoding: chunked, chunked"), "end in chunked"),
    ("an empty coding", get(b"Transfer-Encoding: , chunked"), "end in chunked"),
    (
        "chunked with a parameter",
        get(b"Transfer-Encoding: chunked;q=1"),
        "end in chunked",
    ),
    ("almost chunked", get(b"Transfer-Encoding: xchunked"), "end in chunked"),
    ("identity", get(b"Transfer-Encoding: identity"), "end in chunked"),
    ("no coding", get(b"Transfer-Encoding:"), "end in chunked"),
    ("two codings", get(*2 * [b"Transfer-Encoding: chunked"]), "second transfer-enc"),
]

OTHERWISE_REFUSED = [
    ("HTTP/2 preface", bare(b"PRI * HTTP/2.0"), errors.UnsupportedVersion, "2.0"),
    ("HTTP/1.2", get(version=b"HTTP/1.2"), errors.UnsupportedVersion, "1.2"),
    ("HTTP/3.0", get(version=b"HTTP/3.0"), errors.UnsupportedVersion, "3.0"),
    (
        "gzip below chunked",
        get(b"Transfer-Encoding: gzip, chunked"),
        errors.UnknownTransferCoding,
        "chunked alone",
    ),
    ("body too large", get(b"Content-Length: 65537"), errors.BodyTooLarge, "announced"),
    (
        "body of 19 digits",
        get(b"Content-Length: " + b"9" * 19),
        errors.BodyTooLarge,
        "announced",
    ),
    ("expectation", get(b"Expect: a-pony"), errors.ExpectationFailed, "100-continue"),
    ("empty expectation", get(b"Expect:"), errors.ExpectationFailed, "100-continue"),
    ("101 header lines", get(*100 * [b"A: b"]), errors.HeadTooLarge, "too many lines"),
    ("endless header", get(b"A: " + b"b" * 16384), errors.HeadTooLarge, "many bytes"),
    ("endless target", b"GET /" + b"a" * 16384, errors.TargetTooLong, "no end"),
]


@pytest.mark.parametrize(("attack", "buffer", "reason"), MALFORMED)
def test_malformed_head_is_refused(attack, buffer, reason):
    # Matching the reason matters: a row that an earlier check refuses would
    # prove nothing about its own.
    with pytest.raises(errors.MalformedRequest, match=reason):
        head.parse(buffer)


@pytest.mark.parametrize(("attack", "buffer", "error", "reason"), OTHERWISE_REFUSED)
def test_head_beyond_us_is_refused(attack, buffer, error, reason):
    with pytest.raises(error, match=reason):
        head.parse(buffer)


# -- limits


def test_head_of_exactly_16_kib_is_read_and_one_byte_more_is_not():
    padding = head.MAX_HEAD_BYTES - len(get(b"A: "))

    assert parsed(get(b"A: " + b"b" * padding)).size == 16 * 1024
    with pytest.raises(errors.HeadTooLarge, match="too many bytes"):
        head.parse(get(b"A: " + b"b" * (padding + 1)))


def test_hundred_header_lines_are_read():
    assert parsed(get(*99 * [b"A: b"])).headers["a"].count("b") == 99


@pytest.mark.parametrize(
    "buffer",
    [
        get(b"A:" + b" " * 16000),
        get(b"A" + b":" * 16000),
        get(b"A" * 16000 + b": b"),
        get(b"Connection: " + b"," * 16000),
        get(b"Transfer-Encoding: " + b"chunked," * 2000),
        get(*100 * [b"A: " + b"\t" * 150]),
        get(target=b"http://" + b"a" * 16000),
        get(target=b"/" + b"?" * 16000),
        bare(b"GET / HTTP/1.1\r\nHost: " + b"a" * 16000),
        bare(b"A" * 16300),
        b"\r\n" * 8000,
        b" " * 16000,
    ],
)
def test_worst_heads_take_less_than_20_ms(buffer):
    assert within(0.02, lambda: verdict(buffer))


# -- packets

EVERYTHING = [
    get(b"Accept: a", b"Content-Length: 5") + b"hello",
    b"\r\n" + get(target=b"http://a/b"),
    bare(b"OPTIONS * HTTP/1.1\r\nHost: a"),
    *(buffer for _, buffer, _ in MALFORMED),
    *(buffer for _, buffer, _, _ in OTHERWISE_REFUSED if len(buffer) < 2000),
]


def first_verdict(buffer: bytes, ends: list[int]) -> object:
    """What parse says first, when the buffer grows to each of these ends."""
    for end in ends:
        if (result := verdict(buffer[:end])) is not None:
            return result
    return verdict(buffer)


@pytest.mark.parametrize("buffer", EVERYTHING)
def test_byte_by_byte_gives_the_same_verdict_as_all_at_once(buffer):
    assert first_verdict(buffer, list(range(len(buffer)))) == verdict(buffer)


FRAGMENTS = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"POST ", b"/a?b ", b"HTTP/1.0\r\n", b"Host: a\r\n"),
        *(b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\x00", b"\xff"),
        *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: a"),
        *(b"Host", b"a" * 8000, b"A: b\r\n" * 60, b"Connection: close\r\n"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=12), st.data())
def test_no_split_changes_the_verdict(fragments, data):
    buffer = b"".join(fragments)
    ends = data.draw(st.lists(st.integers(0, len(buffer)), max_size=8).map(sorted))

    assert first_verdict(buffer, ends) == verdict(buffer)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_a_head_or_a_refusal(buffer):
    verdict(buffer + b"\r\n\r\n")
    verdict(b"GET / HTTP/1.1\r\nHost: a\r\n" + buffer + b"\r\n\r\n")
