"""What every engine promises alike: the contract of `database.Database`."""

import contextvars
import threading

import pytest

from authserver.store import limits, sessions, users
from authserver.store.database import (
    ConstraintViolation,
    UniqueViolation,
    open_database,
)
from authserver.store.limits import Limit
from tests.conftest import PATIENCE_S
from tests.store.rows import ALICE, SESSION

INSERT = "INSERT INTO limits (name, tokens, updated_at, blocked_until, blocks)"
REQUEST_ID = contextvars.ContextVar("request_id", default="-")


def insert(tx, name, tokens=1.0):
    limits.insert(tx, Limit(name, tokens, 0))


def names(tx):
    return [name for (name,) in tx.all("SELECT name FROM limits ORDER BY name")]


def test_execute_counts_matched_rows_even_if_nothing_changes(opened):
    opened.transaction(insert, "a")

    matched = opened.transaction(
        lambda tx: [
            tx.execute("UPDATE limits SET tokens = 1 WHERE name = ?", ("a",)),
            tx.execute("UPDATE limits SET tokens = 1 WHERE name = ?", ("b",)),
        ]
    )

    assert matched == [1, 0]


def test_absent_row_is_none_and_absent_rows_are_no_rows(opened):
    assert opened.read(lambda tx: tx.one("SELECT name FROM limits")) is None
    assert opened.read(lambda tx: tx.all("SELECT name FROM limits")) == []


def test_existing_key_is_a_unique_violation_and_the_function_may_go_on(opened):
    def insert_or_go_on(tx):
        insert(tx, "before")
        with pytest.raises(UniqueViolation):
            insert(tx, "before")
        insert(tx, "after")

    opened.transaction(insert_or_go_on)

    assert opened.read(names) == ["after", "before"]


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("type", f"{INSERT} VALUES ('a', 'many', 0, 0, 0)"),
        ("NOT NULL", f"{INSERT} VALUES ('a', NULL, 0, 0, 0)"),
        ("missing", "INSERT INTO limits (name, tokens) VALUES ('a', 1)"),
        (
            "FOREIGN KEY",
            "INSERT INTO known_addresses (user_id, address, last_login_at) "
            "VALUES ('nobody', '::1', 0)",
        ),
    ],
)
def test_rule_of_the_schema_is_a_constraint_violation(opened, rule, statement):
    with pytest.raises(ConstraintViolation) as violation:
        opened.transaction(lambda tx: tx.execute(statement))

    assert type(violation.value) is ConstraintViolation


def test_mistake_in_the_sql_stays_a_bug_of_its_caller(opened):
    with pytest.raises(Exception, match=r"no such table|doesn't exist"):
        opened.transaction(lambda tx: tx.all("SELECT 1 FROM nowhere"))
    with pytest.raises(Exception, match=r"no such table|doesn't exist"):
        opened.read(lambda tx: tx.one("SELECT 1 FROM nowhere"))

    assert opened.read(names) == []


def test_what_a_function_wrote_before_it_raised_is_undone(opened):
    def fail(tx):
        insert(tx, "half")
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        opened.transaction(fail)

    assert opened.read(names) == []


def test_read_sees_one_moment_whatever_is_committed_meanwhile(opened):
    opened.transaction(insert, "early")

    def read_around_a_commit(tx):
        before = names(tx)
        other = threading.Thread(target=opened.transaction, args=(insert, "late"))
        other.start()
        other.join()
        return before, names(tx)

    assert opened.read(read_around_a_commit) == (["early"], ["early"])
    assert opened.read(names) == ["early", "late"]


@pytest.mark.parametrize("outer", ["transaction", "read"])
@pytest.mark.parametrize("inner", ["transaction", "read", "later", "close"])
def test_nested_use_is_refused(opened, outer, inner):
    arguments = () if inner == "close" else (names,)

    with pytest.raises(RuntimeError, match="waits for itself"):
        getattr(opened, outer)(lambda tx: getattr(opened, inner)(*arguments))


def test_what_is_left_for_later_is_done_before_closing(opened, database_url):
    opened.later(insert, "later")
    opened.close()
    opened.close()

    again = open_database(database_url, now=0)
    assert again.read(names) == ["later"]
    again.close()


def test_failure_of_what_nobody_waits_for_is_logged(opened, caplog):
    opened.later(lambda tx: tx.execute("NONSENSE"))
    opened.close()

    assert "an unawaited transaction failed" in caplog.text


@pytest.mark.parametrize("way", ["transaction", "read", "later"])
def test_function_runs_in_its_callers_context(opened, way):
    seen, done = [], threading.Event()
    REQUEST_ID.set("42")

    def note(tx):
        seen.append(REQUEST_ID.get())
        done.set()

    getattr(opened, way)(note)

    assert done.wait(PATIENCE_S)
    assert seen == ["42"]


@pytest.mark.parametrize("other", ["ALICE", "alic\u00e9", "alice ", "alice\0"])
def test_other_spelling_is_another_key(opened, other):
    opened.transaction(insert, "alice")
    opened.transaction(insert, other)

    assert opened.read(limits.find_by_name, "alice").name == "alice"
    assert opened.read(limits.find_by_name, other).name == other


@pytest.mark.parametrize("tokens", [1 / 3, 0.1, 9.999999999999998, 1e-9, 123456789.5])
def test_numbers_come_back_as_they_were(opened, tokens):
    opened.transaction(insert, "a", tokens)

    assert opened.read(limits.find_by_name, "a").tokens == tokens


def test_times_beyond_2038_are_kept(opened):
    opened.transaction(limits.insert, Limit("a", 1, 2**40))

    assert opened.read(limits.find_by_name, "a").updated_at == 2**40


@pytest.mark.parametrize(
    "text",
    ["\U0001f600 \u00e9\u00df", "100 % ? %s %(x)s %%", "a'b\"c\\d`e--/*", "\n\t\0\x1a"],
)
def test_text_comes_back_as_it_was(opened, text):
    def store(tx):
        users.insert(tx, ALICE)
        sessions.insert(tx, SESSION._replace(user_agent=text))

    opened.transaction(store)

    assert opened.read(sessions.find_by_id, SESSION.id).user_agent == text


def test_closed_database_is_unavailable(opened):
    opened.close()

    with pytest.raises(Exception, match="the database is closed"):
        opened.transaction(names)
    with pytest.raises(Exception, match="the database is closed"):
        opened.read(names)


def test_description_names_the_product(opened, engine):
    names = {"sqlite": "SQLite", "mariadb": "MariaDB", "mysql": "MySQL"}

    assert opened.description.product == names[engine]
    assert opened.description.version[0].isdigit()
