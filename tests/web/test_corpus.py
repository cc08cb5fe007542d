"""Ambiguous requests, sent to us without a proxy: what is seen, what refused.

Each is followed by an honest request, the marker, on the same connection. Had
we read one byte too many or too few, the marker would be gone or another
request would be there. What must be seen stands beside each case (`corpus`).
"""

import re
import socket

import pytest

from tests.web import corpus

CASES = corpus.cases()


def words(site) -> tuple[str, ...]:
    """What the site saw, by the words of the paths."""
    seen = [re.search("case|inner|marker|$", each.path) for each in site.requests]
    refused = ["refused"] * len(site.refused)
    return (*(match[0] or "case" for match in seen if match), *refused)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ambiguous_request_is_seen_as_one_thing(connection, site, case):
    connection.send(case.data + case.get("marker", "Connection: close"))
    connection.socket.shutdown(socket.SHUT_WR)

    answers = connection.read_to_end()

    assert words(site) == case.seen
    finals = re.findall(rb"HTTP/1\.1 [2-5]\d\d ", answers)
    assert len(finals) == len(case.seen)


def test_corpus_is_large_and_its_names_are_its_own():
    names = [case.name for case in CASES]

    assert len(CASES) >= 150
    assert len(set(names)) == len(names)
    assert len(
        {case.data.replace(b"%03d" % case.number, b"") for case in CASES}
    ) == len(CASES)
