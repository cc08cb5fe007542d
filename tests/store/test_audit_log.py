"""audit_log: what happened to a user, newest first, though the user be gone."""

from authserver.store import audit_log
from authserver.store.audit_log import Entry
from tests.store.rows import NOW

FIRST = Entry(
    id="1",
    at=NOW,
    event="login",
    outcome="ok",
    user_id="alice's id",
    identifier="alice",
    address="192.0.2.1",
    user_agent="Tester/1.0",
    request_id="0123456789abcdef",
)
SECOND = FIRST._replace(id="2", at=NOW + 1, event="logout")
OTHERS = FIRST._replace(id="3", user_id=None, identifier=None)


def test_latest_entries_of_a_user_are_listed(do):
    for entry in (FIRST, SECOND, OTHERS):
        do(audit_log.insert, entry)

    assert do(audit_log.list_by_user, "alice's id", limit=9) == [SECOND, FIRST]
    assert do(audit_log.list_by_user, "alice's id", limit=1) == [SECOND]
    assert do(audit_log.list_by_user, "bob's id", limit=9) == []


def test_old_entries_go_in_batches(do):
    for entry in (FIRST, SECOND, OTHERS):
        do(audit_log.insert, entry)

    def delete(before):
        return do(audit_log.delete_old, before=before, limit=1)

    deleted = [delete(NOW), delete(NOW + 1), delete(NOW + 1), delete(NOW + 1)]
    assert deleted == [0, 1, 1, 0]
    assert do(audit_log.list_by_user, "alice's id", limit=9) == [SECOND]
