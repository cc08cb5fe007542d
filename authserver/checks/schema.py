"""The schema: whether it is ours, and what the next start will change."""

from authserver.checks import Finding, fail, ok, warn
from authserver.store import inspection, reading
from authserver.store.database import DatabaseError


def schema(url: str, engine: str) -> Finding:
    """Look at what the next start will have to apply."""
    try:
        pending = reading.look(url, inspection.list_pending, engine)
    except DatabaseError as error:
        newer = "a newer authserver" in str(error)
        return fail(str(error), "Install that version again." if newer else "")
    if pending:
        return warn(
            f"lacks {', '.join(pending)}.",
            "The next start brings it up to date, or before it: "
            "python server.py migrate",
        )
    return ok("its schema is up to date")
