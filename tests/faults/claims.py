"""C9 and C10: headers that claim to be elsewhere, or to be somebody.

    python -m tests.faults C9 C10

Who guesses wants a new limit for each guess. So guesses come with a header that
only looks like X-Forwarded-For (oauth2-proxy CVE-2025-64484), from a thousand
addresses of which no proxy told (pretix CVE-2023-44463), and with values that
end in no address (authentik CVE-2024-47070). Whatever they claim, so many are
let in as one address may have; and no header but Authorization and Cookie says
who somebody is.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.attacks.claims import IDENTITIES, JUNK, TWINS
from tests.faults.figures import Figure, at_least, at_most
from tests.faults.peers import Peer, request
from tests.faults.servers import serving
from tests.processes import join, log_in

GUESSES_PER_HOUR = 5  # of one address
LIMIT = {"ADDRESS_FAILURES_PER_HOUR": str(GUESSES_PER_HOUR)}
GUESS = ("POST", "/auth/refresh")
LET_IN, LIMITED = 401, 429


def run_twins(folder: Path, *, guesses: int) -> list[Figure]:
    """Guess behind a proxy with each twin of its header; then claim a name."""
    with serving(folder, **LIMIT) as server:
        join(server)
        token = log_in(server).payload["access_token"]
        escaped = 0
        for number, name in enumerate(TWINS, 1):
            honest = f"X-Forwarded-For: 198.51.100.{number}"
            lines = [(honest, f"{name}: 203.0.113.{n}") for n in range(1, guesses + 1)]
            escaped += _guess(server.port, lines) != _one_limit(guesses)
        claims = ("alice", "alice@example.org", token, f"Bearer {token}")
        looks = [
            request("GET", "/auth/me", f"{name}: {claim}")
            for name in IDENTITIES
            for claim in claims
        ]
        statuses = asyncio.run(_statuses(server.port, looks))
    return [
        at_least("headers that look like the proxy's", len(TWINS), 29),
        at_most("of them, those that moved a limit", escaped, 0),
        at_least("headers that name somebody", len(IDENTITIES), 27),
        at_least("answers that knew nobody", statuses[LET_IN], len(looks)),
    ]


def run_addresses(folder: Path, *, addresses: int) -> list[Figure]:
    """Guess from so many made-up addresses, and from what is no address."""
    made_up = [f"203.0.{n // 250}.{n % 250 + 1}" for n in range(addresses)]
    with serving(folder, **LIMIT, TRUSTED_PROXIES="") as server:
        strangers = _guess(server.port, _forwarded(made_up))
    with serving(folder, **LIMIT) as server:
        behind = [f"{address}, 198.51.100.7" for address in made_up]
        in_front = _guess(server.port, _forwarded(behind))
        network = [f"2001:db8:0:1::{n:x}" for n in range(addresses)]
        of_ipv6 = _guess(server.port, _forwarded(network))
        junk = _guess(server.port, _forwarded(JUNK))
    return [
        at_most("claimed by a stranger, let in", strangers[LET_IN], GUESSES_PER_HOUR),
        at_most("claimed to a proxy, let in", in_front[LET_IN], GUESSES_PER_HOUR),
        at_most("of one IPv6 network, let in", of_ipv6[LET_IN], GUESSES_PER_HOUR),
        at_most("with junk, let in", junk[LET_IN], GUESSES_PER_HOUR),
        at_least(
            "all others, limited",
            sum(each[LIMITED] for each in (strangers, in_front, of_ipv6, junk)),
            3 * addresses + len(JUNK) - 4 * GUESSES_PER_HOUR,
        ),
    ]


def _one_limit(guesses: int) -> Counter[int]:
    return Counter({LET_IN: GUESSES_PER_HOUR, LIMITED: guesses - GUESSES_PER_HOUR})


def _forwarded(values: Iterable[str]) -> list[tuple[str]]:
    return [(f"X-Forwarded-For: {value}",) for value in values]


def _guess(port: int, sets: Iterable[tuple[str, ...]]) -> Counter[int]:
    guesses = [request(*GUESS, *lines, refresh_token="wrong") for lines in sets]
    return asyncio.run(_statuses(port, guesses))


async def _statuses(port: int, requests: Iterable[bytes]) -> Counter[int]:
    """Return how often each status came, over one connection."""
    peer = await Peer(port).connect()
    try:
        return Counter([(await peer.ask(each)).status for each in requests])
    finally:
        peer.close()
