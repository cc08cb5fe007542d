"""Whether the server can do its work."""

from authserver.app import App
from authserver.store import users


def check_database(app: App) -> None:
    """Return if the database answers; raise `Unavailable` if it does not."""
    app.database.read(users.find_by_id, "")  # nobody has it; any read will do
