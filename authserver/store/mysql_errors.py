"""What the numbers of MySQL's and MariaDB's errors mean to us.

    unique       this key exists already: the function may handle it
    constraint   the row breaks another rule of the schema: likewise
    conflict     somebody else was faster: run the whole transaction again
    outage       the server or the way to it failed: so are other connections
    mistake      anything else: our SQL is wrong, and nobody should hide that

The two servers agree on most numbers and go their own ways on newer ones. Any
client error (2000 to 2999, or -1 where the driver knows no number) means that
no answer came, whatever the reason.
"""

UNIQUE_ERRORS = frozenset({1062, 1586})
# NULL, missing, out of range, cut, wrong, too long; foreign keys; CHECK.
CONSTRAINT_ERRORS = frozenset(
    {1048, 1364, 1264, 1265, 1366, 1406, 1216, 1217, 1451, 1452, 3819, 4025}
)
# Chosen as victim of a deadlock, lock wait, NOWAIT, snapshot too old, and how
# Group Replication and Galera say that another node was faster.
CONFLICTS = frozenset({1213, 1205, 3572, 1020, 3101, 3100, 1180})
# Killed or told to stop, read-only, offline, no cluster, no room for another
# connection; login or database gone since the start; disk or memory full.
OUTAGES = frozenset(
    {1053, 1317, 1927, 3024, 1969, 1290, 1836, 3032, 1047, 1040, 1203, 1226, 4031}
    | {1044, 1045, 1049, 1130, 1698, 3118}
    | {3, 5, 1021, 1026, 1030, 1037, 1038, 1041, 1114, 1153, 1194, 1195}
)
CLIENT_ERRORS = range(2000, 3000)


def meaning(number: int | None) -> str:
    """Return one of the words above for an error's number."""
    if number in (None, -1) or number in OUTAGES or number in CLIENT_ERRORS:
        return "outage"
    if number in CONFLICTS:
        return "conflict"
    if number in UNIQUE_ERRORS:
        return "unique"
    return "constraint" if number in CONSTRAINT_ERRORS else "mistake"
