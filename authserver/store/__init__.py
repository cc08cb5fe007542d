"""SQL lives here and nowhere else: one file per table, one per engine.

What flows know of a database, whichever it is:

    database        transactions are functions; opening one by its URL
    tally           how many there were

One file per table: `users`, `registrations`, `sessions`, `refresh_tokens`,
`one_time_codes`, `known_addresses`, `limits`, `outbox`, `audit_log`. On top of
`limits`, `buckets` counts for all processes together.

SQLite, the default:

    sqlite          opening the file, and what its driver reports
    one_writer      one writer commits for all who wait
    waiting         the queue before it
    groups          functions that share a commit
    readers         connections that read, and what they remember
    rounds          a thread that works in rounds, and what it is told
    lockfile        one process per file

MySQL and MariaDB, to grow into:

    mysql           connecting, and what the driver reports
    many_writers    each transaction on a connection of its own, run again
    tries           one try, and knowing whether it stands
    pool            the connections
    hosts           which host they lead to, and when not to try
    outages         when the server was away
    mysql_url       where it is, and where a password may travel
    mysql_start     what is asked of a server before it is used
    mysql_errors    what went wrong

What operators need: `migrations` of the schema, `copying` from SQLite to MySQL,
`reading` beside a running server, `inspection` of what is found there.
"""
