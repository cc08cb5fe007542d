"""Somebody between a client and a MySQL server, who cuts lines or forges words.

`cuts` says what happens at the next COMMITs, first to last: "before" cuts the
line so that the server never hears of it, "after" lets the server commit and
cuts the line before its answer comes back; "away" does that too, and then sets
`away`: until somebody clears it, every line is cut. Meant are the COMMITs of
transactions with a statement that `having` is part of. `hide_tls` clears the
flag in the server's greeting that offers TLS. Works on connections without TLS
only.
"""

import contextlib
import socket
import threading
from dataclasses import dataclass, field

CLIENT_SSL = 0x0800  # a capability flag, in the lower two bytes of them


@dataclass
class Proxy:
    """Listens from `start` on, one thread for each connection."""

    server_port: int
    cuts: list[str] = field(default_factory=list)
    having: bytes = b""
    hide_tls: bool = False
    away: bool = False

    def start(self) -> "Proxy":
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        # Closing alone would not wake the thread that waits in `accept`.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,)).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass on what is said in turns: one packet, then its answer."""
        if self.away:
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self.server_port))
        with client, server, contextlib.suppress(OSError):
            greeting = server.recv(65536)
            client.sendall(_without_tls(greeting) if self.hide_tls else greeting)
            heard = b""
            while (said := client.recv(65536)) and not self.away:
                cut = ""
                heard = said if said.endswith(b"START TRANSACTION") else heard + said
                if said.endswith(b"COMMIT") and self.cuts and self.having in heard:
                    cut = self.cuts.pop(0)
                if cut == "before":
                    return
                server.sendall(said)
                answer = server.recv(65536)
                if cut == "away":
                    self.away = True
                if cut in ("after", "away"):
                    return
                client.sendall(answer)


def _without_tls(greeting: bytes) -> bytes:
    # Header of 4, protocol of 1, version up to a zero, then 4 + 8 + 1 bytes.
    at = greeting.index(b"\0", 5) + 1 + 4 + 8 + 1
    flags = int.from_bytes(greeting[at : at + 2], "little") & ~CLIENT_SSL
    return greeting[:at] + flags.to_bytes(2, "little") + greeting[at + 2 :]
