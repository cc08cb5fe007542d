"""The least that an answer costs in Python: one loop, no parsing, no work.

    python -m tests.bench.peers.ceiling PORT ANSWER_FILE

What the kernel takes for `epoll_wait`, `recv` and `send` on this machine, with
an answer of the same size as the server's.
"""

import contextlib
import select
import socket
import sys
from pathlib import Path


def main() -> None:
    """Answer whatever arrives, for ever."""
    answer = Path(sys.argv[2]).read_bytes()
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poller.register(connection, select.EPOLLIN)
                continue
            connection = connections[descriptor]
            received = b""
            with contextlib.suppress(ConnectionResetError):
                received = connection.recv(16 * 1024)
            if received:
                connection.send(answer)
            else:
                poller.unregister(descriptor)
                del connections[descriptor]
                connection.close()


if __name__ == "__main__":
    main()
