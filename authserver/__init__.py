"""authserver: registration, login and sessions in one process.

To run it: `python server.py`. To embed it:

    from authserver import Settings, create_app, serve

    app = create_app(Settings(port=0, database_url="sqlite:///accounts.db"))
    running = serve(app)
    print(running.url)
    running.stop()

What serves is loaded when it is first named: commands that serve nobody do
without, and so does the parent of several workers.
"""

from typing import TYPE_CHECKING

from authserver import standard

standard.load("logging")  # before anybody in this house imports it

from authserver.settings import (  # noqa: E402 - as that imports it
    VERSION,
    Settings,
    SettingsError,
)

if TYPE_CHECKING:
    from authserver.runtime import Running, create_app, serve

__all__ = ["Running", "Settings", "SettingsError", "create_app", "serve"]
__version__ = VERSION


def __getattr__(name: str) -> object:
    """Load what serves (PEP 562)."""
    if name in __all__:
        from authserver import runtime

        return getattr(runtime, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
