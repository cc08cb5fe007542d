"""Opening MySQL: what it needs, what the URL says, and a sentence when not."""

import sys

import pytest

from authserver import store
from authserver.store import limits, mysql_start, mysql_url
from authserver.store.database import DatabaseError, open_database
from authserver.store.limits import Limit
from authserver.store.mysql_url import Node
from tests import databases
from tests.ports import free_port

NOW = 1_800_000_000
needs_mariadb = pytest.mark.skipif(not databases.HAVE_MARIADB, reason="no mariadbd")
SENTENCE = r"^[A-Z].*\.$"


def reply(text):
    """Return a stand-in for a server that answers every question so."""

    class Server:
        def one(self, sql, parameters=()):
            return (text, "")

    return Server()


# -- the URL


def test_url_is_taken_apart():
    target = mysql_url.parse("mysql://al%40ce:p%2Fw:%3F@localhost/name")

    assert (target.user, target.password, target.name) == ("al@ce", "p/w:?", "name")
    assert target.nodes == (Node("localhost", 3306),)


@pytest.mark.parametrize(
    ("hosts", "nodes"),
    [
        ("127.0.0.1:3307", [("127.0.0.1", 3307)]),
        ("[::1]:3307,[::1]", [("::1", 3307), ("::1", 3306)]),
        ("a.example.org,b:33", [("a.example.org", 3306), ("b", 33)]),
    ],
)
def test_hosts_are_a_list(hosts, nodes):
    target = mysql_url.parse(f"mysql://u:p@{hosts}/name?ssl_ca=/ca.pem")

    assert list(target.nodes) == nodes
    assert target.ssl_ca == "/ca.pem"


def test_socket_needs_no_host():
    target = mysql_url.parse("mysql://u:p@/name?unix_socket=/run/mysqld/mysqld.sock")

    assert target.unix_socket == "/run/mysqld/mysqld.sock"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://", "must be mysql://user:password@host/name"),
        ("mysql:me:hush@localhost/name", "must be mysql://user:password@host/name"),
        ("mysql://me:hush@localhost", "must be mysql://user:password@host/name"),
        ("mysql://me:hush@localhost/", "must be mysql://user:password@host/name"),
        ("mysql://:hush@localhost/name", "must be mysql://user:password@host/name"),
        ("mysql://me:hush@localhost/a/b", "must be mysql://user:password@host/name"),
        ("mysql://me:hush@localhost:x/name", "names a host that is none"),
        ("mysql://me:hush@localhost:0/name", "names a host that is none"),
        ("mysql://me:hush@localhost:65536/name", "names a host that is none"),
        ("mysql://me:hush@localhost,/name", "names a host that is none"),
        ("mysql://me:hush@localhost/name?ssl=hush", "knows the options ssl_ca and"),
        ("mysql://me:hush@db.example.org/name", "another machine, without ssl_ca"),
        ("mysql://me:hush@127.0.0.1,10.0.0.1/name", "10.0.0.1, another machine"),
        ("mysql://me:hush@0.0.0.0/name", "another machine, without ssl_ca"),
    ],
)
def test_url_that_cannot_work_is_refused_without_its_password(url, reason):
    with pytest.raises(DatabaseError, match=reason) as refusal:
        mysql_url.parse(url)

    assert "hush" not in str(refusal.value)


def test_target_does_not_show_its_password():
    assert "hush" not in repr(mysql_url.parse("mysql://me:hush@localhost/name"))


# -- the server


@needs_mariadb
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("test:test@", "test:wrong@"), "Access denied for user 'test'"),
        (("/test_fresh", "/test_missing"), "Unknown database 'test_missing'"),
    ],
)
def test_server_that_refuses_us_is_quoted(fresh, change, reason):
    _, url = fresh

    with pytest.raises(DatabaseError, match=f"cannot be used: .*{reason}") as refusal:
        open_database(url.replace(*change), now=NOW)

    assert "wrong" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_server_that_is_not_there_is_named():
    port = free_port()

    with pytest.raises(DatabaseError, match=f"127.0.0.1:{port}: .*Can't connect"):
        open_database(f"mysql://test:test@127.0.0.1:{port}/test", now=NOW)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mysql.connector", None)
    monkeypatch.delitem(sys.modules, "authserver.store.mysql", raising=False)
    monkeypatch.delattr(store, "mysql", raising=False)

    with pytest.raises(DatabaseError, match="pip install mysql-connector-python"):
        open_database("mysql://test:test@127.0.0.1/test", now=NOW)


@pytest.mark.parametrize(
    ("version", "oldest"),
    [
        ("5.7.44", "MySQL 5.7.44; authserver needs 8.0.16"),
        ("8.0.15-log", "MySQL 8.0.15-log; authserver needs 8.0.16"),
        ("10.5.22-MariaDB", "MariaDB 10.5.22-MariaDB; authserver needs 10.6.0"),
    ],
)
def test_server_that_is_too_old_is_refused(version, oldest):
    with pytest.raises(DatabaseError, match=oldest):
        mysql_start.describe(reply(version), driver="")


@pytest.mark.parametrize("version", ["8.0.16", "9.7.4-2", "10.6.0-MariaDB", "8.4.0"])
def test_server_that_is_new_enough_is_described(version):
    assert mysql_start.describe(reply(version), driver="d").version == version


@needs_mariadb
def test_table_without_transactions_is_refused(fresh):
    server, url = fresh
    server.run("CREATE TABLE test_fresh.users (id INTEGER PRIMARY KEY) ENGINE=MyISAM")

    with pytest.raises(DatabaseError, match="users is not kept by InnoDB"):
        open_database(url, now=NOW)


@needs_mariadb
def test_user_who_may_not_create_tables_is_told(fresh):
    server, url = fresh
    server.run(
        "CREATE USER IF NOT EXISTS reader@'127.0.0.1' IDENTIFIED BY 'r'",
        "GRANT SELECT ON test_fresh.* TO reader@'127.0.0.1'",
    )

    with pytest.raises(DatabaseError, match="CREATE command denied"):
        open_database(url.replace("test:test", "reader:r"), now=NOW)


@needs_mariadb
def test_user_who_may_only_use_the_tables_can_serve(fresh):
    server, url = fresh
    open_database(url, now=NOW).close()
    server.run(
        "CREATE USER IF NOT EXISTS service@'127.0.0.1' IDENTIFIED BY 's'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON test_fresh.* TO service@'127.0.0.1'",
    )

    serving = open_database(url.replace("test:test", "service:s"), now=NOW)

    assert serving.applied == ()
    serving.close()


@needs_mariadb
@pytest.mark.parametrize(
    "variable",
    [
        "sql_safe_updates = 1",
        "sql_select_limit = 1",
        "completion_type = 1",
        "tx_read_only = 1",
    ],
)
def test_a_servers_odd_defaults_change_nothing(fresh, variable):
    server, url = fresh
    name = variable.partition(" ")[0]
    server.run(f"SET GLOBAL {variable}")

    try:
        database = open_database(url, now=NOW)
        for number in range(3):
            limit = Limit(str(number), 0, NOW)
            database.transaction(lambda tx, limit=limit: limits.insert(tx, limit))
        rows = database.read(lambda tx: tx.all("SELECT name FROM limits"))
        database.close()
    finally:
        server.run(f"SET GLOBAL {name} = DEFAULT")

    assert len(rows) == 3
