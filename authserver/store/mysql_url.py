"""What DATABASE_URL says about MySQL, and where a password may travel.

    mysql://user:password@host:3306,host2:3306/name?ssl_ca=/etc/ssl/mysql-ca.pem
    mysql://user:password@/name?unix_socket=/run/mysqld/mysqld.sock

User, password and name are percent-encoded where they hold one of `:/?#@%`.
Several hosts are one database: the nodes of a cluster, or a primary and its
replicas. They are tried in order, and read-only ones are passed over.

Encryption is all or nothing. With `ssl_ca` the server must show a certificate
that this authority signed for the very host name in the URL; anything less (a
certificate not checked, a name not compared, TLS only if offered) falls to
whoever sits between and strips it. Without `ssl_ca` only this machine is
reached: a unix socket, or a loopback address, where TLS is used if offered,
since MySQL's default login (caching_sha2_password) asks for it.

No refusal repeats the value, which holds the password.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from authserver.setting_rules import is_loopback
from authserver.store.database import DatabaseError

DEFAULT_PORT = 3306
OPTIONS = frozenset({"ssl_ca", "unix_socket"})
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")


class Node(NamedTuple):
    """One server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Target(NamedTuple):
    """Everything that the URL says."""

    user: str
    password: str
    nodes: tuple[Node, ...]
    name: str
    ssl_ca: str = ""
    unix_socket: str = ""

    def __repr__(self) -> str:
        return f"Target({', '.join(map(str, self.nodes))}, {self.name})"


def parse(url: str) -> Target:
    """Take a URL apart; raise `DatabaseError` with a sentence."""
    rest, _, query = url.removeprefix("mysql://").partition("?")
    authority, _, name = rest.partition("/")
    login, _, hosts = authority.rpartition("@")
    user, _, password = login.partition(":")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not url.startswith("mysql://") or not user or not name or "/" in name:
        raise DatabaseError(
            "DATABASE_URL must be mysql://user:password@host/name, with %40 for @ "
            "and the like inside its parts."
        )
    unknown = sorted(options.keys() - OPTIONS)
    if unknown:
        raise DatabaseError(
            "DATABASE_URL knows the options ssl_ca and unix_socket after its "
            "question mark, and no other."
        )
    socket = options.get("unix_socket", "")
    target = Target(
        user=unquote(user),
        password=unquote(password),
        nodes=_nodes(hosts or "localhost"),
        name=unquote(name),
        ssl_ca=options.get("ssl_ca", ""),
        unix_socket=socket,
    )
    if not socket and not target.ssl_ca:
        _must_be_here(target.nodes)
    return target


def _nodes(hosts: str) -> tuple[Node, ...]:
    found = [HOST.fullmatch(part) for part in hosts.split(",")]
    nodes = tuple(
        Node(match[1].strip("[]"), int(match[2] or DEFAULT_PORT))
        for match in found
        if match
    )
    if len(nodes) < len(found) or any(not 0 < node.port < 65536 for node in nodes):
        raise DatabaseError(
            "DATABASE_URL names a host that is none: it must be host, host:port, or "
            "several of them with commas between."
        )
    return nodes


def _must_be_here(nodes: tuple[Node, ...]) -> None:
    """Refuse to send passwords in clear to other machines."""
    for node in nodes:
        if not is_loopback(node.host):
            raise DatabaseError(
                f"DATABASE_URL names {node.host}, another machine, without ssl_ca: "
                f"add ?ssl_ca=/path/to/ca.pem, the authority that signed its "
                f"certificate, or passwords would travel in clear."
            )
