"""A MySQL or MariaDB server, and what its defaults would cost us.

The server says "committed" when the change is on disk only as long as two of
its variables say so; many distributions and hosting companies relax them for
speed. Then a power cut takes logouts, resets and spent codes back.
"""

from collections.abc import Iterator

from authserver.checks import Finding, fail, ok, warn
from authserver.checks.schema import schema
from authserver.store import inspection
from authserver.store.database import DatabaseError
from authserver.store.inspection import Server


def engine(url: str) -> Iterator[Finding]:
    """Connect, and look at the server, the driver and the schema."""
    try:
        server = inspection.look_at_server(url)
    except DatabaseError as error:
        yield fail(
            str(error),
            "Check that the server runs, and the host, user, password and name in "
            "DATABASE_URL.",
        )
        return
    what = server.description
    encrypted = "encrypted" if what.encrypted else "not encrypted"
    yield ok(f"{what.product} {what.version}, {encrypted}")
    yield _driver(what.driver)
    yield _strictness(server)
    yield _durability(server)
    yield from _cluster(server)
    yield schema(url, "mysql")


def _driver(name: str) -> Finding:
    if name.endswith("(C)"):
        return ok(name)
    return warn(
        f"{name}: its C part does not load, and Python takes twice as long.",
        "Install the version that requirements.txt names; newer ones need a newer "
        "OpenSSL than Debian 12 has.",
    )


def _strictness(server: Server) -> Finding:
    if "STRICT_ALL_TABLES" in server.variables.get("sql_mode", ""):
        return ok("strict: what does not fit is refused")
    return fail(
        "the connection is not strict, though we ask for it: values may be cut.",
        "Look for a proxy between us and the server that swallows SET SESSION.",
    )


def _durability(server: Server) -> Finding:
    lax = []
    if server.variables.get("innodb_flush_log_at_trx_commit", "1") != "1":
        lax.append("innodb_flush_log_at_trx_commit=1")
    logging = server.variables.get("log_bin", "OFF") == "ON"
    if logging and server.variables.get("sync_binlog", "1") != "1":
        lax.append("sync_binlog=1")
    if not lax:
        return ok("a commit is on disk when it is answered")
    return warn(
        "a power cut may take back what was acknowledged, logouts too.",
        f"Set on the server: {', '.join(lax)}",
    )


def _cluster(server: Server) -> Iterator[Finding]:
    if server.variables.get("wsrep_on", "OFF") == "ON":
        state = server.status.get("wsrep_cluster_status", "")
        told = f"Galera cluster of {server.status.get('wsrep_cluster_size')}, {state}"
        yield (
            ok(told)
            if state == "Primary"
            else fail(f"{told}.", "Start more of its nodes: it has no majority.")
        )
    elif server.variables.get("group_replication_group_name"):
        yield ok("a member of a Group Replication")
