"""A port for a server that cannot be given port 0."""

import contextlib
import random
import socket

# Below those that the system gives to outgoing connections: one of them could
# take the port between our look and the server's.
CHOICE = range(10_000, 32_000)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    while True:
        port = random.choice(CHOICE)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
