"""Who asks again for what they have: an answer was lost on its way.

    done ... 10 s                      the client tries again at once
    done [around an outage] ... 30 s   it was told 503, time and again, until
                                       the database was back

While the database is away, a client cannot come back in time, however often it
asks. So what was done around an outage may still be asked for again for 30 s
after it; what was done long before, or after it, may not.
"""

from authserver.app import App

REPEAT_WITHIN_S = 10  # a client retries within seconds; a thief rarely can
REPEAT_AFTER_OUTAGE_S = 30  # who was refused again and again backs off that far


def fell_into_outage(app: App, ago_s: int) -> bool:
    """Tell whether the answer to something done then was lost in an outage.

    And whether that is so lately that its client may come only now.
    """
    outage = app.database.outage
    if outage is None:
        return False
    began_ago_s = app.monotonic() - outage.began
    ended_ago_s = app.monotonic() - outage.ended
    return (
        ended_ago_s <= REPEAT_AFTER_OUTAGE_S
        and int(ended_ago_s) <= ago_s <= began_ago_s + REPEAT_WITHIN_S
    )
